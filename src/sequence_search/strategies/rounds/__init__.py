"""Strategies that propose, refine and select in rounds."""
