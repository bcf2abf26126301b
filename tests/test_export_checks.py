import math
import re
from dataclasses import replace

import pytest
import torch

from export_cases import inversion_recovery, problem, spin_echo
from sequence_search.export import Protocol, pulseq
from sequence_search.export.checks import check_pulses
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.system import load_system

PRISMA = load_system("siemens-prisma")


def test_a_pulse_over_the_peak_b1_names_the_duration_that_fits():
    # A Hann sinc of 2.56 ms, 90°, peaks at 2.29 times the mean of a rectangle: that is 5.26 uT.
    low = replace(PRISMA, peak_b1_ut=5.0)
    with pytest.raises(
        ValueError, match=r"pulse 1 \(excite\) needs .* uT of 5: its duration must be at least"
    ) as told:
        pulseq(spin_echo(), problem(), system=low)
    least = float(str(told.value).split("at least ")[1].split(" ms")[0])
    peak = float(str(told.value).split("needs ")[1].split(" uT")[0])
    assert least == pytest.approx(2.56 * peak / 5, abs=0.02)


def test_an_slr_pulse_takes_longer_steps_too():
    own = Problem.load("spin-echo-2d")
    kind = own.pulses["refocus"]
    assert kind.peak_b1_ut(math.pi) < PRISMA.peak_b1_ut
    # Of 0.01 ms its first and last step are the largest, and stay so whatever the duration.
    short = replace(kind, raster=1e-5)
    assert short.peak_b1_ut(math.pi) > PRISMA.peak_b1_ut
    assert replace(short, duration=2 * short.duration).peak_b1_ut(math.pi) > PRISMA.peak_b1_ut
    twice = replace(short, duration=2 * short.duration, raster=2 * short.raster)
    assert twice.peak_b1_ut(math.pi) == pytest.approx(short.peak_b1_ut(math.pi) / 2)
    pulses = {**own.pulses, "refocus": short}
    told = check_pulses(("refocus",), [math.pi], pulses, 5e-3, PRISMA)
    words = re.search(r"at least ([\d.]+) ms, got 5.12 and raster_ms ([\d.]+), got 0.01$", told[0])
    duration, raster = (1e-3 * float(word) for word in words.groups())
    # As many steps, each longer, by no more than a microsecond beyond what the peak asks.
    assert duration == pytest.approx(512 * raster)
    fits = replace(kind, duration=duration, raster=raster)
    assert PRISMA.peak_b1_ut * (1 - 1e-6 / raster) < fits.peak_b1_ut(math.pi) <= PRISMA.peak_b1_ut
    assert check_pulses(("refocus",), [math.pi], {**own.pulses, "refocus": fits}, 5e-3, PRISMA) == []


def test_one_of_fixed_amplitude_names_its_amplitude():
    low = replace(PRISMA, peak_b1_ut=15.0)
    with pytest.raises(ValueError, match=r"peak_b1_hz must be at most 638\.7"):
        pulseq(inversion_recovery(), problem(), system=low)


def test_a_slice_too_thin_names_the_thickness_that_fits():
    with pytest.raises(ValueError, match=r"slice must be at least (\S+) mm") as told:
        pulseq(spin_echo(), problem(), protocol=Protocol(slice_thickness=0.2e-3))
    bandwidth, limit = 4 / 2.56e-3, 80e-3 * 42.577478518e6
    assert f"at least {1e3 * bandwidth / limit:.4g} mm" in str(told.value)


@pytest.mark.filterwarnings("ignore:the gradients of all repetitions are alike")
def test_a_delay_too_short_names_the_smallest_that_fits():
    slow, space = replace(PRISMA, max_slew_t_m_s=5.0), replace(problem().search_space, crusher=0.0)

    def export(delay_ms):
        design = spin_echo()
        delay = torch.tensor([delay_ms / 1e3, 10e-3, 2.99 - delay_ms / 1e3], dtype=torch.float64)
        return pulseq(replace(design, delay=delay), replace(problem(), search_space=space), system=slow)

    with pytest.raises(ValueError, match=r"from pulse 1 \(excite\) to pulse 2 \(refocus\) must be") as told:
        export(6.5)
    least = float(str(told.value).split("at least ")[1].split(" ms")[0])
    assert export(least).check_timing() == (True, [])
    with pytest.raises(ValueError, match=f"at least {least:g} ms"):
        export(least - 0.01)


@pytest.mark.parametrize(
    ("protocol", "told"),
    [
        (Protocol(readout="cartesian", bandwidth=6000.0), r"bandwidth must be at most \S+ Hz a pixel"),
        (Protocol(readout="cartesian", matrix=(10, 4)), "a line must have a multiple of 4 samples, got 10"),
    ],
)
def test_a_readout_that_does_not_fit_is_refused(protocol, told):
    with pytest.raises(ValueError, match=told):
        pulseq(spin_echo(), problem(), protocol=protocol)


def test_what_a_design_has_no_use_for_is_refused():
    once, hard = Problem.load("max-signal"), Sequence.from_degrees_ms([90, 180], [0, 90], [9, 9])
    with pytest.raises(ValueError, match=r"--repeat-ms. is of a design .* has its own, 3000 ms"):
        pulseq(spin_echo(), problem(), protocol=Protocol(readout="cartesian", tr=2.0))
    with pytest.raises(ValueError, match=r"--repeat-ms. goes with --readout cartesian.*, got 'epi'"):
        pulseq(hard, once, protocol=Protocol(readout="epi", tr=2.0))
    with pytest.raises(ValueError, match=r"this design has none"):
        pulseq(spin_echo(), problem(), protocol=Protocol(hard_duration=1e-3))
    with pytest.raises(ValueError, match=r"--dummies. are of a design that is repeated"):
        pulseq(hard, once, protocol=Protocol(readout="cartesian", dummies=1))


def test_all_faults_are_told_at_once():
    with pytest.raises(ValueError, match=r"excite.*refocus.*bandwidth"):
        pulseq(
            spin_echo(),
            problem(),
            system=replace(PRISMA, peak_b1_ut=1.0),
            protocol=Protocol(readout="cartesian", bandwidth=9000.0),
        )
