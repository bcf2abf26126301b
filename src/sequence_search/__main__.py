"""``python -m sequence_search``."""

from sequence_search.cli import main

main()
