from dataclasses import replace

import pytest

from export_cases import Timeline, problem, spin_echo
from sequence_search.export import Protocol, pulseq
from sequence_search.export.lines import bandwidth_notes, line_faults, line_of
from sequence_search.system import load_system

PRISMA = load_system("siemens-prisma")
WEAK = replace(PRISMA, max_gradient_mt_m=50.0)


def image(bandwidth, fov=0.22, n=128):
    return Protocol(readout="cartesian", fov=(fov, fov), matrix=(n, 4), bandwidth=bandwidth)


@pytest.mark.parametrize(
    ("bandwidth", "fov", "system", "dwell_us", "played"),
    [
        (1600.0, 0.22, PRISMA, 4, "1953"),  # of 4.88 us on a raster of 2 us
        (1500.0, 0.22, PRISMA, 6, "1302"),
        (1600.0, 0.1, WEAK, 6, "1302"),  # 4 us would take 59 mT/m
        (250.0, 0.22, PRISMA, 32, "244.1"),
        (1302.0, 0.22, PRISMA, 6, None),
    ],
)
def test_a_sample_takes_the_nearest_time_whose_gradient_is_within_the_limit(
    bandwidth, fov, system, dwell_us, played
):
    how = image(bandwidth, fov)
    line = line_of(how, system)
    assert line.dwell == pytest.approx(dwell_us * 1e-6)
    assert line.amplitude * line.dwell == pytest.approx(1 / fov)
    assert line.amplitude <= system.max_gradient
    assert line_faults(how, system) == []
    notes = bandwidth_notes(how, system)
    assert len(notes) == (played is not None)
    if played:
        assert f"{played} Hz a pixel in place of {bandwidth:g}" in notes[0]


def test_what_is_noted_is_what_is_played():
    with pytest.warns(UserWarning, match="the bandwidth is 1302 Hz a pixel in place of 1600"):
        found = pulseq(spin_echo(), problem(), system=WEAK, protocol=image(1600.0, 0.1))
    assert found.check_timing() == (True, [])


def test_of_the_default_a_few_percent_are_not_noted():
    assert bandwidth_notes(Protocol(readout="cartesian"), PRISMA) == []
    assert "1302 Hz a pixel in place of 1500" in bandwidth_notes(Protocol(readout="epi"), PRISMA)[0]


def test_a_bandwidth_whose_gradient_is_too_large_is_refused():
    (told,) = line_faults(image(1700.0, 0.1), WEAK)
    assert told.startswith("the readout gradient is 51.11 mT/m of 50: the bandwidth must be at most 1663 Hz")


def test_a_readout_has_as_many_samples_as_the_scanner_takes():
    fid = Protocol(readout="fid", dummies=1)
    for limits, n in (({}, 1024), ({"adc_samples_limit": 500}, 500), ({"adc_samples_divisor": 100}, 1000)):
        system = replace(PRISMA, **limits)
        assert line_of(fid, system).n_samples == n
        played = Timeline(pulseq(spin_echo(), problem(), system=system, protocol=fid))
        assert len(played.readouts[0]) == n
    assert line_of(fid, replace(PRISMA, adc_samples_divisor=3000)).n_samples == 3000


@pytest.mark.parametrize("readout", ["none", "fid"])
def test_fewer_samples_than_are_played_are_refused(readout):
    few = replace(PRISMA, adc_samples_limit=3, adc_samples_divisor=4)
    with pytest.raises(ValueError, match=f"a readout of '{readout}' takes 4 samples or more, .* is 3"):
        pulseq(spin_echo(), problem(), system=few, protocol=Protocol(readout=readout))


def test_a_coarse_raster_is_the_time_of_a_sample():
    coarse = replace(PRISMA, adc_raster_us=200.0)
    assert line_of(Protocol(readout="fid"), coarse).dwell == pytest.approx(2e-4)
    assert pulseq(spin_echo(), problem(), system=coarse, protocol=Protocol(readout="fid")).duration()[0] > 0
