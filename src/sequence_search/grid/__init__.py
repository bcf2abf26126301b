"""Grid searches, against which designs are measured. Sequence Search, Sec. II.E.4."""
