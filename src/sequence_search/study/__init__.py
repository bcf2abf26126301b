"""Studies: many seeds of one or more problems, in a folder that survives anything."""
