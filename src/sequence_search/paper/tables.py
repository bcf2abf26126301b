"""Tables V to VIII of the paper from a set of runs, beside the paper's own values."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from sequence_search.classify import OTHERS, CategoryRule, classify, succeeds
from sequence_search.explanation.conventional import conventional_sequence
from sequence_search.objective import TERMS
from sequence_search.paper.conditions import rows_of
from sequence_search.paper.match import RowMatch, match_rows
from sequence_search.paper.measures import contrast_tissues, measure, published, single, summarize
from sequence_search.paper.values import TITLES, PaperRow, RowKind, Stat
from sequence_search.phases import wrap
from sequence_search.problem.evaluation import Evaluation
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Run
from sequence_search.structure import describe

SECONDS_FROM_MS = 1000.0
LISTED_STRUCTURES = 6


@dataclass(frozen=True, slots=True)
class Column:
    """A quantity of a table: its heading, unit, and decimals of our numbers."""

    key: str
    heading: str
    unit: str
    decimals: int


@dataclass(frozen=True, slots=True)
class Cell:
    """Ours and the paper's, in the column's unit: one value, one for each pulse, or none."""

    ours: tuple[Stat, ...] = ()
    paper: tuple[Stat, ...] = ()
    is_angle: bool = False

    @property
    def difference(self) -> tuple[float, ...]:
        """Ours less the paper's mean, one for each; empty if either is missing. Angles within ±180°."""
        if len(self.ours) != len(self.paper):
            return ()
        plain = tuple(ours.mean - paper.mean for ours, paper in zip(self.ours, self.paper, strict=True))
        return tuple(math.degrees(wrap(math.radians(each))) for each in plain) if self.is_angle else plain


@dataclass(frozen=True, slots=True)
class Row:
    """A category with its number of designs, or a reference sequence, and its cells by column key."""

    name: str
    kind: RowKind
    n_designs: int
    cells: dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """One of the paper's tables, made again."""

    problem: str
    title: str
    paper_table: str  # such as "VI-b"; empty for a problem that the paper does not have
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]  # conventional and grid-optimal sequence, each category, Others
    n_runs: int
    notes: tuple[str, ...]  # what a reader must know to judge the rows
    matches: tuple[RowMatch, ...] = ()  # the paper's rows among all designs that the runs found

    @property
    def has_paper(self) -> bool:
        """Whether the paper has any value of it."""
        return any(cell.paper for row in self.rows for cell in row.cells.values())


def make_table(problem: Problem, runs: list[Run], reference: Sequence | None = None) -> Table:
    """Categories of the best design of each run, with means and standard deviations. Tables V to VIII.

    A design that does not succeed is one of Others, whatever its structure, and so is a run without a design.
    The signals are those of the nominal voxel, RF energies relative to 90°-180°. The reference is the grid
    optimum: a row of its own, and the measure of success. Without it that is the best run.
    """
    groups = categorized(problem, runs, reference)
    columns = _columns(problem, runs)
    rows = [
        *_reference_rows(problem, columns, reference),
        *(_category_row(problem, columns, rule, groups, len(runs)) for rule in (*problem.categories, None)),
    ]
    number = next((row.table for row in rows_of(problem) if row.kind in ("category", "others")), "")
    notes, matches = _notes(problem, runs, reference, groups[OTHERS]), tuple(match_rows(problem, runs))
    return Table(problem.name, problem.title, number, columns, tuple(rows), len(runs), notes, matches)


def categorized(problem: Problem, runs: list[Run], reference: Sequence | None = None) -> dict[str, list[Run]]:
    """Runs by the category of their best design; every category of the problem and "Others" is a key.

    Others are those too whose loss is not within 5 % of `reference_loss`; arguments as for `make_table`.
    """
    bound = reference_loss(problem, runs, reference)
    names = (*(rule.name for rule in problem.categories), OTHERS)
    groups: dict[str, list[Run]] = {name: [] for name in names}
    for run in runs:
        is_good = succeeds(loss_without_rf_number(problem, run.evaluation), bound)
        good = run.sequence if is_good else None
        groups[OTHERS if good is None else classify(good, problem.categories)].append(run)
    return groups


def reference_loss(problem: Problem, runs: list[Run], reference: Sequence | None = None) -> float:
    """Loss of the grid optimum without the RF number term, else the least of the runs; infinite of none."""
    if reference is not None:
        return loss_without_rf_number(problem, problem.evaluate(reference))
    return min((loss_without_rf_number(problem, run.evaluation) for run in runs), default=math.inf)


def loss_without_rf_number(problem: Problem, evaluation: Evaluation | None) -> float:
    """Loss less the RF number term, by which success is judged; infinite without an evaluation."""
    if evaluation is None:
        return math.inf
    left_out = {term.name for term in problem.objective.terms if term.kind is TERMS["rf_number"]}
    return sum(value for name, value in evaluation.terms.items() if name not in left_out)


def _columns(problem: Problem, runs: list[Run]) -> tuple[Column, ...]:
    contrast = contrast_tissues(problem)
    columns = [Column("occurrence", "Occurrence", "%", 0)]
    columns += [Column(f"signal:{tissue.name}", tissue.name, "", 3) for tissue in problem.tissues]
    if contrast is not None:
        columns.append(Column("contrast", " − ".join(contrast), "", 3))
    # In seconds as Table VIII where the paper's rows, or else most of the runs, last for them.
    printed = [row.time_ms.mean for row in rows_of(problem) if row.kind == "category" and row.time_ms]
    found = [1e3 * run.evaluation.time_to_readout for run in runs if run.evaluation is not None]
    times = sorted(printed or found)
    is_long = times and times[len(times) // 2] >= SECONDS_FROM_MS
    columns += [
        Column("rf_energy", "Relative RF energy", "%", 1),
        Column("time", "First RF to readout", *(("s", 3) if is_long else ("ms", 1))),
        Column("flips", "Flip angles", "°", 1),
    ]
    if any(rule.refocusing_phases is not None for rule in problem.categories):
        columns.append(Column("phase", "Refocusing phase", "°", 1))
    return tuple(columns)


def _reference_rows(problem: Problem, columns: tuple[Column, ...], grid: Sequence | None) -> list[Row]:
    rows = []
    conventional = conventional_sequence(problem)
    references: dict[RowKind, Sequence | None] = {"conventional": conventional, "grid": grid}
    for kind, sequence in references.items():
        if sequence is not None:
            values = measure(problem, sequence, problem.evaluate(sequence))
            flips = "–".join(f"{flip:.0f}°" for flip in values["flips"])
            cells = _cells(columns, single(values), _paper_row(problem, kind))
            rows.append(Row(f"{TITLES[kind]} ({flips})", kind, 0, cells))
    return rows


def _category_row(
    problem: Problem,
    columns: tuple[Column, ...],
    rule: CategoryRule | None,
    groups: dict[str, list[Run]],
    n_runs: int,
) -> Row:
    name = OTHERS if rule is None else rule.name
    kind: RowKind = "others" if rule is None else "category"
    designs = [
        measure(problem, run.sequence, run.evaluation)
        for run in groups[name]
        if run.sequence is not None and run.evaluation is not None
    ]
    share = 100 * len(groups[name]) / n_runs if n_runs else 0.0
    ours = summarize(designs, rule) | {"occurrence": (Stat(share),)}
    return Row(name, kind, len(groups[name]), _cells(columns, ours, _paper_row(problem, kind, name)))


def _paper_row(problem: Problem, kind: RowKind, name: str = "") -> PaperRow | None:
    rows = (row for row in rows_of(problem) if row.kind == kind)
    return next((row for row in rows if kind != "category" or row.name == name), None)


def _cells(
    columns: tuple[Column, ...], ours: dict[str, tuple[Stat, ...]], paper: PaperRow | None
) -> dict[str, Cell]:
    cells = {}
    for column in columns:
        scale = 1e-3 if column.unit == "s" else 1.0
        mine, printed = (
            tuple(stat.scaled(scale) for stat in stats.get(column.key, ()))
            for stats in (ours, published(paper))
        )
        cells[column.key] = Cell(mine, printed, is_angle=column.key == "phase")
    return cells


def _notes(
    problem: Problem, runs: list[Run], reference: Sequence | None, others: list[Run]
) -> tuple[str, ...]:
    bound = reference_loss(problem, runs, reference)
    measured_by = "the grid optimum" if reference is not None else "the best run, for want of a grid optimum"
    good = [run for run in others if succeeds(loss_without_rf_number(problem, run.evaluation), bound)]
    n_failed = sum(run.sequence is None for run in others)
    notes = [
        f"Success: loss without the RF number term within 5 % of {bound:.6f}, that of {measured_by}.",
        f"Of the {len(others)} Others {len(good)} succeed but are of no category, "
        f"{len(others) - len(good) - n_failed} do not succeed, {n_failed} failed.",
    ]
    structures = Counter(describe(run.sequence) for run in others if run.sequence is not None)
    if structures:
        listed = structures.most_common(LISTED_STRUCTURES)
        more = structures.total() - sum(count for _, count in listed)
        text = "; ".join(f"{count} of {what}" for what, count in listed)
        notes.append(f"Others by structure: {text}" + (f"; {more} more." if more else "."))
    return tuple(notes)
