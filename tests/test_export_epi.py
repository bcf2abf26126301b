"""Echo-planar readouts: where their samples stand in k-space, and the image that they give of an object."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("pypulseq")

from export_cases import Timeline, problem
from phantom import Parts, groups_of, played
from sequence_search import Problem, Sequence, Voxels
from sequence_search.export import Protocol, pulseq
from sequence_search.export.loop import write_seq
from sequence_search.layout import Layout
from sequence_search.playback.comparison import compare
from sequence_search.playback.reader import read_seq

EPI = Protocol(readout="epi", matrix=(16, 12), fov=(0.2, 0.18), bandwidth=1562.5, dummies=0)


def echo(te_ms=60.0, **how):
    half = te_ms / 2
    return problem(**how).played(
        Sequence.from_degrees_ms([90, 180], [0, 90], [half, half]),
        kinds=["excite", "refocus"],
        gradients=["crusher", "crusher"],
    )


@pytest.mark.parametrize("system", ["siemens-prisma", "ge-premier"])
def test_samples_stand_on_the_grid_and_the_middle_line_at_the_readout(system):
    found = pulseq(echo(), problem(), system=system, protocol=EPI)
    assert found.check_timing() == (True, [])
    shown = Timeline(found)
    assert len(shown.readouts) == 12
    assert shown.readouts[6][8] - shown.pulses[0] == pytest.approx(0.06, abs=1e-9)
    places = np.arange(16) - 8
    for line, samples in enumerate(shown.readouts):
        k = np.array([shown.area(shown.pulses[1], time) for time in samples]) - shown.area(*shown.pulses[:2])
        assert k[:, 0] == pytest.approx(places[:: -1 if line % 2 else 1] / 0.2, abs=1e-3)
        assert k[:, 1] == pytest.approx(np.full(16, (line - 6) / 0.18), abs=1e-3)
        assert k[:, 2] == pytest.approx(np.zeros(16), abs=1e-3)
    labels = found.evaluate_labels(evolution="adc")
    assert labels["LIN"].tolist() == list(range(12))
    assert labels["REV"].tolist() == labels["SEG"].tolist() == [0, 1] * 6


@pytest.mark.parametrize("lines", [6, 8])
def test_what_is_encoded_is_taken_back_before_the_repetition_ends(lines):
    how = Protocol(readout="epi", matrix=(16, lines), dummies=1)
    shown = Timeline(pulseq(echo(), problem(), protocol=how))
    assert len(shown.readouts) == lines  # a dummy is not read
    excitation, refocusing = shown.pulses[2:4]
    spoiled = shown.area(refocusing, shown.end) - shown.area(excitation, refocusing)
    # What is left at the end, beside the crusher, is the spoiler along x alone.
    assert spoiled[0] == pytest.approx(4 / (how.fov[0] / 16), rel=1e-6)
    assert spoiled[1] == pytest.approx(0, abs=1e-3)


def test_each_echo_of_a_train_has_an_image():
    layout = Layout.train(2, crusher=1, kinds=["excite", "refocus", "refocus"], steady=True)
    design = Sequence.from_degrees_ms([90, 180, 180], [0, 90, 90], [30, 2880], layout=layout)
    found = pulseq(design, problem(echoes=2), protocol=EPI)
    assert found.check_timing() == (True, [])
    labels = found.evaluate_labels(evolution="adc")
    assert labels["ECO"].tolist() == [0] * 12 + [1] * 12
    assert labels["LIN"].tolist() == [*range(12)] * 2


def test_a_train_too_long_for_its_delay_names_the_least_that_fits():
    def export(te_ms):
        return pulseq(echo(te_ms), problem(), protocol=EPI)

    with pytest.raises(ValueError, match=r"from pulse 2 \(refocus\) to the readout must be at least") as told:
        export(16.0)
    least = float(str(told.value).split("readout must be at least ")[1].split(" ms")[0])
    assert export(2 * least).check_timing() == (True, [])
    with pytest.raises(ValueError, match=rf"to the readout must be at least {least:g} ms"):
        export(2 * least - 0.02)
    with pytest.raises(ValueError, match="readout 'epi' has two dimensions"):
        Protocol(readout="epi", matrix=(8, 8, 8), fov=(0.2, 0.2, 0.2))
    with pytest.raises(ValueError, match="bandwidth must be at most"):
        pulseq(echo(), problem(), protocol=Protocol(readout="epi", bandwidth=9000.0))


def test_a_design_played_once_stays_so():
    once = problem(tr=math.inf)
    found = pulseq(echo(tr=math.inf), once, protocol=EPI)
    assert len(Timeline(found).pulses) == 2


def test_played_back_it_gives_the_signal_of_the_design_at_the_centre_of_k_space():
    how = replace(EPI, dummies=None)
    found = compare(
        pulseq(echo(), problem(), protocol=how), echo(), problem(), n_per_tissue=4, size=how.voxel
    )
    assert found.largest < 0.02


def test_a_file_is_what_it_was(tmp_path):
    # Written by pypulseq 1.5.0.post1; a later one that writes others is to be looked at.
    hard = Sequence.from_degrees_ms([90, 180], [0, 90], [9, 9])
    how = Protocol(readout="epi", matrix=(8, 4))
    write_seq(pulseq(hard, Problem.load("max-signal"), protocol=how), tmp_path / "epi.seq")
    golden = Path(__file__).parent / "data" / "epi-1.5.seq"
    assert (tmp_path / "epi.seq").read_text() == golden.read_text()


def object_of(matrix, size):
    """An odd shape in a plane: a bright corner, a dark bar."""
    fill = np.zeros(matrix)
    fill[3:9, 4:10], fill[5:7, 2:8], fill[10:13, 3:5] = 1.0, 0.5, 0.8
    points = np.argwhere(fill)
    plain = torch.ones(len(points), dtype=torch.float64)
    columns = {
        "m0": torch.from_numpy(fill[tuple(points.T)]),
        "t1": 0.8 * plain,
        "t2": 5.0 * plain,
        "t2_prime": math.inf * plain,
        "b0": 0 * plain,
        "b1": plain,
        "spread": 0 * plain,
        "weight": plain,
    }
    place = (points - np.array(matrix) // 2) * np.array(size[:2])
    return fill, Parts(Voxels(**columns), np.column_stack([place, 0 * plain.numpy()]))


def image_of(found, matrix, parts, size, path):
    """Magnitude of the plain FFT, lines that run back reversed."""
    found.write(str(path))
    file = read_seq(path)
    samples = sum(played(file, group, 2) for group in groups_of(parts, size, 5e-3, 2))
    k_space = np.zeros(matrix, complex)
    for adc, line in zip(file.adcs, samples, strict=True):
        k_space[:, adc.labels["LIN"]] = line[:: -1 if adc.labels.get("REV") else 1]
    return np.abs(np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(k_space)))) / k_space.size


def test_its_image_is_that_of_the_object_and_of_a_cartesian_scan(tmp_path):
    matrix, side = (16, 12), 0.0125
    fill, parts = object_of(matrix, (side, side))
    how = {"matrix": matrix, "fov": (16 * side, 12 * side), "dummies": 1}
    epi, lines = (
        image_of(
            pulseq(echo(), problem(), protocol=Protocol(readout=readout, **how)),
            matrix,
            parts,
            side,
            tmp_path / f"{readout}.seq",
        )
        for readout in ("epi", "cartesian")
    )
    assert np.corrcoef(epi.ravel(), fill.ravel())[0, 1] > 0.99
    # What 4,096 spins of a voxel miss is noise, the same share of both.
    assert np.sqrt(np.square(epi - lines).mean()) < 0.04 * lines.max()
    for level in (0.5, 0.8, 1.0):
        assert epi[fill == level].mean() == pytest.approx(lines[fill == level].mean(), rel=0.02)
