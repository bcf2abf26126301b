"""Where the spins of a voxel stand while a Pulseq file is played: its slice and its size along each axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sequence_search.playback.events import AXES, PulseqError, SeqFile, Waveform
from sequence_search.playback.readouts import Repetitions

EXTENT = 3.0  # slice thicknesses that are played, of which the middle two count fully
FLAT = 2.0
FINE = 4001  # frequencies of a slice profile


@dataclass(frozen=True, slots=True)
class Voxel:
    """A voxel.

    Attributes
    ----------
    size : along x, y and z [m]; of the slice axis the thickness, 0 where no gradient is played
    slice_axis : 0, 1 or 2, or None without slice gradients
    centre : of the slice on its axis [m]
    """

    size: tuple[float, float, float]
    slice_axis: int | None
    centre: float = 0.0

    def place(
        self, even: Float[np.ndarray, "3 n_spins"]
    ) -> tuple[Float[np.ndarray, "3 n_spins"], Float[np.ndarray, " n_spins"]]:
        """Places of spins [m], and what each counts in a mean that is the signal of one voxel.

        Along the slice they count alike over two thicknesses and ever less beyond, along the other axes as
        (1 - cos) over two voxels: no edge that a real object lacks gives a signal. So gradients of whole
        cycles over a voxel leave nothing.

        Parameters
        ----------
        even : points of the unit cube
        """
        place, weight = np.zeros_like(even), np.ones(even.shape[-1])
        for axis, (u, size) in enumerate(zip(even, self.size, strict=True)):
            if axis == self.slice_axis:
                from_middle = EXTENT * (u - 0.5)
                place[axis] = self.centre + size * from_middle
                edge = (abs(from_middle) - FLAT / 2) / ((EXTENT - FLAT) / 2)
                weight = weight * EXTENT * np.cos(np.clip(edge, 0, 1) * math.pi / 2) ** 2
            elif size:
                place[axis] = 2 * size * (u - 0.5)
                weight = weight * (1 - np.cos(2 * math.pi * u))
        return place, weight


def find_voxel(
    file: SeqFile, repetitions: Repetitions, size: tuple[float, float, float] | None = None
) -> Voxel:
    """The slice that a file selects, and the size of its voxels.

    Parameters
    ----------
    size : along x, y and z [m]
        If not given, of an axis that is encoded from the extent of k-space, along the slice its definition
        SliceThickness or the full width at half height of the excitation at small flip angles, else the
        field of view that the file states.

    Raises
    ------
    PulseqError
        If pulses select slices on several axes or at several places, or a gradient is played along an axis
        on which nothing tells the size.
    """
    axis, centre = _slice(file)
    found: list[float | None] = list(size) if size is not None else [None, None, None]
    stated = np.ravel(file.definitions.get("FOV", []))
    for each, gradient in enumerate(file.gradients):
        if not gradient.value.any():
            found[each] = 0.0
        elif found[each] is not None:
            continue
        elif each == axis:
            found[each] = _thickness(file, each)
        elif repetitions.encoded[each]:
            found[each] = 1 / repetitions.encoded[each]
        elif len(stated) == 3 and isinstance(stated[each], float) and stated[each] > 0:
            found[each] = float(stated[each])
        else:
            raise PulseqError(
                f"{file.name} plays a gradient along {AXES[each]}, and nothing tells how large a voxel is:"
                " state --voxel-mm"
            )
    x, y, z = (each or 0.0 for each in found)
    return Voxel((x, y, z), axis, centre)


def _slice(file: SeqFile) -> tuple[int | None, float]:
    """Axis of the slice gradients, and where the slice is on it [m]."""
    axes = {int(axis) for each in file.waveforms for axis in np.flatnonzero(each.gradient.any(0))}
    if len(axes) > 1:
        names = " and ".join(AXES[axis] for axis in sorted(axes))
        raise PulseqError(f"{file.name} plays pulses on gradients along {names}: one axis is understood")
    if not axes:
        return None, 0.0
    (axis,) = axes
    places = [
        each.offset / float(np.median(each.gradient[:, axis]))
        for each in file.waveforms
        if np.median(each.gradient[:, axis])
    ]
    thickness = _thickness(file, axis)
    if np.ptp(places) > thickness / 10:
        told = ", ".join(f"{1e3 * place:.3g}" for place in sorted(set(np.round(places, 5).tolist())))
        raise PulseqError(f"{file.name} selects slices at {told} mm: one slice can be played")
    return axis, float(np.mean(places))


def _thickness(file: SeqFile, axis: int) -> float:
    stated = file.definitions.get("SliceThickness")
    if isinstance(stated, float) and stated > 0:
        return float(stated)
    selective = [each for each in file.pulses if file.waveform(each).gradient[:, axis].any()]
    first = next((each for each in selective if each.use == "excitation"), selective[0])
    return slice_thickness(file.waveform(first), axis)


def slice_thickness(waveform: Waveform, axis: int) -> float:
    """Full width at half height of a slice profile at small flip angles [m].

    It is the Fourier transform of B1 over the moment of the gradient (Pauly et al. 1989,
    doi:10.1016/0022-2364(89)90265-5).
    """
    area = waveform.b1 * waveform.step
    moment = np.cumsum(waveform.gradient[:, axis] * waveform.step)
    moment = moment - moment[-1] / 2
    reach = 50 / np.ptp(moment)
    for _ in range(2):
        place = np.linspace(-reach, reach, FINE)
        profile = abs(np.exp(2j * math.pi * np.outer(place, moment)) @ area)
        inside = np.flatnonzero(profile >= profile.max() / 2)
        reach = 4 * abs(place[inside]).max()
    width = place[inside[-1]] - place[inside[0]] + place[1] - place[0]
    return float(width)
