import math
import pickle
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pulse_cases import ADIABATIC, KINDS, SINC, bloch, effective, lanes
from sequence_search.pulses.kinds import GAMMA_BAR
from sequence_search.pulses.shapes import Hard, Sinc
from sequence_search.pulses.slices import profile


@pytest.mark.parametrize("name", KINDS)
def test_the_waveform_gives_the_flip_angle_on_resonance(name):
    kind = KINDS[name]
    assert len(kind.waveform) == kind.n_samples
    assert kind.dwell * kind.n_samples == pytest.approx(kind.duration)
    assert kind.fixed_flip is not None or kind.waveform.sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="read-only"):
        kind.waveform[0] = 0


def test_a_real_waveform_turns_by_its_flip_angle_on_resonance():
    assert SINC.rotation(1.2, 0.9, 0.0).angle == pytest.approx(1.2 * 0.9)


@pytest.mark.parametrize("kind", [KINDS["gauss"], Hard(duration=1e-3, offset=700.0)])
def test_an_offset_is_a_waveform_that_turns_with_it(kind):
    """About the centre; the Bloch equations with steps so small that its turn within one counts little."""
    n_fine = 2000
    step = kind.duration / n_fine
    time = (np.arange(n_fine) + 0.5) * step - kind.duration / 2
    waveform = np.repeat(kind.waveform, n_fine // kind.n_samples) * kind.n_samples / n_fine
    turning = SimpleNamespace(
        duration=kind.duration, fixed_flip=None, waveform=waveform * np.exp(2j * math.pi * kind.offset * time)
    )
    b1, b0 = lanes(30)
    start = np.eye(3)[np.arange(30) % 3]
    found = effective(kind.rotation(2.0, b1, kind.frequency(b0, 0.0)), start)
    assert np.abs(found - bloch(turning, 2.0, b1, b0, start)).max() < 2e-6
    at_offset = kind.rotation(2.0, 1.0, kind.frequency(kind.offset, 0.0))
    assert at_offset.angle == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"duration": 0.0}, "offset needs a duration above 0"),
        ({"duration": 1e-3, "offset": math.inf}, "offset must lie within"),
        ({"duration": 1e-3, "offset": 2e5}, "offset must lie within -100000 Hz and 100000 Hz, got 200000 Hz"),
    ],
)
def test_an_offset_that_is_none_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Hard(**{"offset": 100.0, **given})


def test_a_slice_is_not_shifted():
    with pytest.raises(ValueError, match="offset would shift the slice: it goes without slice"):
        replace(SINC, offset=-440.0)


@pytest.mark.parametrize("name", KINDS)
def test_kinds_are_values(name):
    kind = KINDS[name]
    again = pickle.loads(pickle.dumps(kind))
    assert again == kind == replace(kind)
    assert hash(again) == hash(kind)
    assert again.waveform == pytest.approx(kind.waveform, abs=0)
    assert replace(kind, duration=2 * kind.duration) != kind


def test_b1_of_a_hard_pulse():
    """90° in 1 ms are 250 Hz: 5.87 uT of the proton."""
    kind = Hard(duration=1e-3)
    assert kind.peak_b1_ut(math.pi / 2) == pytest.approx(250 / GAMMA_BAR)
    assert kind.peak_b1_ut(math.pi / 2) == pytest.approx(5.87, abs=2e-3)
    assert kind.rms_b1_ut(-math.pi) == pytest.approx(2 * 250 / GAMMA_BAR)


def test_b1_of_an_instantaneous_pulse_has_no_bound():
    assert Hard().peak_b1_ut(1.0) == math.inf
    assert Hard().rms_b1_ut(0.0) == 0


def test_b1_of_a_fixed_amplitude_is_that_whatever_the_flip_angle():
    assert ADIABATIC.peak_b1_ut(0.1) == pytest.approx(1200 / GAMMA_BAR, rel=1e-3)
    assert ADIABATIC.rms_b1_ut(3.0) < ADIABATIC.peak_b1_ut(3.0) / 2


def test_b1_of_a_shape_is_higher_than_of_a_rectangle():
    flat = Hard(duration=SINC.duration).peak_b1_ut(1.0)
    assert SINC.peak_b1_ut(1.0) > 1.5 * flat
    assert flat < SINC.rms_b1_ut(1.0) < SINC.peak_b1_ut(1.0)
    assert SINC.rms_b1_ut(2.0) == pytest.approx(2 * SINC.rms_b1_ut(1.0))


def test_frequency_is_that_of_b0_and_of_the_place():
    place = np.array([-0.5, 0.0, 0.5])
    assert SINC.slice_bandwidth == pytest.approx(4 / 2.56e-3)
    assert SINC.frequency(30.0, place) == pytest.approx(30 + 4 / 2.56e-3 * place)
    whole = Sinc(duration=2.56e-3, time_bandwidth=4)
    assert whole.frequency(30.0, place) == pytest.approx(30)


def test_a_wider_slice_has_the_same_profile_stretched():
    place, wide = np.linspace(-0.7, 0.7, 15), replace(SINC, slice_factor=1.3)
    assert wide.slice_bandwidth == pytest.approx(4 / 2.56e-3 / 1.3)
    stretched = profile(wide, math.pi, 1.3 * place)
    assert stretched.mz == pytest.approx(profile(SINC, math.pi, place).mz, abs=1e-12)
    assert wide.side == SINC.side


def test_side_of_a_pulse():
    excite = Sinc(duration=2e-3, time_bandwidth=4, slice=True, rephaser=0.6e-3)
    assert excite.side == pytest.approx(1.6e-3)
    assert replace(excite, slice=False).side == pytest.approx(1e-3)
