"""Voxels, places across the slice and kinds of pulse as the compiled kernel wants them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from torch import Tensor

from sequence_search.engines.kernel.blocks import Blocks, arrange_voxels
from sequence_search.engines.kernel.lanes import WIDTH
from sequence_search.engines.kernel.objective import Arranged, Encoding, arrange_objective
from sequence_search.engines.kernel.rotations import Rotations, arrange_rotations
from sequence_search.layout import HARD, Layout
from sequence_search.pulses.kinds import Kind
from sequence_search.pulses.slices import distinct_lanes, inversion_efficiency, places, selects_slice
from sequence_search.pulses.table import RotationTable
from sequence_search.voxels import PROPERTIES, Voxels


class Lanes(NamedTuple):
    """Voxels in blocks, or the places of each in turn, and what pulses of a kind do there."""

    blocks: Blocks
    rotations: Rotations | None  # None: all pulses are hard
    n_places: int


@dataclass(frozen=True, eq=False)
class Arrangement:
    """What the kernel needs of one set of voxels for any layout: made when first needed, kept for many calls.

    Attributes
    ----------
    voxels : Voxels
    kinds : mapping of name to Kind
        Of the pulses that are not "hard".
    n_places : int
        Across a slice that a pulse selects.
    """

    voxels: Voxels
    kinds: Mapping[str, Kind]
    n_places: int
    _blocks: dict[int, Blocks] = field(default_factory=dict, init=False, repr=False)
    _rotations: dict[tuple[int, tuple[str, ...]], Rotations] = field(
        default_factory=dict, init=False, repr=False
    )
    _objectives: dict[int, Arranged] = field(default_factory=dict, init=False, repr=False)

    def of(self, layout: Layout | None) -> Lanes:
        """For sequences of a layout, whose kinds are known."""
        names = () if layout is None else tuple(sorted(set(layout.kinds) - {HARD}))
        n_places = self.n_places if selects_slice(names, self.kinds) else 1
        if n_places not in self._blocks:
            self._blocks[n_places] = arrange(self.voxels, n_places)
        blocks = self._blocks[n_places]
        if layout is None or not names:
            return Lanes(blocks, None, n_places)
        # Tables take long: those of more kinds serve too.
        known = (each for each in self._rotations if each[0] == n_places and set(names) <= set(each[1]))
        key = next(known, (n_places, names))
        if key not in self._rotations:
            self._rotations[key] = self._arranged(names, blocks, n_places)
        numbers = np.array([key[1].index(kind) if kind != HARD else -1 for kind in layout.kinds])
        return Lanes(blocks, self._rotations[key]._replace(kind=numbers), n_places)

    def objective(self, encoding: Encoding, lanes: Lanes) -> Arranged:
        """The objective of these voxels, always the same, arranged as lanes."""
        if lanes.n_places not in self._objectives:
            of_lanes = encoding._replace(
                linear=encoding.linear.repeat(lanes.n_places),
                square=encoding.square.repeat(lanes.n_places),
                mean=encoding.mean.repeat(lanes.n_places),
                group=encoding.group.repeat(lanes.n_places),
            )
            self._objectives[lanes.n_places] = arrange_objective(lanes.blocks, of_lanes)
        return self._objectives[lanes.n_places]

    def _arranged(self, names: tuple[str, ...], blocks: Blocks, n_places: int) -> Rotations:
        b1, b0 = (as_numpy(part).repeat(n_places) for part in (self.voxels.b1, self.voxels.b0))
        t1, t2 = (as_numpy(part).repeat(n_places) for part in (self.voxels.t1, self.voxels.t2))
        place = np.tile(places(n_places).place, len(self.voxels)) if n_places > 1 else 0.0
        used = {name: self.kinds[name] for name in names}
        tables = {name: table_of(kind, t1, t2, b1, kind.frequency(b0, place)) for name, kind in used.items()}
        return arrange_rotations((), tables, blocks, across=n_places == WIDTH)


def table_of(
    kind: Kind, t1: np.ndarray, t2: np.ndarray, b1: np.ndarray, frequency: np.ndarray
) -> RotationTable:
    """Table of a kind over lanes, each with its T1, T2 [s], b1 and frequency [Hz].

    Of a fixed amplitude with what T1 and T2 during the pulse leave of Mz.
    """
    (of_b1, of_frequency), place = distinct_lanes(b1, frequency)
    table = kind.table(of_b1, of_frequency)
    table = replace(table, values=table.values[..., place], slopes=table.slopes[..., place])
    if kind.fixed_flip is None:
        return table
    return replace(table, efficiency=inversion_efficiency(kind, t1, t2, b1, frequency))


def arrange(voxels: Voxels, n_places: int = 1) -> Blocks:
    """Voxels as the kernel wants them, grouped by tissue, each with its places in turn."""
    properties = {name: as_numpy(getattr(voxels, name)).repeat(n_places) for name in PROPERTIES}
    if n_places > 1:
        properties["m0"] = properties["m0"] * np.tile(places(n_places).weight, len(voxels))
    return arrange_voxels(list(properties.values()), voxels.tissue.numpy().repeat(n_places))


def as_numpy(tensor: Tensor) -> np.ndarray:
    """Contiguous float64 array, without a copy where it is one already."""
    return np.ascontiguousarray(tensor.detach().numpy(), np.float64)
