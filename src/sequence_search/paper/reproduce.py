"""The paper's seven conditions as one study, with grids, tables, figures and a summary in its folder."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sequence_search.grid.phase_map import PhaseMap, phase_map
from sequence_search.paper.figures import paper_figure
from sequence_search.paper.phase_map import phase_map_figure
from sequence_search.paper.study_tables import WRITERS
from sequence_search.paper.summary import Condition, make_condition, summary
from sequence_search.problem.problem import Problem
from sequence_search.report.convergence import convergence_figure
from sequence_search.report.drawing import save_figure
from sequence_search.search_space import Axis
from sequence_search.sequence import Sequence
from sequence_search.storage import write_bytes
from sequence_search.strategies.base import Monitor
from sequence_search.study.grid_optimum import grid_optimum
from sequence_search.study.plan import DERIVED
from sequence_search.study.study import Study

# Experiment, and in the order of the paper: Table V; VI-a, VI-b, VII; VIII-a, VIII-b.
CONDITIONS = {
    "1": "max-signal",
    "2a": "gm-wm-t2-w30",
    "2b": "gm-wm",
    "2c": "gm-wm-t2-w20",
    "2d": "gm-wm-t2-w50",
    "3a": "csf-null-w0.25",
    "3b": "csf-null-w1",
}
LABELS = {problem: label for label, problem in CONDITIONS.items()}
TABLE_VII = ("gm-wm-t2-w20", "gm-wm-t2-w30", "gm-wm-t2-w50")
SUMMARY = "summary.md"
TITLE_CHARACTERS = 34  # of a line above a design
SUFFIXES = {"markdown": "md", "csv": "csv", "latex": "tex", "json": "json"}
# Around the echo times of Table VII, every 0.5 ms; phases every 5°, negative ones being their mirror.
MAP_TE = Axis(12.4e-3, 0.5e-3, 90)
MAP_PHASE = Axis(0.0, math.radians(5), 37)


def read_labels(text: str) -> list[str]:
    """Names of the problems of conditions such as "1,2a,3b", in the paper's order.

    Raises
    ------
    ValueError
        If there is no such condition.
    """
    asked = [label.strip() for label in text.split(",")]
    for label in asked:
        if label not in CONDITIONS:
            known = ", ".join(f"{known} ({name})" for known, name in CONDITIONS.items())
            raise ValueError(f"--only takes conditions such as 1,2a; got '{label}', known are {known}")
    return [name for label, name in CONDITIONS.items() if label in asked]


def begin(
    folder: Path, problems: Iterable[str], strategy: str, n_seeds: int, options: dict[str, Any] | None = None
) -> Study:
    """Study of built-in problems, made or gone on with; errors as of `Study.create`."""
    loaded = [Problem.load(name) for name in problems]
    return Study.create(folder, loaded, strategy, range(n_seeds), **(options or {}))


def derive(
    study: Study,
    command: str,
    monitor: Monitor | None = None,
    tell: Callable[[str], None] = lambda what: None,
) -> Path | None:
    """Grids, tables and figures of what a study has, and `summary.md` last. None if it was stopped.

    Parameters
    ----------
    study : Study
        Of built-in problems.
    command : str
        That makes the study, for the summary.
    monitor : Monitor, optional
        Of the grid searches.
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
        conditions.append(make_condition(LABELS.get(name, name), problem, study.runs(name), grid))
    folder = study.folder / DERIVED
    pictures = {}
    for each in conditions:
        tell(f"tables and figures of {each.problem.name}")
        _write_tables(folder / "tables", each)
        pictures[each.label] = [
            f"{DERIVED}/figures/{path.name}"
            for path in _draw(folder / "figures", each)
            if path.suffix == ".png"
        ]
    maps = _phase_maps(conditions)
    if maps:
        save_figure(phase_map_figure(maps), folder / "figures" / "phase-map")
        pictures[LABELS[maps[0].problem.name]].append(f"{DERIVED}/figures/phase-map.png")
    text = summary(conditions, maps, command, study.plan.strategy, pictures)
    write_bytes(study.folder / SUMMARY, text.encode())
    return study.folder / SUMMARY


def figure_designs(each: Condition) -> dict[str, Sequence]:
    """Designs of a condition's figure by title: the grid optimum, the first and the last of the paper's rows.

    Where these are not among the designs found, the best design takes their place.
    """
    designs = {} if each.grid is None else {"Optimal grid-search sequence": each.grid.sequence}
    found = [match for match in each.tables.matches if match.design is not None]
    for match in (*found[:1], *found[1:][-1:]):
        if match.design is not None:
            title = textwrap.fill(match.row.name.removesuffix(" sequences"), TITLE_CHARACTERS)
            designs[title] = match.design.sequence
    best = min(each.runs, key=lambda run: run.loss, default=None)
    if len(found) < 2 and best is not None and best.sequence is not None:
        designs["Best design"] = best.sequence
    return designs


def _write_tables(folder: Path, each: Condition) -> None:
    for form, write in WRITERS.items():
        path = folder / f"{each.label}-{each.problem.name}.{SUFFIXES[form]}"
        write_bytes(path, write([each.tables]).encode())


def _draw(folder: Path, each: Condition) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{each.label}-{each.problem.name}"
    paths: list[Path] = []
    designs = figure_designs(each)
    if designs:
        figure = paper_figure(each.problem, designs.values(), designs)
        paths += save_figure(figure, folder / f"{stem}-designs")
    if any(run.families for run in each.runs):
        figure = convergence_figure(each.runs, f"{each.problem.name}, {len(each.runs)} seeds")
        paths += save_figure(figure, folder / f"{stem}-convergence")
    return paths


def _phase_maps(conditions: list[Condition]) -> list[PhaseMap]:
    """Loss over TE and phase for each contrast weight of Table VII, in its order. Sec. IV.A."""
    problems = {each.problem.name: each.problem for each in conditions}
    return [phase_map(problems[name], MAP_TE, MAP_PHASE) for name in TABLE_VII if name in problems]
