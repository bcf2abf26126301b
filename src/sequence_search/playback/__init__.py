"""A Pulseq file read back: what it plays in time, what that gives in a problem, and the design that it is."""
