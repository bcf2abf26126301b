import math

import numpy as np
import pypulseq
import pytest

from pulseq_cases import SIZE, Builder, spin_echo
from sequence_search.playback.events import PulseqError
from sequence_search.playback.reader import read_seq
from sequence_search.playback.readouts import find_repetitions
from sequence_search.playback.voxel import Voxel, find_voxel, slice_thickness
from test_playback_readouts import lines
from test_playback_simulation import selective


def found(made, size=None):
    file = read_seq(made.sequence)
    return find_voxel(file, find_repetitions(file), size)


def test_slice_thickness_is_stated_or_that_of_the_profile():
    made = selective()
    voxel = found(made)
    assert voxel.slice_axis == 2
    assert voxel.size == (0, 0, 5e-3)
    del made.sequence.definitions["SliceThickness"]
    assert found(made).size[2] == pytest.approx(5e-3, rel=0.03)


def test_slice_thickness_of_a_gaussian_is_its_width_at_half_height():
    made = Builder()
    rf, gradient, _ = pypulseq.make_gauss_pulse(
        1.0,
        duration=4e-3,
        time_bw_product=4,
        slice_thickness=3e-3,
        return_gz=True,
        system=made.system,
        delay=1e-4,
        use="excitation",
    )
    made.at(0, rf, gradient)
    waveform = read_seq(made.sequence).waveforms[0]
    time = (np.arange(400) + 0.5) * 1e-5 - 2e-3
    sigma = math.sqrt(-(time[100] ** 2) / 2 / math.log(abs(waveform.b1[100] / waveform.b1[200])))
    width = math.sqrt(8 * math.log(2)) / (2 * math.pi * sigma)  # of the spectrum [Hz]
    assert slice_thickness(waveform, 2) == pytest.approx(width / gradient.amplitude, rel=0.02)


def test_a_slice_off_centre_has_its_place():
    assert found(selective(offset=-0.02)).centre == pytest.approx(-0.02, rel=1e-4)


def test_an_encoded_axis_has_the_size_that_its_lines_resolve():
    x, y, z = found(lines(spoil=False)).size
    assert (x, y) == pytest.approx((SIZE[0], 8 / 7 * SIZE[1]), rel=1e-5)
    assert z == 0


def test_a_size_that_nothing_tells_must_be_stated():
    with pytest.raises(PulseqError, match=r"plays a gradient along z, and nothing tells .* state --voxel-mm"):
        found(spin_echo())
    assert found(spin_echo(), SIZE).size == (0, 0, 5e-3)
    made = spin_echo()
    made.sequence.set_definition("FOV", [0.2, 0.2, 0.004])
    assert found(made).size == (0, 0, 0.004)


def test_whole_cycles_over_a_voxel_leave_nothing():
    even = (np.arange(2**10) + 0.5) / 2**10
    voxel = Voxel((2e-3, 0.0, 0.0), None)
    place, weight = voxel.place(np.stack([even, 0 * even, 0 * even]))
    assert weight.mean() == pytest.approx(1)
    for cycles in (1, 1.5, 2, 4):
        assert abs((weight * np.exp(2j * math.pi * cycles * place[0] / 2e-3)).mean()) < 1e-9
    assert abs((weight * np.exp(2j * math.pi * 0.5 * place[0] / 2e-3)).mean()) == pytest.approx(0.5)


def test_two_thicknesses_of_a_slice_count_fully():
    even = (np.arange(2**12) + 0.5) / 2**12
    place, weight = Voxel((0.0, 0.0, 1.0), 2, centre=10.0).place(np.stack([0 * even, 0 * even, even]))
    assert place[2].min() == pytest.approx(8.5, abs=1e-3)
    assert weight[abs(place[2] - 10) < 1] == pytest.approx(3)
    assert weight[[0, -1]] == pytest.approx(0, abs=1e-4)
    assert weight.mean() == pytest.approx(2.5, rel=1e-3)  # a perfect slice of one thickness counts as 1


def test_slices_on_two_axes_or_at_two_places_are_refused():
    made = selective()
    rf, gradient, _ = pypulseq.make_sinc_pulse(
        1.0,
        duration=2.56e-3,
        slice_thickness=5e-3,
        return_gz=True,
        system=made.system,
        delay=1e-4,
        use="excitation",
    )
    gradient.channel = "x"
    made.at(0.03, rf, gradient)
    with pytest.raises(PulseqError, match="plays pulses on gradients along x and z: one axis"):
        found(made)
    made = selective()
    gradient.channel = "z"
    rf.freq_offset = gradient.amplitude * 0.01
    made.at(0.03, rf, gradient)
    with pytest.raises(PulseqError, match="selects slices at 0, 10 mm: one slice"):
        found(made)
