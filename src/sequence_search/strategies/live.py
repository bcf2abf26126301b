"""The live picture of a search, on stderr or in a notebook; the command line sets a study's above it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sequence_search.strategies.base import Monitor, Progress
from sequence_search.words import time_text

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

BAR_WIDTH = 16
Row = tuple["RenderableType", ...]


class SearchView:
    """Where the search of this process is: a row with its name, bar, count, time and loss, and its note."""

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self._began = 0.0

    def show(self, progress: Progress) -> None:
        """Take the progress to show from now on."""
        if self.progress is None or self.progress.seed != progress.seed:
            self._began = time.monotonic()
        self.progress = progress

    def rows(self) -> list[Row]:
        """None before the first progress."""
        if (now := self.progress) is None:
            return []
        name = "grid" if now.unit == "point" else f"seed {now.seed}"
        spent = time_text(time.monotonic() - self._began)
        return [(name, bar(now.n_steps, now.step), count_text(now), spent, f"loss {now.loss:.5g}")]

    def picture(self) -> RenderableType:
        """The row and the note."""
        return picture(self.rows(), [self.progress.note] if self.progress else [])


def count_text(progress: Progress) -> str:
    """As "step 300 of 20,000"; rounds may end before the last, once they bring nothing."""
    most = ", at most" if progress.unit == "round" else " of"
    return f"{progress.unit} {progress.step:,}{most} {progress.n_steps:,}"


def bar(total: int, done: int) -> RenderableType:
    """A bar of fixed width."""
    from rich.progress_bar import ProgressBar

    return ProgressBar(total, done, BAR_WIDTH)


def picture(rows: Iterable[Row], lines: Iterable[str]) -> RenderableType:
    """Rows whose cells stay whole, in columns, above the lines that are not empty."""
    from rich.console import Group
    from rich.table import Column, Table
    from rich.text import Text

    table = Table.grid(*(Column(no_wrap=True) for _ in range(5)), padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*row)
    return Group(table, *(Text(line) for line in lines if line))


def live(console: Console, draw: Callable[[], RenderableType]) -> Live:
    """A picture that is drawn twice a second, for as long as the block lasts, and then removed."""
    from rich.live import Live

    return Live(get_renderable=draw, console=console, transient=True, refresh_per_second=2)


@contextmanager
def live_progress(wanted: bool) -> Iterator[Monitor]:
    """Monitor that shows the search; nothing if that is not wanted, or nobody watches."""
    from rich.console import Console

    console = Console(stderr=True)
    if not wanted or not (console.is_terminal or console.is_jupyter):
        yield Monitor()
        return
    view = SearchView()
    with live(console, view.picture):
        yield Monitor(view.show)
