"""Image of an anatomy: the exact signal of a sequence in each voxel, and its noise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float

from sequence_search.checks import check_type
from sequence_search.preview.anatomy import Anatomy
from sequence_search.preview.fields import drawn_field
from sequence_search.preview.signal import signal_of
from sequence_search.preview.slices import Slice
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence

PURE = 0.9  # least fraction of a voxel that counts as of one tissue
CENTRAL_B1 = 1.5  # how much a drawn b1 falls towards the edge


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Image:
    """Complex signal of voxels of an anatomy.

    Attributes
    ----------
    anatomy : Anatomy
    tissues : tuple of str
        Names of its maps of fractions that are of a tissue of the problem.
    where : bool [x, y, z]
        Voxels that were simulated: all others are 0.
    values : complex [n_readouts, n_voxels]
        Their signal, in the unit of M0.
    b0 : float [n_voxels], Hz
    b1 : float [n_voxels], relative to nominal
    times : float [n_readouts], s
        Of the readouts, from the first pulse.
    """

    anatomy: Anatomy
    tissues: tuple[str, ...]
    where: Bool[np.ndarray, "x y z"]
    values: Complex[np.ndarray, "n_readouts n_voxels"]
    b0: Float[np.ndarray, " n_voxels"]
    b1: Float[np.ndarray, " n_voxels"]
    times: Float[np.ndarray, " n_readouts"]

    @property
    def n_readouts(self) -> int:
        """Number of images."""
        return len(self.times)

    @property
    def signal(self) -> Complex[np.ndarray, "n_readouts x y z"]:
        """Signal of each readout as a volume."""
        return np.stack([self.filled(each) for each in self.values])

    def magnitude(self, sigma: float = 0.0, seed: int = 0) -> Float[np.ndarray, "x y z *n_readouts"]:
        """Magnitude as a volume, as float32, with noise as of `rician`; of several readouts one more axis."""
        noisy = [
            rician(each, sigma, np.random.default_rng((seed, at))) for at, each in enumerate(self.signal)
        ]
        return np.stack(noisy, -1).astype(np.float32) if len(noisy) > 1 else noisy[0].astype(np.float32)

    def filled(self, values: np.ndarray) -> np.ndarray:
        """A volume of values [n_voxels] of the simulated voxels, and 0 elsewhere."""
        volume = np.zeros(self.anatomy.shape, values.dtype)
        volume[self.where] = values
        return volume

    def pure(self, tissue: str) -> Bool[np.ndarray, " n_voxels"]:
        """Which of the simulated voxels are at least nine tenths of the tissue whose map has this name."""
        return np.asarray(self.anatomy.fractions[tissue][self.where] >= PURE)


def image(
    sequence: Sequence,
    problem: Problem,
    anatomy: Anatomy,
    *,
    slices: Iterable[Slice] | None = None,
    seed: int = 0,
) -> Image:
    """Image that a single sequence gives of an anatomy.

    The signal of each voxel is exact, see `preview.signal.signal_of`; its tissues add up, with their phases,
    each with the centres of its properties. b0 and b1, if the anatomy has no maps of them, are smooth fields
    whose values are distributed over the head as the problem says.

    Parameters
    ----------
    sequence : Sequence, single
        One without a layout is played as the problem repeats and reads it.
    slices : iterable of Slice, optional
        Only these; all voxels if not given.
    seed : int
        Of b0 and b1.

    Raises
    ------
    ValueError
        If the sequence cannot be played in the problem, or a tissue of the problem has no map.
    """
    check_type(sequence, Sequence)
    check_type(anatomy, Anatomy)
    single = sequence.detach().without_padding()
    single = problem.played(single) if single.layout is None else single
    problem.check_sequence(single)
    dark = anatomy.check_tissues(problem)
    tissues = tuple(name for name in anatomy.fractions if name not in dark)
    where = anatomy.inside if slices is None else anatomy.inside & _in_slices(anatomy, slices)
    points = np.argwhere(where)
    b0, b1 = (_field(anatomy, problem, name, points, seed) for name in ("b0", "b1"))
    values = np.zeros((single.n_readouts, len(points)), complex)
    for place, voxels in anatomy.components(problem, points, b0, b1):
        values[:, place] += signal_of(single, problem, voxels)
    return Image(anatomy, tissues, where, values, b0, b1, single.readout_times.numpy())


def rician(
    signal: Complex[np.ndarray, "*shape"], sigma: float, generator: np.random.Generator
) -> Float[np.ndarray, "*shape"]:
    """Magnitude of a signal with normal noise of standard deviation sigma in its real and imaginary part."""
    noise = generator.standard_normal((2, *signal.shape))
    return np.asarray(np.abs(signal + sigma * (noise[0] + 1j * noise[1])))


def _in_slices(anatomy: Anatomy, slices: Iterable[Slice]) -> Bool[np.ndarray, "x y z"]:
    there = np.zeros(anatomy.shape, bool)
    for each in slices:
        there[(slice(None),) * each.axis + (each.index,)] = True
    return there


def _field(anatomy: Anatomy, problem: Problem, name: str, points: np.ndarray, seed: int) -> np.ndarray:
    """b0 [Hz] or b1 at the points [n_points, 3]: of the map, or drawn."""
    given = getattr(anatomy, name)
    if given is not None:
        return np.asarray(given[tuple(points.T)], float)
    is_b1 = name == "b1"
    field = drawn_field(
        getattr(problem.imaging, name),
        anatomy.inside,
        anatomy.voxel_mm,
        points,
        (seed, is_b1),
        central=CENTRAL_B1 if is_b1 else 0.0,
    )
    return np.maximum(field, 0) if is_b1 else field
