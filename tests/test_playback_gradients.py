import pytest

from pulseq_cases import SIZE, Builder, spin_echo, train
from sequence_search.playback.bare import bare_sequence
from sequence_search.playback.events import PulseqError
from sequence_search.playback.gradients import recognise
from sequence_search.playback.reader import read_seq
from sequence_search.playback.readouts import find_repetitions
from sequence_search.playback.voxel import find_voxel


def recognised(made):
    file = read_seq(made.sequence)
    repetitions = find_repetitions(file)
    return recognise(file, bare_sequence(file, repetitions), find_voxel(file, repetitions, SIZE))


def pulses(*steps):
    """Pulses, gradients and readouts 10 ms apart: flip angles, cycles along an axis as "8z", or "read"."""
    made = Builder()
    for number, step in enumerate(steps):
        time = 1e-2 * (number + 1)
        if step == "read":
            made.read(time)
        elif isinstance(step, str):
            made.crush(time, float(step[:-1]), step[-1])
        else:
            made.hard(time, abs(step), use="refocusing" if step == 180 else "excitation")
    return made


def test_equal_moments_about_a_refocusing_pulse_are_crushers():
    found = recognised(spin_echo(crusher=5))
    assert (found.gradients, found.readouts, found.notes) == ((1, 1), (1,), ())


def test_a_train_has_crushers_on_both_sides_of_each_pulse():
    found = recognised(train(3))
    assert (found.gradients, found.readouts) == ((1, 2, 2, 1), (1, 1, 1))


def test_any_other_gradient_spoils():
    found = recognised(pulses(90, "8x", 90, "4z", 180, "4z", "read"))
    assert (found.gradients, found.readouts) == (("spoiler", 1, 1), (1,))


def test_crushers_of_a_stimulated_echo_are_those_before_and_after_storage():
    found = recognised(pulses(90, "4z", 90, "9x", 90, "4z", "read"))
    assert (found.gradients, found.readouts) == ((1, "spoiler", 1), (1,))


def test_crushers_of_a_preparation_differ_from_those_of_the_echo():
    """Of twice the moment, so that they do not refocus one another."""
    found = recognised(pulses(90, "8z", 180, "8z", -90, "6x", 90, "4z", 180, "4z", "read"))
    assert (found.gradients, found.readouts) == ((2, 2, "spoiler", 1, 1), (1,))


def test_crushers_that_hardly_differ_are_told_apart():
    found = recognised(pulses(90, "5z", 180, "5z", -90, "7x", 90, "4z", 180, "4z", "read"))
    assert found.gradients == (2, 2, "spoiler", 1, 1)


def test_a_gradient_that_is_balanced_or_small_counts_as_none():
    found = recognised(pulses(90, "0.5x", 180, "0.2x", "read"))
    assert (found.gradients, found.readouts) == ((0, 0), (0,))
    assert "a gradient of 0.5 cycles over a voxel counts as none" in found.notes


def test_small_crushers_are_told():
    (note,) = recognised(spin_echo(crusher=2)).notes
    assert note == "crushers of 2 cycles over a voxel count as ideal, which holds from 4"


def test_a_crusher_that_is_turned_over_is_refused():
    with pytest.raises(PulseqError, match="it turns a crusher over"):
        recognised(pulses(90, "4z", 180, "4z", "read", 180, "-4z", "read"))
