"""The command line: each command parses, calls one library function and prints its result."""

from sequence_search.cli import (
    analysis,
    clinic,
    design,
    evaluation,
    explanation,
    paper,
    playback,
    preview,
    problems,
    pulseq,
    report,
    studies,
    view,
)
from sequence_search.cli.app import app, arrange, main, repeat_flags

# As `--help` lists them: in the order of a user's work.
arrange(
    {
        "Problems": ("init", "validate", "list", "show"),
        "Search": ("run", "designs", "evaluate", "preview", "explain", "sensitivity", "tradeoff"),
        "Pulseq files": ("export", "check", "import"),
        "Studies": ("resume", "status", "table", "report", "view"),
        "The paper": ("grid", "reproduce"),
        "The textbooks": ("clinic",),
        "Clusters": ("slurm",),
    }
)

__all__ = [
    "analysis",
    "app",
    "clinic",
    "design",
    "evaluation",
    "explanation",
    "main",
    "paper",
    "playback",
    "preview",
    "problems",
    "pulseq",
    "repeat_flags",
    "report",
    "studies",
    "view",
]
