"""Cartesian acquisitions in three dimensions: where lines stand in k-space, and the image of an object."""

import math

import numpy as np
import pytest
import torch

pytest.importorskip("pypulseq")

from export_cases import Timeline, problem, spin_echo, train
from phantom import Parts, groups_of, played
from sequence_search import Problem, Sequence, Voxels
from sequence_search.export import Protocol, pulseq
from sequence_search.playback.comparison import compare
from sequence_search.playback.reader import read_seq

MATRIX, FOV = (8, 6, 4), (0.1, 0.075, 0.05)
SLAB = Protocol(readout="cartesian", matrix=MATRIX, fov=FOV, dummies=1, bandwidth=500.0)
CRUSHER = 4 / (FOV[2] / MATRIX[2])  # four cycles over a partition


def test_lines_and_partitions_stand_on_the_grid():
    found = pulseq(spin_echo(), problem(), protocol=SLAB)
    assert found.check_timing() == (True, [])
    shown = Timeline(found)
    assert len(shown.readouts) == 24
    labels = found.evaluate_labels(evolution="adc")
    assert labels["LIN"].tolist() == [*range(6)] * 4
    assert labels["PAR"].tolist() == np.repeat(range(4), 6).tolist()
    for number, samples in enumerate(shown.readouts):
        excitation, refocusing = shown.pulses[2 * number + 2 : 2 * number + 4]
        before = shown.area(excitation, refocusing)
        k = np.array([shown.area(refocusing, time) for time in samples]) - before
        line, partition = number % 6, number // 6
        assert k[:, 0] == pytest.approx((np.arange(8) - 4) / FOV[0], abs=1e-3)
        assert k[:, 1] == pytest.approx(np.full(8, (line - 3) / FOV[1]), abs=1e-3)
        assert k[:, 2] == pytest.approx(np.full(8, (partition - 2) / FOV[2]), abs=1e-3)
        assert before[2] >= CRUSHER * (1 - 1e-6)


def test_pulses_select_the_slab_that_is_encoded_unless_another_is_stated():
    found = pulseq(spin_echo(), problem(), protocol=SLAB)
    assert found.definitions["SliceThickness"] == FOV[2]
    assert found.definitions["FOV"] == list(FOV)
    # A bandwidth of 1,562.5 Hz over the slab.
    assert found.get_block(1).gz.amplitude == pytest.approx(1562.5 / FOV[2])
    thin = Protocol(readout="cartesian", matrix=MATRIX, fov=FOV, slice_thickness=0.04)
    assert pulseq(spin_echo(), problem(), protocol=thin).get_block(1).gz.amplitude == pytest.approx(
        1562.5 / 0.04
    )


def test_a_turbo_train_reads_lines_of_each_partition_and_takes_them_back():
    how = Protocol(readout="cartesian", matrix=(8, 8, 2), fov=FOV, dummies=0, turbo=True, bandwidth=1000.0)
    found = pulseq(train(), problem(echoes=4), protocol=how)
    labels = found.evaluate_labels(evolution="adc")
    pairs = set(zip(labels["LIN"].tolist(), labels["PAR"].tolist(), strict=True))
    assert pairs == {(line, partition) for line in range(8) for partition in range(2)}
    shown = Timeline(found)
    between = [shown.area(*shown.pulses[at : at + 2]) for at in (1, 2, 3, 6, 7, 8)]
    assert between[0] == pytest.approx(2 * shown.area(*shown.pulses[:2]), abs=1e-3)
    assert np.ptp(np.array(between[:3]), axis=0) == pytest.approx([0, 0, 0], abs=1e-3)
    assert np.ptp(np.array(between[3:]), axis=0) == pytest.approx([0, 0, 0], abs=1e-3)


def test_the_file_gives_the_signal_of_the_design_through_the_slab():
    how = Protocol(readout="cartesian", matrix=MATRIX, fov=FOV, bandwidth=500.0)
    made = pulseq(spin_echo(), problem(), protocol=how)
    found = compare(made, spin_echo(), problem(), n_per_tissue=4, size=how.compared)
    assert found.largest < 0.02


def test_the_fft_is_the_image_of_the_object(tmp_path):
    """A different square in each partition, excited by pulses without a slice."""
    hard = Problem.load("max-signal")
    design = Sequence.from_degrees_ms([90, 180], [0, 90], [15, 15])
    how = Protocol(readout="cartesian", matrix=MATRIX, fov=FOV, tr=4.0, slice_thickness=FOV[2])
    fill = np.zeros(MATRIX)
    fill[2:5, 1:4, 1], fill[4:7, 3:5, 2], fill[1, 4, 2] = 1.0, 0.6, 0.8
    points = np.argwhere(fill)
    plain = torch.ones(len(points), dtype=torch.float64)
    columns = dict.fromkeys(("t1", "t2", "b1", "weight"), plain) | dict.fromkeys(("b0", "spread"), 0 * plain)
    columns |= {"m0": torch.from_numpy(fill[tuple(points.T)]), "t2_prime": math.inf * plain}
    sides = np.array(FOV) / MATRIX
    parts = Parts(Voxels(**columns), (points - np.array(MATRIX) // 2) * sides)
    pulseq(design, hard, protocol=how).write(str(tmp_path / "slab.seq"))
    file = read_seq(tmp_path / "slab.seq")
    samples = sum(played(file, group, None) for group in groups_of(parts, sides[0], sides[2], None))
    k_space = np.zeros(MATRIX, complex)
    for adc, line in zip(file.adcs, samples, strict=True):
        k_space[:, adc.labels["LIN"], adc.labels["PAR"]] = line
    image = np.abs(np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(k_space)))) / k_space.size
    # Spins fill a voxel evenly along x and y, and with soft edges of two voxels, 1 - cos, along z.
    x, y, z = (np.fft.fftfreq(count) for count in MATRIX)
    soft = np.where(abs(z) == 0.5, 0.5, np.sinc(2 * z) / (1 - np.minimum(4 * z * z, 0.99)))
    aperture = np.sinc(x)[:, None, None] * np.sinc(y)[:, None] * soft
    signal = (1 - 2 * math.exp(-3.985) + math.exp(-4)) * math.exp(-0.03)
    expected = signal * np.abs(np.fft.ifftn(np.fft.fftn(fill) * aperture))
    assert np.abs(image - expected).max() < 0.03
