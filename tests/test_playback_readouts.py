import numpy as np
import pypulseq
import pytest

from pulseq_cases import CYCLES, Builder, gradient_echo, spin_echo, train
from sequence_search.playback.events import PulseqError
from sequence_search.playback.reader import read_seq
from sequence_search.playback.readouts import find_repetitions


def found(made):
    return find_repetitions(read_seq(made.sequence))


def lines(n=8, n_samples=64, spoil=True):
    """A Cartesian gradient echo, one line a repetition, an even number of samples."""
    made = Builder()
    for line in range(n):
        start = 1e-3 + line * 0.02
        made.hard(start, 20)
        step = made.gradient((line - n // 2) / n, "y", 1e-3) if line != n // 2 else None
        adc = pypulseq.make_adc(n_samples, duration=3.2e-3, system=made.system, delay=1e-4)
        readout = pypulseq.make_trapezoid(
            "x", flat_area=CYCLES, flat_time=3.2e-3, rise_time=1e-4, system=made.system
        )
        before = pypulseq.make_trapezoid("x", area=-readout.area / 2, duration=1e-3, system=made.system)
        made.at(start + 5e-4, *(each for each in (before, step) if each is not None))
        made.at(start + 2e-3, readout, adc)
        if spoil:
            made.crush(made.time, 4)
        made.wait(start + 0.019)
    return made


def test_nothing_is_repeated_in_a_single_echo():
    repetitions = found(spin_echo())
    assert (repetitions.count, repetitions.period, repetitions.tr) == (1, 2, None)
    (read,) = repetitions.reads
    assert read.time == pytest.approx(21e-3)
    assert read.encoding == (0, 0, 0)
    assert repetitions.encoded == (0, 0, 0)


def test_refocusing_pulses_of_one_train_are_no_repetitions():
    repetitions = found(train(4))
    assert (repetitions.count, repetitions.period) == (1, 5)
    assert [read.time for read in repetitions.reads] == pytest.approx(1e-3 + 0.01 * np.arange(1, 5))


def test_a_repeated_train_has_a_tr_and_is_read_the_last_time():
    repetitions = found(train(4, n=3))
    assert (repetitions.first, repetitions.count, repetitions.period) == (0, 3, 5)
    assert repetitions.tr == pytest.approx(0.5)
    assert [read.time for read in repetitions.reads] == pytest.approx(1.001 + 0.01 * np.arange(1, 5))


@pytest.mark.parametrize("spoiled", [True, False])
def test_equal_pulses_of_which_the_last_is_read_are_repetitions_only_if_gradients_are_alike(spoiled):
    """Dummies, or the three pulses of a stimulated echo."""
    made = Builder()
    for number in range(3):
        made.hard(0.01 + 0.02 * number, 90)
        made.crush(0.013 + 0.02 * number, 9 if number == 1 and spoiled else 4)
    made.read(0.06)
    assert found(made).count == (1 if spoiled else 3)


def test_phases_that_differ_are_one_repetition():
    repetitions = found(gradient_echo(n=12))
    assert (repetitions.count, repetitions.period) == (12, 1)


def test_pulses_before_the_first_repetition_are_none():
    made = Builder()
    made.hard(1e-3, 45)
    for number in range(4):
        made.hard(6e-3 + 10e-3 * number, 90)
        made.read(9e-3 + 10e-3 * number)
    repetitions = found(made)
    assert (repetitions.first, repetitions.count, repetitions.period) == (1, 4, 1)


def test_of_lines_that_through_the_centre_counts_at_its_middle():
    repetitions = found(lines())
    (read,) = repetitions.reads
    assert read.adc == 4
    assert read.time == pytest.approx(1e-3 + 4 * 0.02 + 2e-3 + 1e-4 + 1.6e-3)
    assert read.encoding == pytest.approx((0, 0, 0), abs=1e-6)
    x, y, z = repetitions.encoded
    assert x == pytest.approx(CYCLES, rel=1e-5)
    assert y == pytest.approx(7 / 8 * CYCLES, rel=1e-5)
    assert z == 0


def test_each_echo_of_a_train_counts_though_only_one_is_at_the_centre():
    made = Builder()
    made.hard(1e-3, 90)
    for echo in range(3):
        centre = 1e-3 + (echo + 0.5) * 0.01
        made.hard(centre, 180, 90, use="refocusing")
        if echo != 1:
            made.at(centre + 1e-3, made.gradient((echo - 1) / 8, "y", 1e-3))
        made.read(centre + 5e-3)
        if echo != 1:
            made.at(centre + 6e-3, made.gradient((1 - echo) / 8, "y", 1e-3))
    reads = found(made).reads
    assert [read.encoding[1] for read in reads] == pytest.approx([-CYCLES / 8, 0, CYCLES / 8], abs=1e-6)


def test_lines_of_one_echo_are_one_readout():
    """As of echo planar imaging: the line through the centre counts."""
    made = Builder()
    made.hard(1e-3, 90)
    made.at(2e-3, made.gradient(-2 / 8, "y", 1e-3))
    for line in range(5):
        made.read(5e-3 + 3e-3 * line)
        made.at(5e-3 + 3e-3 * line + 1e-3, made.gradient(1 / 8, "y", 1e-3))
    (read,) = found(made).reads
    assert read.adc == 2


def test_a_moment_that_no_line_is_without_is_not_taken_back():
    (read,) = found(spin_echo(second=3)).reads
    assert read.encoding == (0, 0, 0)


def test_readouts_of_navigators_and_noise_do_not_count():
    made = Builder()
    made.read(1e-3, labels=[pypulseq.make_label("NOISE", "SET", 1)])
    made.hard(3e-3, 90)
    made.read(6e-3, labels=[pypulseq.make_label("NOISE", "SET", 0)])
    made.read(9e-3, labels=[pypulseq.make_label("NAV", "SET", 1)])
    assert [read.adc for read in found(made).reads] == [1]


def test_a_file_that_reads_nothing_is_refused():
    made = Builder()
    made.hard(3e-3, 90)
    with pytest.raises(PulseqError, match="sequence reads no signal"):
        found(made)
