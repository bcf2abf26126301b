"""Progress of a search where a person watches: a bar on stderr, or in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sequence_search.strategies.base import Monitor, Progress


@contextmanager
def live_progress(wanted: bool) -> Iterator[Monitor]:
    """Monitor that shows a bar of the seed at work, its loss and what it does, and removes it at the end.

    Parameters
    ----------
    wanted : bool
        If not, or where nobody watches, the monitor shows nothing.
    """
    if not wanted:
        yield Monitor()
        return
    from rich.console import Console

    console = Console(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        yield Monitor()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar
    from rich.table import Column

    what = TextColumn(
        "{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)
    )
    columns = (BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), what)
    with Bar(*columns, console=console, transient=True, expand=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(progress: Progress) -> None:
            text = f"seed {progress.seed}  loss {progress.loss:.5g}  {progress.note}"
            bar.update(task, completed=progress.step, total=progress.n_steps, description=text)

        yield Monitor(show)
