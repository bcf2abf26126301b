import pypulseq
import pytest

from pulseq_cases import CYCLES, Builder, spin_echo
from sequence_search.playback.kspace import excites_by, find_centre
from sequence_search.playback.reader import read_seq


def centre(made, number=0):
    file = read_seq(made.sequence)
    adc = file.adcs[number]
    last = max(place for place, pulse in enumerate(file.pulses) if pulse.start < adc.start)
    return find_centre(file, adc, last)


def test_without_a_gradient_it_is_the_middle_of_the_readout():
    found = centre(spin_echo())
    assert found.time == pytest.approx(21e-3)
    assert found.moment == pytest.approx([0, 0, 0], abs=1e-6)
    assert found.excitation == 0


def test_with_one_it_is_where_its_moment_is_none():
    """A readout whose prephasing gradient leaves its echo at a quarter, refocused by a pulse."""
    made = Builder()
    made.hard(1e-3, 90)
    made.at(2e-3, made.gradient(0.25, "x", 1e-3), made.gradient(0.1, "y", 1e-3))
    made.hard(6e-3, 180, 90, use="refocusing")
    readout = pypulseq.make_trapezoid(
        "x", flat_area=CYCLES, flat_time=3.2e-3, rise_time=1e-4, system=made.system
    )
    adc = pypulseq.make_adc(64, duration=3.2e-3, delay=1e-4, system=made.system)
    made.at(8e-3, readout, adc)
    found = centre(made)
    ramp = 0.5 * 1e-4 / 3.2e-3 * CYCLES
    assert found.time == pytest.approx(8.1e-3 + (0.25 * CYCLES - ramp) / CYCLES * 3.2e-3, abs=1e-6)
    assert found.moment == pytest.approx([0, -0.1 * CYCLES, 0], abs=1e-3)


def test_an_unbalanced_crusher_is_left():
    assert centre(spin_echo(second=1)).moment == pytest.approx([0, 0, -3 * CYCLES], rel=1e-5)


@pytest.mark.parametrize("use", ["preparation", "inversion"])
def test_what_a_pulse_is_for_is_told_by_its_flip_angle_where_the_file_is_wrong(use, tmp_path):
    """Pypulseq writes two pulses that differ in their use alone as one, with the use of the first."""
    made = Builder()
    made.hard(1e-3, 180, 90, use=use)
    made.crush(3e-3, 6, "x")
    made.hard(11e-3, 90)
    made.crush(13e-3, 4)
    made.hard(21e-3, 180, 90, use="refocusing")
    made.crush(23e-3, 4)
    made.read(31e-3)
    file = read_seq(made.write(tmp_path / "made.seq"))
    assert [pulse.use for pulse in file.pulses] == [use, "excitation", use]
    found = find_centre(file, file.adcs[0], 2)
    assert found.moment == pytest.approx([0, 0, 0], abs=1e-3)
    assert found.excitation == 1
    assert [excites_by(file, pulse) for pulse in file.pulses] == [False, True, False]
