"""A digital object in the scanner: the spins of each voxel of a slice, a Cartesian Pulseq file, an FFT.

`python tests/phantom.py FILE.png` draws its image beside that of a preview: the picture of docs/preview.md.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats.qmc import Sobol

from sequence_search import Problem, Sequence, Voxels
from sequence_search.engines.ensemble import ensemble_of
from sequence_search.export import Protocol, pulseq
from sequence_search.playback.events import Adc, SeqFile
from sequence_search.playback.maps import Spin, spin_maps
from sequence_search.playback.reader import read_seq
from sequence_search.playback.voxel import Voxel
from sequence_search.preview import Anatomy, icbm152, image, read_slices
from sequence_search.problem.library import problem_text
from sequence_search.voxels import PROPERTIES

FOV, THICKNESS = 0.256, 5e-3  # m
B1_STEP = 0.05
N_SPINS, FEWEST = 4096, 16  # of what fills a voxel, and of the least in it
N_AXES = 5  # frequencies of T2' and of the spread, and x, y, z
SEQUENCE = """
[sequence]
tr_ms = 12000

[pulses.excite]
shape = "sinc"
duration_ms = 2.56
time_bandwidth = 4
apodisation = "hann"
slice = true
rephaser_ms = 1.0

"""
SPACE = """[search_space]
pulses = ["{name}"]
gradients = ["none", "crusher", "spoiler"]
crusher_ms = 1.5"""


class Parts(NamedTuple):
    """What is in the voxels of a slice, one part for each tissue in each, and the middle of its voxel [m]."""

    voxels: Voxels
    place: np.ndarray  # [n_parts, 3]


class Group(NamedTuple):
    """Spins that share their relaxation and b1."""

    spin: Spin
    frequency: np.ndarray  # Hz [n_spins]
    place: np.ndarray  # m [3, n_spins]
    weight: np.ndarray  # [n_spins]


def with_fields(anatomy: Anatomy, problem: Problem) -> Anatomy:
    """With the fields that `image` draws, b1 in steps, so that many voxels share the maps of a pulse."""
    drawn = image(Sequence.from_degrees_ms([90], [0], [5]), problem, anatomy)
    b1 = np.round(drawn.filled(drawn.b1) / B1_STEP) * B1_STEP
    return Anatomy(anatomy.affine, anatomy.fractions, b0=drawn.filled(drawn.b0), b1=b1)


def parts_of(anatomy: Anatomy, problem: Problem, size: float) -> Parts:
    """Parts of an anatomy of one slice whose middle voxel is that of the image, in voxels of a size [m]."""
    points = np.argwhere(anatomy.inside)
    b0, b1 = (field[tuple(points.T)] for field in (anatomy.b0, anatomy.b1))
    here, voxels = zip(*anatomy.components(problem, points, b0, b1), strict=True)
    columns = {name: np.concatenate([getattr(each, name).numpy() for each in voxels]) for name in PROPERTIES}
    place = (points[np.concatenate(here)] - np.array(anatomy.shape) // 2) * [size, size, 0.0]
    return Parts(Voxels(**columns), place)


def groups_of(parts: Parts, size: float, thickness: float, slice_axis: int | None) -> Iterator[Group]:
    """Spins evenly in each voxel of a slice of a thickness [m], with frequencies of their own."""
    generator = np.random.default_rng(0)
    across = Voxel((0.0, 0.0, thickness), slice_axis)
    table = np.stack([getattr(parts.voxels, name).numpy() for name in ("t1", "t2", "b1")], -1)
    for alike in np.unique(table, axis=0):
        spins = []
        for number in np.flatnonzero((table == alike).all(-1)):
            # As many as it gives signal, for what is dephased is noise of that size.
            signal = float(parts.voxels.m0[number])
            n_spins = max(FEWEST, 2 ** round(math.log2(N_SPINS * signal)))
            # Hammersley's points: even along z, where crushers dephase them.
            along = (np.arange(n_spins) + generator.random()) / n_spins
            even = np.stack([*Sobol(N_AXES - 1, rng=generator).random(n_spins).T, along])[:, None]
            one = ensemble_of(parts.voxels, int(number), even, np.zeros((1, 1)), None, None)
            place, weight = across.place(even[2:, 0])
            place[:2] = size * (even[2:4, 0] - 0.5)
            weight = weight * one.weight.ravel() * signal / len(weight)
            spins.append((one.b0 + one.own[0], place + parts.place[number][:, None], weight))
        frequency, place, weight = (np.concatenate(part, -1) for part in zip(*spins, strict=True))
        t1, t2, b1 = alike
        yield Group(Spin(1 / t1, 1 / t2, b1, 0.0), frequency, place, weight)


def played(file: SeqFile, group: Group, slice_axis: int | None) -> np.ndarray:
    """Samples of all readouts [n_adcs, n_samples]."""
    r1, r2, *_ = group.spin
    along = np.zeros_like(group.frequency) if slice_axis is None else group.place[slice_axis]
    maps = [spin_maps(each, group.spin, slice_axis, group.frequency, along) for each in file.waveforms]
    mxy, mz, found = np.zeros(len(along), complex), np.ones(len(along)), []
    ends = [*(pulse.start for pulse in file.pulses[1:]), math.inf]
    time = end = file.pulses[0].start
    for pulse, following in zip(file.pulses, ends, strict=True):
        middle, free = file.middle(pulse), pulse.start - end
        mxy = mxy * _turns(file, group, time, middle) * math.exp(-r2 * free)
        mz = 1 + (mz - 1) * math.exp(-r1 * free)
        mxy, mz = maps[pulse.waveform].apply(mxy, mz, file.phase_at(pulse, middle))
        time, end = middle, file.end(pulse)
        found += [
            _read(file, group, adc, time, end, mxy) for adc in file.adcs if time < adc.start < following
        ]
    return np.array(found)


def _turns(file: SeqFile, group: Group, start: float, stop: float) -> np.ndarray:
    cycles = group.frequency * (stop - start) + (file.moment(stop) - file.moment(start)) @ group.place
    return np.exp(2j * math.pi * cycles)


def _read(file: SeqFile, group: Group, adc: Adc, time: float, end: float, mxy: np.ndarray) -> np.ndarray:
    """Samples of one readout; its gradient is constant, so that from each to the next all turn alike."""
    at = adc.samples
    moment = file.moment(at)
    assert np.ptp(np.diff(moment, axis=0), axis=0).max() < 1e-6 * np.abs(moment).max()
    spins = group.weight * mxy * _turns(file, group, time, at[0])
    step = _turns(file, group, at[0], at[1])
    # Sample a n + b takes a long steps and b short ones: all of them are one product of matrices.
    n = math.ceil(math.sqrt(len(at)))
    short = np.cumprod([np.ones_like(step), *[step] * (n - 1)], axis=0)
    long = np.cumprod([spins, *[short[-1] * step] * (n - 1)], axis=0)
    samples = (long @ short.T).ravel()[: len(at)] * np.exp(-group.spin.r2 * (at - end))
    receiver = adc.phase + 2 * math.pi * adc.frequency * (at - adc.start)
    return samples * np.exp(-1j * receiver)


class Scan(NamedTuple):
    """A slice of a brain and the Cartesian spin echo that is played on it, TE 90 ms, TR 12 s."""

    problem: Problem
    sequence: Sequence
    slice: Anatomy
    matrix: int

    @property
    def size(self) -> float:
        """Size of a voxel of the object and of the image [m]."""
        return FOV / self.matrix

    def write(self, path: Path) -> SeqFile:
        """Write it for a scanner, and give what it plays."""
        how = {"fov": (FOV, FOV), "matrix": (self.matrix, self.matrix), "slice_thickness": THICKNESS}
        made = pulseq(self.sequence, self.problem, protocol=Protocol(readout="cartesian", dummies=1, **how))
        made.write(str(path))
        return read_seq(path)

    def scanned(self, file: SeqFile) -> np.ndarray:
        """Complex image [x, y] of the object, in the unit of M0."""
        axis = 2 if any(each.gradient.any() for each in file.waveforms) else None
        parts = parts_of(self.slice, self.problem, self.size)
        return self.reconstructed(
            file, sum(played(file, group, axis) for group in groups_of(parts, self.size, THICKNESS, axis))
        )

    def reconstructed(self, file: SeqFile, samples: np.ndarray) -> np.ndarray:
        """Complex image [x, y] of samples [n_adcs, n_samples] by a plain FFT, cut to the object."""
        k_space = np.zeros((self.matrix, self.matrix), complex)
        for adc, line in zip(file.adcs, samples, strict=True):
            k_space[:, adc.labels["LIN"]] = line
        whole = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(k_space)))
        return whole[self.inside] / k_space.size

    def previewed(self) -> np.ndarray:
        """Complex image [x, y] of `preview`, through the aperture of a voxel as that of the object."""
        whole = np.zeros((self.matrix, self.matrix), complex)
        whole[self.inside] = image(self.sequence, self.problem, self.slice).signal[0, :, :, 0]
        aperture = np.sinc(np.fft.fftfreq(self.matrix))
        return np.fft.ifft2(np.fft.fft2(whole) * np.outer(aperture, aperture))[self.inside]

    @property
    def inside(self) -> tuple[slice, slice]:
        """Where the object is in the image."""
        corners = [self.matrix // 2 - count // 2 for count in self.slice.shape[:2]]
        x, y = (slice(low, low + count) for low, count in zip(corners, self.slice.shape[:2], strict=True))
        return x, y

    def contrasts(self, found: np.ndarray) -> dict[str, float]:
        """Differences of mean magnitudes over the voxels that are nine tenths of a tissue."""
        mean = {
            name: np.abs(found)[part[:, :, 0] >= 0.9].mean() for name, part in self.slice.fractions.items()
        }
        return {f"{one}-{other}": mean[one] - mean[other] for one, other in combinations(mean, 2)}


def make_scan(matrix: int, *, selective: bool) -> Scan:
    """A slice of the template at 8 mm, and a problem whose pulses are selective, or hard without a spread.

    The TR is three T1 of CSF: what crushers store in one repetition is an echo in the next, which is no part
    of a preview, and at half of that TR 5 % of the signal of CSF.
    """
    name, spread = ("excite", 30) if selective else ("hard", 0)
    text = problem_text("csf-null-w1").replace("spread_hz = 30", f"spread_hz = {spread}")
    text = text.replace("[search_space]", SEQUENCE + SPACE.format(name=name))
    problem = Problem.from_toml(text[: text.index("[grid]")])
    side = 1e3 * FOV / matrix
    brain = icbm152((side, side, 1e3 * THICKNESS))
    (at,) = read_slices("axial:8", brain)
    fractions = {each: part[:, :, at.index : at.index + 1] for each, part in brain.fractions.items()}
    sequence = problem.played(
        Sequence.from_degrees_ms([90, 180], [0, 90], [45, 45]),
        kinds=[name] * 2,
        gradients=["crusher"] * 2,
    )
    return Scan(problem, sequence, with_fields(Anatomy(brain.affine, fractions), problem), matrix)


def draw(file: Path) -> None:
    """The two images and their difference, of selective pulses."""
    from matplotlib.figure import Figure

    scan = make_scan(64, selective=True)
    with tempfile.TemporaryDirectory() as folder:
        images = [scan.previewed(), scan.scanned(scan.write(Path(folder) / "spin-echo.seq"))]
    shown = [*(np.abs(each) for each in images), np.abs(images[1]) - np.abs(images[0])]
    figure = Figure(figsize=(7.2, 3.2), layout="constrained", facecolor="black")
    names = ("preview", "the file, played on the object", "difference, ten times")
    white = np.percentile(shown[0], 99.5)
    for axes, each, name in zip(figure.subplots(1, 3), shown, names, strict=True):
        scaled = 0.5 + 5 * each / white if each is shown[-1] else each / white
        axes.imshow(scaled.T[::-1, ::-1], cmap="gray", vmin=0, vmax=1)
        axes.set_title(name, color="white", fontsize=9)
        axes.axis("off")
    figure.savefig(file, dpi=100, metadata={"Software": None})
    for name, value in scan.contrasts(images[0]).items():
        print(f"{name}: preview {value:.4f}, played {scan.contrasts(images[1])[name]:.4f}")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
