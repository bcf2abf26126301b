import math

import numpy as np
import pytest

from sequence_search.pulses.rotation import cayley_klein
from sequence_search.pulses.shapes import Slr
from sequence_search.pulses.slr import slr_pulse

N_SAMPLES = 256


def profile_of(pulse, time_bandwidth):
    """|a|² and |b|² within 0.6 of half the bandwidth, and beyond 1.5 of it."""
    found = []
    for low, high in ((0, 0.6), (1.5, 6)):
        frequency = np.linspace(low, high, 400) * time_bandwidth / 2  # of a duration of 1
        rotation = cayley_klein(
            (pulse / pulse.sum()).astype(complex), 1 / N_SAMPLES, np.full(400, pulse.sum()), frequency
        )
        found.append((np.abs(rotation.a) ** 2, np.abs(rotation.b) ** 2))
    return found


@pytest.mark.parametrize("inside", [0.01, 0.03])
@pytest.mark.parametrize("outside", [0.01, 0.002])
@pytest.mark.parametrize(
    ("purpose", "value"),
    [
        ("small_tip", lambda a, b: np.sqrt(b) / 0.01),
        ("excitation", lambda a, b: 2 * np.sqrt(a * b)),
        ("inversion", lambda a, b: (1 - (a - b)) / 2),
        ("refocusing", lambda a, b: b),
    ],
)
def test_ripples_are_within_the_design(purpose, value, inside, outside):
    """Those of Mz, of -1 to 1, are twice those of what is inverted; to first order."""
    within, beyond = profile_of(slr_pulse(N_SAMPLES, 8, purpose, inside, outside), 8)
    share = 0.5 if purpose == "inversion" else 1
    assert np.abs(value(*within) - 1).max() < 1.15 * share * inside
    assert value(*beyond).max() < 1.15 * share * outside


@pytest.mark.parametrize("time_bandwidth", [4, 5, 6, 8])
@pytest.mark.parametrize(
    ("purpose", "flip", "most"),
    [
        ("small_tip", 0.02, 1),
        ("excitation", math.pi / 2, 1),
        ("refocusing", math.pi, 2.2),
        ("inversion", math.pi, 2.2),
    ],
)
def test_ripples_are_those_at_the_flip_angle_of_the_purpose(time_bandwidth, purpose, flip, most):
    """In the middle of the slice, as any kind of pulse reaches its flip angle on resonance."""
    kind = Slr(duration=5.12e-3, time_bandwidth=time_bandwidth, purpose=purpose)
    edge = time_bandwidth / kind.duration / 2
    within, beyond = (
        kind.rotation(flip, 1.0, np.linspace(low, high, 400) * edge).angle
        for low, high in ((0, 0.45), (1.6, 6))
    )
    if purpose == "refocusing":
        deviation, left = 1 - np.sin(within / 2) ** 2, np.sin(beyond / 2) ** 2
    elif purpose == "inversion":
        deviation, left = 1 + np.cos(within), 1 - np.cos(beyond)
    else:
        deviation, left = 1 - np.sin(within) / math.sin(flip), np.sin(beyond) / math.sin(flip)
    assert abs(deviation).max() < 1.15 * most * 0.01
    assert abs(left).max() < 1.15 * most * 0.01


def test_a_narrower_ripple_costs_transition():
    """So at the same product the pulse reaches further out where it may ripple less."""
    steep, soft = (slr_pulse(N_SAMPLES, 6, "excitation", ripple, 0.01) for ripple in (0.05, 1e-4))
    at = [
        abs(
            cayley_klein(
                (p / p.sum()).astype(complex), 1 / N_SAMPLES, np.full(1, p.sum()), np.full(1, 3.3)
            ).b[0]
        )
        for p in (steep, soft)
    ]
    assert at[0] < at[1]


def test_a_pulse_is_symmetric_and_of_its_flip_angle():
    pulse = slr_pulse(N_SAMPLES, 6, "excitation", 0.01, 0.01)
    assert pulse == pytest.approx(pulse[::-1], abs=0)
    assert pulse.sum() == pytest.approx(math.pi / 2, abs=0.15)


def test_a_product_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="time_bandwidth of 1 is too small for passband_ripple"):
        slr_pulse(N_SAMPLES, 1.0, "inversion", 1e-4, 1e-4)


@pytest.mark.parametrize(
    ("n_samples", "time_bandwidth", "inside", "outside"),
    [(401, 2.05, 0.012, 0.043), (100, 5.79, 7.8e-4, 6.7e-3), (256, 64, 0.2, 0.2), (512, 5.9, 2.2e-5, 6.4e-3)],
)
def test_designs_that_are_hard_to_come_by(n_samples, time_bandwidth, inside, outside):
    """Of loose and of strict ripples, where the algorithm does not converge on some transitions."""
    for purpose in ("small_tip", "refocusing"):
        assert np.isfinite(slr_pulse(n_samples, time_bandwidth, purpose, inside, outside)).all()


def test_too_many_samples_are_refused():
    with pytest.raises(ValueError, match="an slr pulse has at most 1024 steps of raster, got 2000"):
        slr_pulse(2000, 4.0, "excitation", 0.01, 0.01)
