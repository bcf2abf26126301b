"""Compiled CPU code of the exact simulation: numbers in, numbers out, no torch."""
