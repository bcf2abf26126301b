"""Which slices of an anatomy are shown, and how they lie on the screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Shaped

from sequence_search.preview.anatomy import Anatomy
from sequence_search.problem.errors import nearest


class Plane(NamedTuple):
    """Axis along which its slices follow, and what is left, right, above and below on the screen."""

    axis: int
    marks: str


# Radiological: as seen from the feet, from the front, and from the left.
PLANES = {"axial": Plane(2, "RLAP"), "coronal": Plane(1, "RLSI"), "sagittal": Plane(0, "APSI")}


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice: the name of its plane, and its index along the axis of that."""

    plane: str
    index: int

    @property
    def axis(self) -> int:
        """Axis along which it is one of many."""
        return PLANES[self.plane].axis

    def shown(self, volume: Shaped[np.ndarray, "x y z"]) -> Shaped[np.ndarray, "rows columns"]:
        """The slice of a volume as it lies on the screen, the first row at the top."""
        return _upright(np.take(volume, self.index, self.axis))

    def all_shown(self, volume: Bool[np.ndarray, "x y z"]) -> Bool[np.ndarray, "rows columns"]:
        """Where any slice of the plane has something, as it lies on the screen."""
        return _upright(np.asarray(volume.any(self.axis)))

    def voxel_mm(self, anatomy: Anatomy) -> tuple[float, float]:
        """Height and width of a voxel on the screen."""
        width, height = np.delete(anatomy.voxel_mm, self.axis)
        return float(height), float(width)

    def name(self, anatomy: Anatomy) -> str:
        """As "axial 20 mm"."""
        return f"{self.plane} {positions(anatomy, self.axis)[self.index]:.4g} mm"


def _upright(flat: np.ndarray) -> np.ndarray:
    """What points to the right, to the front or up goes to the left or up."""
    return np.asarray(flat.T[::-1, ::-1])


def positions(anatomy: Anatomy, axis: int) -> Float[np.ndarray, " n_slices"]:
    """Place [mm] of the middle of each slice along an axis."""
    count = anatomy.shape[axis]
    index = np.tile((np.asarray(anatomy.shape) - 1) / 2, (count, 1))
    index[:, axis] = np.arange(count)
    return np.asarray((index @ anatomy.affine[:3, :3].T + anatomy.affine[:3, 3])[:, axis])


def middle_slices(anatomy: Anatomy, count: int) -> list[Slice]:
    """Axial slices, evenly over the middle half of what is there; fewer if there are no more."""
    (there,) = np.nonzero(anatomy.inside.any((0, 1)))
    at = np.quantile(there, np.linspace(0.4, 0.7, count) if count > 1 else [0.55], method="nearest")
    return [Slice("axial", int(index)) for index in np.unique(at)]


def read_slices(text: str, anatomy: Anatomy) -> list[Slice]:
    """Slices nearest to places in mm, as "axial:30,40" or "axial:30|sagittal:0".

    Raises
    ------
    ValueError
        If a plane is none, or a place is no number or beyond the anatomy.
    """
    found = []
    for part in text.split("|"):
        plane, _, places = part.strip().partition(":")
        if plane not in PLANES:
            raise ValueError(f"slices are as axial:30,40, got '{part}'{nearest(plane, list(PLANES))}")
        at = positions(anatomy, PLANES[plane].axis)
        half = anatomy.voxel_mm[PLANES[plane].axis] / 2
        for word in places.split(","):
            try:
                place = float(word)
            except ValueError:
                raise ValueError(f"a slice is a place in mm, as {plane}:30,40, got '{word}'") from None
            if not at.min() - half <= place <= at.max() + half:
                raise ValueError(
                    f"{plane} slices lie between {at.min():.4g} and {at.max():.4g} mm, got {place:g}"
                )
            found.append(Slice(plane, int(np.abs(at - place).argmin())))
    return found
