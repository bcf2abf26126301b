import math

import numpy as np
import pytest

from pulse_cases import KINDS, SINC, lanes, mixing
from sequence_search.pulses.shapes import (
    SHAPES,
    Gauss,
    Hard,
    HyperbolicSecant,
    Samples,
    Sinc,
    Slr,
    shape_name,
)
from sequence_search.pulses.slices import profile


def test_names_of_shapes():
    assert [shape_name(KINDS[name]) for name in ("hard", "sinc", "gauss", "slr", "hs", "samples")] == list(
        SHAPES
    )


def test_a_sinc_crosses_zero_as_often_as_its_product():
    wave = Sinc(duration=4e-3, time_bandwidth=6, apodisation="none").waveform.real
    assert (np.diff(np.sign(wave)) != 0).sum() == 4  # and at its two ends
    assert wave[0] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(("window", "end"), [("none", 1.0), ("hann", 0.0), ("hamming", 0.08)])
def test_windows(window, end):
    bare, windowed = (Sinc(duration=4e-3, time_bandwidth=5, apodisation=name) for name in ("none", window))
    ratio = windowed.waveform / bare.waveform
    assert (ratio[0] / ratio[200]).real == pytest.approx(end, abs=1e-3)


def test_the_bandwidth_of_a_gauss_is_its_area_over_its_height():
    kind = Gauss(duration=4e-3, time_bandwidth=4, slice=True)
    frequency = np.linspace(-5000, 5000, 2001)
    height = np.abs(profile(kind, 1e-3, 0.0, b0=frequency).mxy)
    assert height.sum() * 5 / height.max() == pytest.approx(kind.slice_bandwidth, rel=1e-4)


def test_half_of_the_slice_of_a_sinc_is_at_half_its_height():
    assert abs(profile(SINC, 1e-3, 0.5).mxy) == pytest.approx(0.5e-3, rel=0.02)


@pytest.mark.parametrize(("purpose", "flip"), [("excitation", math.pi / 2), ("inversion", math.pi)])
def test_an_slr_pulse_is_sharper_than_a_sinc(purpose, flip):
    """From where it still does what it should to where it no longer does anything, in thicknesses."""
    place = np.linspace(0, 1.5, 1501)
    width = []
    for kind in (
        Slr(duration=2.56e-3, time_bandwidth=6, purpose=purpose, slice=True),
        Sinc(duration=2.56e-3, time_bandwidth=6, slice=True),
    ):
        mz, mxy = profile(kind, flip, place)
        effect = np.abs(mxy) if purpose == "excitation" else (1 - mz) / 2
        width.append(place[effect > 0.05][-1] - place[effect < 0.95][0])
    assert width[0] < 0.8 * width[1]


def test_a_hyperbolic_secant_sweeps_its_bandwidth():
    kind = HyperbolicSecant(duration=8e-3, peak_b1=1000, bandwidth=2000)
    sweep = np.diff(np.unwrap(np.angle(kind.waveform))) / (2 * math.pi * kind.dwell)
    assert sweep[0] - sweep[-1] == pytest.approx(2000, rel=1e-3)
    inverted = profile(kind, math.pi, 0.0, b0=np.array([-600.0, 0.0, 600.0, 1300.0, -1300.0])).mz
    assert (inverted[:3] < -0.98).all()
    assert (inverted[3:] > 0.9).all()


def test_samples_in_any_scale_and_turned_to_zero():
    wave = SINC.waveform
    kind = Samples(duration=2.56e-3, samples=tuple(3j * wave), time_bandwidth=4, slice=True)
    assert kind.waveform == pytest.approx(wave)
    assert kind.slice_bandwidth == pytest.approx(SINC.slice_bandwidth)


def test_samples_with_a_frequency_turn_what_precesses_at_it():
    """A fat saturation: 90° at -440 Hz, and next to nothing on resonance."""
    duration, offset = 10e-3, -440.0
    time = (np.arange(500) + 0.5) * duration / 500 - duration / 2
    envelope = np.exp(-18 * (time / duration) ** 2)
    samples = tuple(envelope * np.exp(2j * math.pi * offset * time))
    fat = Samples(duration=duration, samples=samples, peak_b1=0.25 / (envelope.mean() * duration))
    angle = np.degrees(fat.rotation(math.pi, 1.0, np.array([offset, 0.0])).angle)
    assert angle == pytest.approx([90, 0], abs=0.1)


def test_on_the_raster_of_a_pulseq_file_it_is_the_same_pulse():
    """Each step of 10 us as ten of 1 us."""
    finer = Samples(duration=SINC.duration, samples=tuple(np.repeat(SINC.waveform, 10)))
    b1, frequency = lanes(20)
    same = np.abs(mixing(finer.rotation(2.0, b1, frequency)) - mixing(SINC.rotation(2.0, b1, frequency)))
    assert same.max() < 1e-13


def test_samples_of_a_fixed_amplitude():
    adiabatic = KINDS["hs"]
    kind = Samples(duration=8e-3, samples=tuple(adiabatic.waveform), peak_b1=1200)
    assert kind.waveform == pytest.approx(adiabatic.waveform)
    assert kind.fixed_flip == math.pi
    assert profile(kind, math.pi, 0.0).mz == pytest.approx(-1, abs=2e-3)


@pytest.mark.parametrize(
    ("shape", "wrong", "message"),
    [
        (Hard, {"duration": -1.0}, "duration must lie within 0 and 1 s, got -1 s"),
        (Hard, {"duration": "1"}, "duration must be a number, got '1'"),
        (Hard, {"duration": math.nan}, "duration must be a number, got nan"),
        (Sinc, {"duration": 2.565e-3 + 1e-7}, "duration must be a whole number of raster, 1e-05 s, got"),
        (Sinc, {"duration": math.inf}, "duration must be above 0 and at most 1 s, got inf s"),
        (Sinc, {"duration": 0.0}, "duration must be above 0 and at most 1 s, got 0 s"),
        (Sinc, {"duration": 0.5}, "duration has at most 10000 steps of raster, got 50000"),
        (Sinc, {"raster": 1.5e-6}, "raster must be a whole number of 1e-06 s, got 1.5e-06 s"),
        (Sinc, {"raster": 0.0}, "raster must be a whole number of 1e-06 s, got 0 s"),
        (Sinc, {"slice": 1}, "slice must be true or false, got 1"),
        (Sinc, {"slice": True, "slice_factor": 2}, "slice_factor must lie within 0.5 and 1.5, got 2"),
        (Sinc, {"slice_factor": 1.3}, "slice_factor is of a slice: state slice = true"),
        (Sinc, {"rephaser": -1e-3}, "rephaser must lie within 0 and 1 s, got -0.001 s"),
        (Sinc, {"time_bandwidth": 0.5}, "time_bandwidth must lie within 1 and 64, a quarter of its steps"),
        (Sinc, {"time_bandwidth": 65}, "time_bandwidth must lie within 1 and 64, a quarter of its steps"),
        (Sinc, {"apodisation": "hanning"}, "apodisation must be one of none, hann, hamming, got 'hanning'"),
        (
            Slr,
            {"purpose": "90"},
            "purpose must be one of small_tip, excitation, refocusing, inversion, got '90'",
        ),
        (Slr, {"passband_ripple": 1.0}, "passband_ripple must lie within 1e-5 and 0.2, got 1"),
        (Slr, {"time_bandwidth": 1}, "time_bandwidth of 1 is too small for passband_ripple and stopband"),
        (HyperbolicSecant, {"peak_b1": 0.0}, "peak_b1 must be above 0 and at most 100 kHz, got 0 Hz"),
        (
            HyperbolicSecant,
            {"bandwidth": 2e5},
            "bandwidth must lie within 390.625 Hz and 25000 Hz for duration",
        ),
        (Samples, {"samples": (1.0, -1.0)}, "must not cancel: one whose sum is 0 needs peak_b1"),
        (Samples, {"samples": ()}, "samples must be 1 to 10000 numbers in a row, got 0"),
        (Samples, {"samples": (0.0,), "peak_b1": 1e3}, "samples must be finite and not all 0"),
        (Samples, {"samples": ("a",)}, "samples must be complex numbers"),
        (Samples, {"samples": (1.0,) * 7}, "whole number of 1e-06 s for each of the 7 samples"),
        (Samples, {"samples": (1.0,), "slice": True}, "slice needs time_bandwidth"),
        (Samples, {"samples": (1.0,), "time_bandwidth": 2}, "above 0 and at most 1, the number of samples"),
    ],
)
def test_what_is_refused(shape, wrong, message):
    given = {"duration": 2.56e-3}
    if shape in (Sinc, Slr):
        given["time_bandwidth"] = 4
    if shape is Slr:
        given["purpose"] = "inversion"
    if shape is HyperbolicSecant:
        given |= {"peak_b1": 1000, "bandwidth": 2000}
    with pytest.raises(ValueError, match=message):
        shape(**given | wrong)
