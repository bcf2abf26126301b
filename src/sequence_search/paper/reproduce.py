"""The paper's seven conditions as one study, with grids, tables, figures and a summary in its folder."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

from sequence_search.classify import category_text
from sequence_search.grid.phase_map import phase_map
from sequence_search.paper.conditions import LABELS, MAP_PHASE, MAP_TE, PREFERRED_PHASES_DEG
from sequence_search.paper.figures import paper_figure
from sequence_search.paper.formats import WRITERS
from sequence_search.paper.phase_map import phase_map_figure
from sequence_search.paper.rates import title_of
from sequence_search.paper.summary import Condition, make_condition, occurrence_rows, summary
from sequence_search.paper.values import TITLES
from sequence_search.report.convergence import convergence_figure
from sequence_search.report.drawing import save_figure
from sequence_search.sequence import Sequence
from sequence_search.storage import write_bytes
from sequence_search.strategies.base import Monitor
from sequence_search.strategies.result import best_run
from sequence_search.study.grid_optimum import grid_optimum
from sequence_search.study.plan import DERIVED
from sequence_search.study.records import csv_text
from sequence_search.study.study import Study
from sequence_search.words import counted

SUMMARY = "summary.md"
TITLE_CHARACTERS = 34  # of a line above a design
SUFFIXES = {"markdown": "md", "csv": "csv", "latex": "tex", "json": "json"}


def derive(
    study: Study,
    command: str,
    monitor: Monitor | None = None,
    tell: Callable[[str], None] = lambda what: None,
) -> Path | None:
    """Grids, tables, figures and rates of what a study has, and `summary.md` last. None if it was stopped.

    Parameters
    ----------
    command : str
        That makes the study, for the summary.
    tell : callable
        Gets a word on what comes next.

    Raises
    ------
    StorageError
        If a file cannot be written.
    """
    monitor = monitor or Monitor()
    conditions = []
    for name, problem in study.problems.items():
        tell(f"grid of {name}")
        grid = grid_optimum(study.folder, problem, monitor)
        if monitor.stop():
            return None
        conditions.append(make_condition(problem, study.runs(name), grid))
    folder = study.folder / DERIVED
    pictures = {}
    for each in conditions:
        tell(f"tables and figures of {each.problem.name}")
        for form, write in WRITERS.items():
            path = folder / "tables" / f"{each.label}-{each.problem.name}.{SUFFIXES[form]}"
            write_bytes(path, write([each.table]).encode())
        paths = _draw(folder / "figures", each)
        pictures[each.label] = [f"{DERIVED}/figures/{path.name}" for path in paths if path.suffix == ".png"]
    # Sec. IV.A, for each contrast weight of Table VII.
    names = [name for name in PREFERRED_PHASES_DEG if name in study.problems]
    maps = [phase_map(study.problems[name], MAP_TE, MAP_PHASE) for name in names]
    if maps:
        save_figure(phase_map_figure(maps), folder / "figures" / "phase-map")
        pictures[LABELS[names[0]]].append(f"{DERIVED}/figures/phase-map.png")
    strategy = title_of(study.plan.strategy, study.plan.options)
    rates = csv_text(occurrence_rows(conditions, strategy))
    write_bytes(folder / "occurrence.csv", rates.encode())
    text = summary(conditions, maps, command, strategy, pictures)
    write_bytes(study.folder / SUMMARY, text.encode())
    return study.folder / SUMMARY


def figure_designs(each: Condition) -> dict[str, Sequence]:
    """Designs of a condition's figure by title: the grid optimum, the first and the last of the paper's rows.

    The best design too, if it is of neither of these categories.
    """
    designs = {} if each.grid is None else {TITLES["grid"]: each.grid}
    found = [(match.row.name, match.sequence) for match in each.table.matches if match.sequence is not None]
    shown = dict([*found[:1], *found[1:][-1:]])
    designs |= {name.removesuffix(" sequences"): sequence for name, sequence in shown.items()}
    best = best_run(each.runs)
    if best is not None and best.sequence is not None:
        what = category_text(best.sequence, each.problem.categories)
        if what not in shown:
            designs[f"Best design: {what}"] = best.sequence
    return {
        textwrap.fill(title, TITLE_CHARACTERS, break_on_hyphens=False): design
        for title, design in designs.items()
    }


def _draw(folder: Path, each: Condition) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{each.label}-{each.problem.name}"
    paths: list[Path] = []
    designs = figure_designs(each)
    if designs:
        figure = paper_figure(each.problem, designs.values(), designs)
        paths += save_figure(figure, folder / f"{stem}-designs")
    if any(run.families for run in each.runs):
        figure = convergence_figure(each.runs, f"{each.problem.name}, {counted(len(each.runs), 'seed')}")
        paths += save_figure(figure, folder / f"{stem}-convergence")
    return paths
