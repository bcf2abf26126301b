"""What is imaged: maps of tissue fractions, or of relaxation times, on one grid of voxels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from sequence_search.problem.errors import ProblemError
from sequence_search.problem.problem import Problem
from sequence_search.tissue import LIMITS, Tissue
from sequence_search.voxels import Voxels
from sequence_search.words import enumerated

Map = Float[np.ndarray, "x y z"]

NEEDED = ("m0", "t1", "t2")  # of maps of properties; T2' may be left out, for none
ROUNDING = 1e-3  # by which fractions may miss their bounds
SYNONYMS = {
    "gm": {"gm", "greymatter", "graymatter", "cortex"},
    "wm": {"wm", "whitematter"},
    "csf": {"csf", "cerebrospinalfluid", "liquor", "fluid"},
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Anatomy:
    """Maps [x, y, z] whose axes point to the right, to the front and up, as NIfTI's RAS+.

    Attributes
    ----------
    affine : float [4, 4]
        From the index of a voxel to mm.
    fractions : mapping of tissue to map [1]
        How much of each voxel is of the tissue. What is left of a voxel gives no signal.
    properties : mapping of "m0", "t1", "t2" and, if wanted, "t2_prime" to map, in their place
        In s and the unit of M0; without T2' there is none. A voxel where M0 is 0 gives no signal.
    b0 : map or None
        Off-resonance [Hz]; None if it is to be drawn.
    b1 : map or None
        Relative to nominal; None if it is to be drawn.

    Raises
    ------
    ValueError
        If there are no maps or both sorts, their shapes differ, or a value is none that can be.
    """

    affine: Float[np.ndarray, "4 4"]
    fractions: Mapping[str, Map] = field(default_factory=dict)
    properties: Mapping[str, Map] = field(default_factory=dict)
    b0: Map | None = None
    b1: Map | None = None

    def __post_init__(self) -> None:
        if bool(self.fractions) == bool(self.properties):
            raise ValueError(
                "an anatomy needs maps of tissue fractions, or of T1, T2 and M0, and not of both"
            )
        if missing := [name for name in NEEDED if self.properties and name not in self.properties]:
            raise ValueError(f"an anatomy of relaxation times needs maps of {enumerated(missing)} too")
        maps = {**self.fractions, **self.properties, **self._fields}
        shapes = {name: np.shape(part) for name, part in maps.items()}
        if len(set(shapes.values())) > 1 or len(self.shape) != 3:
            raise ValueError(f"all maps must have one shape [x, y, z], got {shapes}")
        for name, part in maps.items():
            if not np.isfinite(part).all():
                raise ValueError(f"the map of {name} must be finite everywhere: 0 where nothing is known")
        self._check_fractions()
        self._check_properties()
        if not self.inside.any():
            raise ValueError("no voxel of the anatomy has anything in it")

    def _check_fractions(self) -> None:
        for name, part in self.fractions.items():
            if part.min() < -ROUNDING or part.max() > 1 + ROUNDING:
                raise ValueError(
                    f"fractions of {name} must lie between 0 and 1, got {part.min():.4g} to {part.max():.4g}"
                )
        total = sum(self.fractions.values(), np.zeros(()))
        if total.max(initial=0) > 1 + 10 * ROUNDING:
            of = enumerated(self.fractions)
            raise ValueError(f"the fractions of {of} must add up to at most 1, got {total.max():.4g}")

    def _check_properties(self) -> None:
        if self.properties:
            m0, t1, t2 = (self.properties[name] for name in NEEDED)
            if m0.min() < 0:
                raise ValueError(f"M0 must not be negative, got {m0.min():.4g}")
            if (t2 > 2 * t1)[self.inside].any():
                count = int((t2 > 2 * t1)[self.inside].sum())
                raise ValueError(f"T2 must not exceed twice T1, got it in {count:,} voxels")
        for name, part in {**self.properties, **self._fields}.items():
            low, high, unit, *_ = LIMITS[name]
            inside = part[self.inside]
            if inside.size and (inside.min() < low or inside.max() > high):
                raise ValueError(
                    f"{name} must lie between {low:g} and {high:g} {unit}".rstrip()
                    + f", got {inside.min():.4g} to {inside.max():.4g}"
                )

    def __repr__(self) -> str:
        """Return one line: size, and what there are maps of."""
        return f"<Anatomy {self.shape} of {enumerated({**self.fractions, **self.properties})}>"

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of voxels along x, y and z."""
        shape: tuple[int, ...] = np.shape(next(iter({**self.fractions, **self.properties}.values())))
        return shape

    @property
    def _fields(self) -> dict[str, Map]:
        """Maps of b0 and b1 that are given."""
        return {name: part for name in ("b0", "b1") if (part := getattr(self, name)) is not None}

    @property
    def voxel_mm(self) -> Float[np.ndarray, "3"]:
        """Size of a voxel along x, y and z."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def inside(self) -> Bool[np.ndarray, "x y z"]:
        """Where there is something that may give a signal."""
        if self.properties:
            return np.asarray(self.properties["m0"] > 0)
        return np.asarray(sum(self.fractions.values(), np.zeros(())) > ROUNDING)

    def coarser(self, voxel_mm: tuple[float, float, float]) -> Anatomy:
        """Fractions in larger voxels, each the mean of those that it takes the place of.

        Parameters
        ----------
        voxel_mm : along x, y and z
            Whole multiples of those there are, to 1 %.

        Raises
        ------
        ValueError
            If they are none, or there are no fractions: a mean of relaxation times is that of nothing.
        """
        factors = np.asarray(voxel_mm) / self.voxel_mm
        whole = np.maximum(np.rint(factors), 1).astype(int)
        if (np.abs(factors / whole - 1) > 0.01).any():
            has = enumerated(f"{size:.4g}" for size in self.voxel_mm)
            raise ValueError(f"voxels must be whole multiples of those of {has} mm, got {voxel_mm}")
        if self.properties and (whole > 1).any():
            raise ValueError("only maps of tissue fractions can be had in larger voxels")
        affine = self.affine.copy()
        affine[:3, 3] += self.affine[:3, :3] @ ((whole - 1) / 2)
        affine[:3, :3] *= whole
        fractions, fields = (
            {name: _block_means(part, whole) for name, part in maps.items()}
            for maps in (self.fractions, self._fields)
        )
        return Anatomy(affine, fractions, self.properties, fields.get("b0"), fields.get("b1"))

    def check_tissues(self, problem: Problem) -> list[str]:
        """Names of the maps that no tissue of a problem goes with, and that stay dark.

        Raises
        ------
        ProblemError
            If a tissue of the problem has no map.
        """
        found = {name: tissue_of(name, problem.tissues) for name in self.fractions}
        shown = {tissue.name for tissue in found.values() if tissue is not None}
        lacking = [each.name for each in problem.tissues if self.fractions and each.name not in shown]
        if lacking:
            raise ProblemError(
                f"problem '{problem.name}' has {enumerated(lacking)}, of which there is no map"
                f" (there are {enumerated(self.fractions)}): state one of each of its tissues"
            )
        return [name for name, tissue in found.items() if tissue is None]

    def components(
        self,
        problem: Problem,
        points: Int[np.ndarray, "n_points 3"],
        b0: Float[np.ndarray, " n_points"],
        b1: Float[np.ndarray, " n_points"],
    ) -> Iterator[tuple[Int[np.ndarray, " n_voxels"], Voxels]]:
        """What adds up to the signal: for each part of the points, which they are, and what is in them.

        A part of a voxel is a voxel of its own, whose M0 is that of the tissue, the centre of its
        distribution, times its fraction. All have the problem's spread of frequencies.
        """
        index = tuple(points.T)
        spread = problem.imaging.spread.centre
        if self.properties:
            values = {name: part[index].astype(float) for name, part in self.properties.items()}
            yield np.arange(len(points)), Voxels(**values, b0=b0, b1=b1, spread=spread)
        for name, part in self.fractions.items():
            tissue = tissue_of(name, problem.tissues)
            fraction = part[index].astype(float)
            (here,) = np.nonzero(fraction > 0)
            if tissue is None or not len(here):
                continue
            yield (
                here,
                Voxels(
                    m0=fraction[here] * tissue.m0.centre,
                    t1=tissue.t1.centre,
                    t2=tissue.t2.centre,
                    t2_prime=tissue.t2_prime.centre,
                    b0=b0[here] + tissue.b0.centre,
                    b1=b1[here],
                    spread=spread,
                ),
            )


def tissue_of(name: str, tissues: tuple[Tissue, ...]) -> Tissue | None:
    """Tissue that a map of this name is of: of the same name, or of one that means the same."""
    same = [each for each in tissues if each.name == name]
    alike = [each for each in tissues if _meaning(each.name) == _meaning(name)]
    return next(iter(same + alike), None)


def _meaning(name: str) -> str:
    letters = "".join(filter(str.isalnum, name.lower()))
    return next((key for key, words in SYNONYMS.items() if letters in words), letters)


def _block_means(part: Map, whole: Int[np.ndarray, "3"]) -> np.ndarray:
    """Mean of each block of so many voxels, beyond the end of zeros."""
    part = np.pad(part, [(0, -size % count) for size, count in zip(part.shape, whole, strict=True)])
    x, y, z = (size // count for size, count in zip(part.shape, whole, strict=True))
    return np.asarray(part.reshape(x, whole[0], y, whole[1], z, whole[2]).mean((1, 3, 5)))
