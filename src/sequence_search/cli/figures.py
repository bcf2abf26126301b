"""Files that commands draw of what a study found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sequence_search.pulses.kinds import Kind
    from sequence_search.strategies.result import Run

MOST_DRAWN = 40


def draw_operations(found: dict[str, list[Run]], study: Path, file: Path) -> None:
    """Of the best seed of the one problem."""
    from sequence_search.report.drawing import write_figure
    from sequence_search.report.operations import operations_figure
    from sequence_search.strategies.result import best_run

    if len(found) > 1:
        raise ValueError(f"{study} has several problems: pass --problem, one of {', '.join(found)}")
    ((name, runs),) = found.items()
    best = best_run(runs)
    if best is not None:
        write_figure(operations_figure(best, f"{name}, seed {best.seed}"), file, dpi=200)


def draw_designs(found: dict[str, list[Run]], kinds: dict[str, Mapping[str, Kind]], file: Path) -> None:
    """Diagrams of all that are listed, with the kinds of pulse of each problem."""
    from sequence_search.report.drawing import write_figure
    from sequence_search.report.figures import design_title, designs_figure

    if len(found) > 1:
        raise ValueError(f"--figure is of one problem: pass --problem, one of {', '.join(found)}")
    ((name, runs),) = found.items()
    drawn = {
        f"{number} of seed {run.seed}, {design_title(name, each.evaluation)}": each.sequence
        for run in runs
        for number, each in enumerate(run.families, start=1)
    }
    if len(drawn) > MOST_DRAWN:
        raise ValueError(f"--figure draws at most {MOST_DRAWN} designs, got {len(drawn)}: leave out --all")
    write_figure(designs_figure(drawn.values(), drawn, kinds[name]), file, dpi=200)
