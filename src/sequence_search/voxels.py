"""Voxels: tissue and imaging properties as tensors, and the ways to sample them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sequence_search.tissue import Distribution, Imaging, Normal, Tissue

# A draw of M0, T1, T2 or T2' below this part of its centre is clipped to it: a normal distribution
# reaches below zero, where relaxation is not physical.
SMALLEST_PART_OF_CENTRE = 0.01

TISSUE_PROPERTIES = ("m0", "t1", "t2", "t2_prime")
IMAGING_PROPERTIES = ("b1", "b0", "spread")
PROPERTIES = TISSUE_PROPERTIES + IMAGING_PROPERTIES


Sampling = Literal["sobol", "random", "nominal"]
# A number is one for all voxels.
Values = Tensor | np.ndarray | list[float] | list[int] | float | int


@dataclass(frozen=True, slots=True, eq=False, repr=False, init=False)
class Voxels:
    """Properties of n_voxels voxels, each a tensor [n_voxels].

    Arrays and lists are taken as tensors; a number stands for all voxels.

    Attributes
    ----------
    m0 : equilibrium magnetisation [a.u.]
    t1, t2, t2_prime : relaxation times [s]
    b1 : transmit field relative to nominal [1]
    b0 : off-resonance [Hz]
    spread : half width of the uniform frequency spread within the voxel [Hz]
    tissue : index of the voxel's tissue, int64
    weight : weight in means over voxels [1]

    Raises
    ------
    ValueError
        If the shapes differ.
    """

    m0: Float[Tensor, " n_voxels"]
    t1: Float[Tensor, " n_voxels"]
    t2: Float[Tensor, " n_voxels"]
    t2_prime: Float[Tensor, " n_voxels"]
    b1: Float[Tensor, " n_voxels"]
    b0: Float[Tensor, " n_voxels"]
    spread: Float[Tensor, " n_voxels"]
    tissue: Int[Tensor, " n_voxels"]
    weight: Float[Tensor, " n_voxels"]

    def __init__(  # noqa: PLR0913 - as many as a voxel has properties
        self,
        m0: Values = 1.0,
        t1: Values = math.inf,
        t2: Values = math.inf,
        t2_prime: Values = math.inf,
        b1: Values = 1.0,
        b0: Values = 0.0,
        spread: Values = 0.0,
        tissue: Values = 0,
        weight: Values = 1.0,
    ) -> None:
        given: dict[str, Any] = {
            "m0": m0,
            "t1": t1,
            "t2": t2,
            "t2_prime": t2_prime,
            "b1": b1,
            "b0": b0,
            "spread": spread,
        }
        given |= {"tissue": tissue, "weight": weight}
        for name, part in given.items():
            if isinstance(part, list | np.ndarray):
                given[name] = torch.as_tensor(part, dtype=torch.int64 if name == "tissue" else torch.float64)
        whole = {name: part for name, part in given.items() if isinstance(part, Tensor) and part.ndim}
        real = [part for part in whole.values() if part.is_floating_point()]
        like = real[0] if real else torch.ones(1, dtype=torch.float64)
        count = len(next(iter(whole.values()), like))
        for name in given.keys() - whole.keys():
            dtype = torch.int64 if name == "tissue" else like.dtype
            whole[name] = torch.as_tensor(given[name], dtype=dtype, device=like.device).repeat(count)
        if any(part.shape != (count,) for part in whole.values()):
            shapes = {name: tuple(whole[name].shape) for name in given}
            raise ValueError(f"the properties of voxels must share one shape [n_voxels], got {shapes}")
        for name, part in whole.items():
            object.__setattr__(self, name, part)

    def __len__(self) -> int:
        return len(self.m0)

    def __repr__(self) -> str:
        """Return one line: how many voxels of which tissues."""
        return f"<Voxels: {len(self):,} of tissues {self.tissue.unique().tolist()}>"

    def __getitem__(self, index: Any) -> Voxels:
        """Some of the voxels, by slice, mask or index tensor."""
        return self._map(lambda part: part[index])

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Voxels:
        """Copy on another device, or with its real properties in another dtype."""
        return self._map(lambda part: part.to(device, dtype if part.is_floating_point() else part.dtype))

    def is_of(self, tissues: tuple[int, ...]) -> Bool[Tensor, " n_voxels"]:
        """Whether each voxel is of one of the tissues with these indices."""
        return torch.isin(self.tissue, torch.tensor(tissues, device=self.tissue.device))

    def of_tissues(self, tissues: tuple[int, ...]) -> Voxels:
        """Only the voxels of the tissues with these indices."""
        return self[self.is_of(tissues)]

    def _map(self, change: Callable[[Tensor], Tensor]) -> Voxels:
        return Voxels(**{field.name: change(getattr(self, field.name)) for field in fields(self)})


def more_and_less(voxels: Voxels, name: str, step: float) -> Voxels:
    """All voxels with exp(step) times a property, then all with exp(-step) times it; for differences."""
    count = len(voxels)
    both = voxels[torch.arange(2 * count, device=voxels.m0.device) % count]
    side = torch.ones_like(both.m0)
    side[count:] = -1
    return replace(both, **{name: getattr(both, name) * torch.exp(step * side)})


def sobol_voxels(
    tissues: tuple[Tissue, ...], imaging: Imaging, n_per_tissue: int, *, seed: int = 0
) -> Voxels:
    """Sobol sample, deterministic for the seed of its scramble; the default for evaluation.

    The same draws of b1, b0 and tissue quantiles serve all tissues, so that differences between
    tissues carry no sampling noise. Powers of two sample best.
    """
    _check_count(n_per_tissue)
    engine = torch.quasirandom.SobolEngine(_n_draws(tissues), scramble=True, seed=seed)
    points = engine.draw(n_per_tissue, dtype=torch.float64).repeat(len(tissues), 1)
    tissue = torch.arange(len(tissues)).repeat_interleave(n_per_tissue)
    return _from_quantiles(tissues, imaging, tissue, points)


def random_voxels(tissues: tuple[Tissue, ...], imaging: Imaging, n_voxels: int, *, seed: int = 0) -> Voxels:
    """Independent draws, each voxel of a random tissue: the paper's ensemble (100,000). Sec. II.C."""
    _check_count(n_voxels)
    generator = torch.Generator().manual_seed(seed)
    tissue = torch.randint(len(tissues), (n_voxels,), generator=generator)
    points = torch.rand(n_voxels, _n_draws(tissues), generator=generator, dtype=torch.float64)
    return _from_quantiles(tissues, imaging, tissue, points)


def grid_voxels(tissues: tuple[Tissue, ...], imaging: Imaging, *, b0: Any, b1: Any) -> Voxels:
    """Nominal tissues, the centre of each property, at [n_tissues * n_b0 * n_b1] points, b1 fastest.

    Parameters
    ----------
    b0 : array-like [n_b0], Hz
        To it is added the tissue's own.
    b1 : array-like [n_b1], relative to nominal
    """
    b0, b1 = (torch.as_tensor(part, dtype=torch.float64) for part in (b0, b1))
    counts = (len(tissues), len(b0), len(b1))
    tissue, i_b0, i_b1 = torch.cartesian_prod(*(torch.arange(count) for count in counts)).unbind(-1)
    names = (*TISSUE_PROPERTIES, "b0")
    rows = [[getattr(each, name).centre for name in names] for each in tissues]
    m0, t1, t2, t2_prime, own = torch.tensor(rows, dtype=torch.float64)[tissue].unbind(-1)
    return Voxels(m0, t1, t2, t2_prime, b1[i_b1], b0[i_b0] + own, imaging.spread.centre, tissue)


def voxels_by(
    method: Sampling, tissues: tuple[Tissue, ...], imaging: Imaging, n_per_tissue: int, seed: int
) -> Voxels:
    """Voxels of all tissues by the name of how they are sampled, see `Problem.voxels`.

    Raises
    ------
    ValueError
        If the method is unknown or the number is not positive.
    """
    if method == "sobol":
        return sobol_voxels(tissues, imaging, n_per_tissue, seed=seed)
    if method == "random":
        return random_voxels(tissues, imaging, n_per_tissue * len(tissues), seed=seed)
    if method == "nominal":
        return grid_voxels(tissues, imaging, b0=[0.0], b1=[1.0])
    raise ValueError(f"method must be sobol, random or nominal, got {method!r}")


def clipped_share(tissue: Tissue) -> dict[str, float]:
    """Expected share of draws below 1 % of the centre, which are clipped, by property of the tissue."""
    shares = {}
    for name in TISSUE_PROPERTIES:
        distribution = getattr(tissue, name)
        if isinstance(distribution, Normal) and distribution.sd > 0:
            floor = torch.tensor((SMALLEST_PART_OF_CENTRE - 1) * distribution.mean / distribution.sd)
            shares[name] = torch.special.ndtr(floor).item()
    return shares


def _from_quantiles(
    tissues: tuple[Tissue, ...],
    imaging: Imaging,
    tissue: Int[Tensor, " n_voxels"],
    points: Float[Tensor, "n_voxels n_properties"],
) -> Voxels:
    # b1 and b0 come first: the first Sobol dimensions are the most even, and the signal depends most on them.
    # b0 is drawn from above: so ensembles are those of results made when precession had the other sense.
    b1, spread = imaging.b1.quantile(points[:, 0]), imaging.spread.quantile(points[:, 2])
    b0 = imaging.b0.quantile(1 - points[:, 1])
    m0, t1, t2, t2_prime = (
        _tissue_draws(tissues, name, tissue, points[:, i])
        for i, name in enumerate(TISSUE_PROPERTIES, start=len(IMAGING_PROPERTIES))
    )
    # A constant of the tissue's own takes no draw: any probability gives it.
    b0 = b0 + _tissue_draws(tissues, "b0", tissue, points[:, -1])
    return Voxels(m0, t1, t2, t2_prime, b1.clamp(min=0), b0, spread.clamp(min=0), tissue)


def _tissue_draws(
    tissues: tuple[Tissue, ...],
    name: str,
    tissue: Int[Tensor, " n_voxels"],
    probability: Float[Tensor, " n_voxels"],
) -> Float[Tensor, " n_voxels"]:
    values = torch.empty_like(probability)
    for index, each in enumerate(tissues):
        distribution: Distribution = getattr(each, name)
        chosen = tissue == index
        smallest = -math.inf if name == "b0" else SMALLEST_PART_OF_CENTRE * distribution.centre
        values[chosen] = distribution.quantile(probability[chosen]).clamp(min=smallest)
    return values


def _n_draws(tissues: tuple[Tissue, ...]) -> int:
    """One more where a frequency of a tissue's own varies; else the draws of the paper's problems stay."""
    varies = any(tissue.b0 != Normal(tissue.b0.centre) for tissue in tissues)
    return len(TISSUE_PROPERTIES) + len(IMAGING_PROPERTIES) + varies


def _check_count(count: int) -> None:
    if count < 1:
        raise ValueError(f"at least 1 voxel is needed, got {count}")
