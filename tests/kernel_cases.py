"""Voxels, sequences and objectives for tests of the kernel, and the signal as a plain sum over pathways."""

import numpy as np

from sequence_search.engines.arrangement import table_of
from sequence_search.engines.kernel import run, table_run
from sequence_search.engines.kernel.blocks import arrange_voxels
from sequence_search.engines.kernel.objective import Encoding, arrange_objective
from sequence_search.engines.kernel.rotations import arrange_rotations
from sequence_search.layout import SPOILER, Layout, Readout
from sequence_search.pulses.shapes import HyperbolicSecant, Sinc

NAMES = ("m0", "t1", "t2", "t2_prime", "b1", "b0", "spread")


def plain_signal(flip, phase, delay, voxels):
    """Pathway sum with one list entry for each pathway, nothing merged or shared."""
    m0, t1, t2, t2_prime, b1, b0, spread = (voxels[name] for name in NAMES)
    paths = [("z", np.ones(len(m0), complex), 0.0)]
    for a, p, t in zip(flip, phase, delay, strict=True):
        turn, cos, sin = np.exp(1j * p), np.cos(a * b1), np.sin(a * b1)
        after = []
        for kind, amplitude, tau in paths:
            if kind == "m":
                after += [
                    ("m", (1 + cos) / 2 * amplitude, tau),
                    ("m*", (1 - cos) / 2 * turn.conj() ** 2 * amplitude, tau),
                    ("z", sin * turn.conj() * amplitude / 2j, tau),
                ]
            elif kind == "m*":
                after += [
                    ("m*", (1 + cos) / 2 * amplitude, tau),
                    ("m", (1 - cos) / 2 * turn**2 * amplitude, tau),
                    ("z", -sin * turn * amplitude / 2j, tau),
                ]
            else:
                after += [
                    ("z", cos * amplitude, tau),
                    ("m", -1j * turn * sin * amplitude, tau),
                    ("m*", 1j * turn.conj() * sin * amplitude, tau),
                ]
        e1, e2 = np.exp(-t / t1), np.exp(-t / t2 + 2j * np.pi * b0 * t)
        change = {"m": (e2, t), "m*": (e2.conj(), -t), "z": (e1, 0.0)}
        paths = [(kind, amplitude * change[kind][0], tau + change[kind][1]) for kind, amplitude, tau in after]
        paths.append(("z", 1 - e1 + 0j, 0.0))
    total = np.zeros(len(m0), complex)
    for kind, amplitude, tau in paths:
        if kind == "m":
            total += amplitude * np.exp(-abs(tau) / t2_prime) * np.sinc(2 * spread * tau)
    return m0 * total


def plain(sequences, n_rf, voxels):
    return np.array(
        [plain_signal(f[:n], p[:n], d[:n], voxels) for f, p, d, n in zip(*sequences, n_rf, strict=True)]
    )


def make_voxels(rng, count, same_spread=True):
    return {
        "m0": rng.uniform(0.5, 1, count),
        "t1": rng.uniform(0.1, 2, count),
        "t2": rng.uniform(0.02, 0.3, count),
        "t2_prime": np.where(rng.random(count) < 0.1, np.inf, rng.uniform(0.01, 0.2, count)),
        "b1": rng.uniform(0.5, 1.5, count),
        "b0": rng.normal(0, 50, count),
        "spread": np.full(count, 7.0) if same_spread else rng.uniform(0, 20, count),
    }


def arranged(voxels, group=None):
    count = len(voxels["m0"])
    return arrange_voxels([voxels[name] for name in NAMES], np.zeros(count, int) if group is None else group)


def make_sequences(rng, batch, n_rf, echoes=False):
    delay = (
        rng.choice([0.01, 0.02, 0.03], (batch, n_rf)) if echoes else rng.uniform(0.001, 0.05, (batch, n_rf))
    )
    return rng.uniform(0, 2 * np.pi, (batch, n_rf)), rng.uniform(-4, 4, (batch, n_rf)), delay


def make_encoding(
    rng, group, contrasts=((0, 1, 3.0, "plain"), (1, 0, 2.0, "complex")), penalties=(0.1, 0.2, 0.3)
):
    """Random factors; a contrast is (first group, second group, weight, plain or signed or complex)."""
    linear, square, mean = rng.random((3, len(group)))
    first, second, weight, kind = zip(*contrasts, strict=True)
    return Encoding(
        linear,
        square,
        mean,
        np.asarray(group),
        constant=0.7,
        pairs=np.stack((first, second), 1),
        contrast_weight=np.array(weight),
        signed=np.array(kind) == "signed",
        complex=np.array(kind) == "complex",
        penalties=np.array(penalties),
    )


def everything(sequences, counts, blocks, encoding, threads=2):
    bar = np.ones((len(counts), blocks.n_voxels), complex)
    return (
        run.forward(sequences, counts, blocks, threads),
        run.products(sequences, counts, blocks, bar, threads),
        run.adjoint(sequences, counts, blocks, bar, threads),
        *run.loss(sequences, counts, blocks, arrange_objective(blocks, encoding), threads),
    )


LAYOUTS = {
    "crushed": Layout.plain(3, gradients=(1, 2, 1)),
    "spoiled": Layout.plain(4, gradients=(SPOILER, 1, 0, 1)),
    "steady": Layout.plain(3, steady=True),
    "steady, crushed": Layout.plain(3, gradients=(SPOILER, 1, 1), steady=True),
    "train": Layout.train(5),
    "train, steady": Layout.train(4, before=(SPOILER, 0), crusher=1, steady=True),
    "repeated": Layout.plain(2, gradients=(1, 1), steady=True).repeat(2),
    "several readouts": Layout(
        ((1, 1, 0), (0, 2, 1), (1, 0, 1)),
        (1, 2, 0),
        ("hard",) * 3,
        (Readout(2, (1, 0, 0)), Readout(0, (0, 1, 0), 1), Readout(1, (0, 1, 0), 1), Readout(1, (0, 2, 1), 1)),
        steady=True,
    ),
}


def layout_sequences(rng, layout, batch=2):
    shapes = (batch, layout.n_rf), (batch, layout.n_rf), (batch, layout.n_delay)
    flip, phase, delay = (rng.random(shape) for shape in shapes)
    return 3 * flip, 6 * phase, 0.005 + 0.05 * delay


def everything_of_layout(sequences, layout, blocks, encoding, threads=2, rotations=None):
    bar = np.ones((len(sequences[0]), len(layout.readouts), blocks.n_voxels), complex)
    parts = [table_run.forward(sequences, layout, blocks, threads, rotations)]
    parts += table_run.adjoint(sequences, layout, blocks, bar, threads, rotations)
    if len(layout.readouts) == 1:
        objective = arrange_objective(blocks, encoding)
        value, gradient = table_run.loss(sequences, layout, blocks, objective, threads, rotations)
        parts += [value, *gradient]
    return parts


KINDS = {
    "sinc": Sinc(duration=2.56e-3, raster=4e-5, time_bandwidth=4.0),
    "slice": Sinc(duration=2.56e-3, raster=4e-5, time_bandwidth=4.0, slice=True),
    "hs": HyperbolicSecant(duration=8e-3, raster=4e-5, peak_b1=800.0, bandwidth=1000.0),
}


def rotations_of(layout, voxels, blocks, place=0.0):
    """Rotations of the kinds of a layout in voxels, at places across the slice."""
    used = {name: KINDS[name] for name in layout.kinds if name in KINDS}
    times = voxels["t1"], voxels["t2"], voxels["b1"]
    found = {name: table_of(kind, *times, kind.frequency(voxels["b0"], place)) for name, kind in used.items()}
    return arrange_rotations(layout.kinds, found, blocks, across=np.size(place) > 1)
