"""How a tissue's signal varies over b0 and b1: the maps of Figs. 4-6 g-i, the error the paper quotes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.problem.errors import nearest
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import IN_REPORT
from sequence_search.sequence import Sequence
from sequence_search.tissue import Distribution, Uniform

# 2.5 Hz and 0.01 apart over Table I's ranges. Odd, so that b0 = 0 and b1 = 1 are on the grid.
N_B0 = N_B1 = 41
TABLE_B0, TABLE_B1 = 50.0, 0.2  # half widths of Table I, for a field that the problem holds constant


@dataclass(frozen=True, slots=True, eq=False)
class RobustnessMap:
    """Signal of one tissue's nominal voxel over b0 and b1, relative to on-resonance. Figs. 4-6 g-i."""

    tissue: str
    b0: Float[Tensor, " n_b0"]  # Hz
    b1: Float[Tensor, " n_b1"]  # relative to nominal
    relative: Float[Tensor, "n_b0 n_b1"]  # |Mxy(b0, b1)| / |Mxy(0, 1)|

    @property
    def error(self) -> float:
        """Mean of ||Mxy(b0, b1)| / |Mxy(0, 1)| - 1| over the grid [1].

        The paper quotes such an error for five designs (Secs. III.A-C) without its definition; this is the
        one that comes nearest to all five. docs/paper.md compares it with others.
        """
        return float((self.relative - 1).abs().mean())


def robustness_map(
    problem: Problem,
    sequence: Sequence,
    tissue: str | None = None,
    *,
    n_b0: int = N_B0,
    n_b1: int = N_B1,
) -> RobustnessMap:
    """Map over the problem's own ranges of b0 and b1, both ends included.

    A normal distribution is followed to two standard deviations; a field that the problem holds constant
    is varied as in Table I, by 50 Hz or 0.2 to either side. The tissue, by name, is the first of the problem
    if not given, which is GM in the paper's; n_b0 and n_b1 are the points along each axis, at least 2. Of
    several readouts it is the mean.

    Raises
    ------
    ValueError
        If the sequence cannot be played in the problem, if there are too few points, if there is no such
        tissue, or if it has no signal at b0 = 0, b1 = 1.
    """
    name, index = tissue_of(problem, tissue)
    b0 = field_axis(problem.imaging.b0, TABLE_B0, n_b0)
    b1 = field_axis(problem.imaging.b1, TABLE_B1, n_b1)
    single = problem.playable(sequence)
    voxels, nominal = problem.voxel_grid(b0=b0, b1=b1), problem.voxels(method="nominal")
    mine = (each.of_tissues((index,)) for each in (voxels, nominal))
    signals = (problem.simulator(each, n_places=IN_REPORT).signal(single) for each in mine)
    magnitude, reference = (each.abs().reshape(single.n_readouts, -1).mean(0) for each in signals)
    if not reference > 0:
        raise ValueError(f"{name} has no signal at b0 = 0, b1 = 1 to relate to, with {single}")
    return RobustnessMap(name, b0, b1, magnitude.reshape(n_b0, n_b1) / reference)


def tissue_of(problem: Problem, tissue: str | None) -> tuple[str, int]:
    """Name and index of a tissue by name, the first if None; ValueError if there is none of that name."""
    names = [each.name for each in problem.tissues]
    name = names[0] if tissue is None else tissue
    if name not in names:
        raise ValueError(f"tissue '{name}' is not defined in problem '{problem.name}'{nearest(name, names)}")
    return name, names.index(name)


def field_axis(distribution: Distribution, table: float, count: int) -> Float[Tensor, " count"]:
    """Points along b0 or b1 over its range, or by `table` to either side of a constant."""
    if count < 2:
        raise ValueError(f"a map needs at least 2 points along b0 and b1, got {count}")
    if isinstance(distribution, Uniform):
        half = (distribution.high - distribution.low) / 2
    else:
        half = 2 * distribution.sd
    # Not linspace, which does not meet 0 or 1 in the middle exactly.
    steps = torch.arange(1 - count, count, 2, dtype=torch.float64) / (count - 1)
    return distribution.centre + (half or table) * steps
