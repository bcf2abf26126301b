"""The command line: each command parses, calls one library function and prints its result."""

# isort: off - each adds its commands, and `--help` lists them in this order
from sequence_search.cli import design, paper, problems, studies
from sequence_search.cli.app import app, main, repeat_flags

__all__ = ["app", "design", "main", "paper", "problems", "repeat_flags", "studies"]
