"""How a tissue's signal varies over b0 and b1: the maps of Figs. 4-6 g-i, the error the paper quotes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from sequence_search.distributions import Distribution, Uniform
from sequence_search.problem import Problem
from sequence_search.problem_file import nearest
from sequence_search.sequence import Sequence
from sequence_search.simulate import simulate

# 2.5 Hz and 0.01 apart over Table I's ranges. Odd, so that b0 = 0 and b1 = 1 are on the grid.
N_B0 = N_B1 = 41
# Half widths of Table I, for a field that the problem at hand holds constant.
TABLE_B0 = 50.0
TABLE_B1 = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class RobustnessMap:
    """Signal of one tissue's nominal voxel over b0 and b1, relative to on-resonance. Figs. 4-6 g-i.

    Attributes
    ----------
    tissue : str
    b0 : tensor [n_b0], Hz
    b1 : tensor [n_b1], relative to nominal
    relative : tensor [n_b0, n_b1]
        |Mxy(b0, b1)| / |Mxy(0, 1)|.
    """

    tissue: str
    b0: Float[Tensor, "n_b0"]
    b1: Float[Tensor, "n_b1"]
    relative: Float[Tensor, "n_b0 n_b1"]

    @property
    def error(self) -> float:
        """Mean of ||Mxy(b0, b1)| / |Mxy(0, 1)| - 1| over the grid [1].

        The paper quotes such an error without a definition. Of 27 candidates on the published designs this
        one comes closest, together with its like, the mean shortfall from the largest signal; in percent:

        ================================  =====  =====  ======  =====  =====
        experiment                            1      1       2      3      3
        design                            2 RF   3 RF   inv-SE  IR-GE  IR-SE
        ================================  =====  =====  ======  =====  =====
        paper                               2.3    2.2    12.9    1.2    1.8
        **mean deviation from (0, 1)**      2.27   2.17   12.94   1.26   1.66
        mean deviation from the maximum     2.27   2.24   13.05   1.26   1.75
        mean deviation from the mean / mean 2.07   1.85   11.37   0.99   1.79
        standard deviation                  2.85   2.59   11.60   1.14   2.54
        standard deviation / mean           2.91   2.64   13.31   1.15   2.58
        root mean square deviation          3.61   3.29   17.33   1.70   3.00
        median deviation                    1.17   1.14    9.78   0.94   0.45
        largest deviation                  18.15  17.12   46.26   3.89  16.61
        mean over GM and WM                 2.19   2.03   19.05   1.43   1.83
        ================================  =====  =====  ======  =====  =====

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
    is varied as in Table I, by 50 Hz or 0.2 to either side.

    Parameters
    ----------
    sequence : Sequence, single
    tissue : str, optional
        Its name; the first of the problem if not given, which is GM in the paper's.
    n_b0, n_b1 : int
        Points along each axis.

    Raises
    ------
    ValueError
        If there is no such tissue, or it has no signal at b0 = 0, b1 = 1 to relate to.
    """
    index = _tissue_index(problem, tissue)
    name = problem.tissues[index].name
    b0 = _axis(problem.imaging.b0, TABLE_B0, n_b0)
    b1 = _axis(problem.imaging.b1, TABLE_B1, n_b1)
    voxels = problem.voxel_grid(b0=b0, b1=b1).of_tissues((index,))
    single = sequence.detach().without_padding()
    magnitude = simulate(single, voxels).abs().reshape(n_b0, n_b1)
    reference = simulate(single, problem.voxels(method="nominal").of_tissues((index,))).abs()
    if not reference > 0:
        raise ValueError(f"{name} has no signal at b0 = 0, b1 = 1 to relate to, with {single}")
    return RobustnessMap(name, b0, b1, magnitude / reference)


def _tissue_index(problem: Problem, tissue: str | None) -> int:
    names = [each.name for each in problem.tissues]
    if tissue is None:
        return 0
    if tissue not in names:
        raise ValueError(
            f"tissue '{tissue}' is not defined in problem '{problem.name}'{nearest(tissue, names)}"
        )
    return names.index(tissue)


def _axis(distribution: Distribution, table: float, count: int) -> Float[Tensor, "count"]:
    if isinstance(distribution, Uniform):
        half = (distribution.high - distribution.low) / 2
    else:
        half = 2 * distribution.sd
    # From the centre outwards, so that a middle of exactly 0 or 1 stays exact.
    return distribution.centre + (half or table) * torch.linspace(-1, 1, count, dtype=torch.float64)
