"""What the seeds of a problem that the paper does not have found: its designs by category or structure."""

from __future__ import annotations

from sequence_search.classify import category_text
from sequence_search.paper.measures import measure, single
from sequence_search.paper.tables import Cell, Column, Row, Table
from sequence_search.paper.values import Stat
from sequence_search.problem.problem import Problem
from sequence_search.strategies.result import Design, Run


def found_table(problem: Problem, runs: list[Run]) -> Table:
    """Best design of each category or structure among all designs of all seeds, best first.

    With it how many seeds found one, and the seed and number by which it can be named. What misses a limit
    counts only where no seed found what meets all.
    """
    runs, every = [run for run in runs if run.meets_limits] or runs, runs
    best: dict[str, tuple[Design, int, int]] = {}
    seeds: dict[str, set[int]] = {}
    for run in runs:
        for number, design in enumerate(run.families, start=1):
            name = category_text(design.sequence, problem.categories)
            seeds.setdefault(name, set()).add(run.seed)
            if name not in best or design.loss < best[name][0].loss:
                best[name] = design, run.seed, number
    columns = (
        Column("seeds", "Seeds", "", 0),
        Column("loss", "Loss", "", 5),
        *(Column(f"signal:{tissue.name}", tissue.name, "", 3) for tissue in problem.tissues),
        Column("rf_energy", "Relative RF energy", "%", 1),
        Column("time", "First RF to readout", "ms", 1),
        Column("flips", "Flip angles", "°", 1),
        Column("seed", "Seed", "", 0),
        Column("design", "Design", "", 0),
    )
    rows = []
    for name, (design, seed, number) in sorted(best.items(), key=lambda item: item[1][0].loss):
        values = measure(problem, design.sequence, design.evaluation)
        found = {"seeds": len(seeds[name]), "loss": design.loss, "seed": seed, "design": number}
        stats = single(values) | {key: (Stat(float(number)),) for key, number in found.items()}
        cells = {column.key: Cell(stats[column.key]) for column in columns}
        rows.append(Row(name, "category", len(seeds[name]), cells))
    notes = (
        "Seeds: how many found a design of the row. The numbers are of the best; Seed and Design name it.",
    )
    return Table(problem.name, problem.title, "", columns, tuple(rows), len(every), notes)
