"""What is read is excited and refocused by pulses that are for it."""

import pytest

from sequence_search.layout import SPOILER, Layout
from sequence_search.sequence import Sequence
from sequence_search.strategies.standing import stand_as_meant

REFOCUS = frozenset({"refocus"})


def played(flips, gradients, kinds=("excite", "refocus", "refocus")):
    layout = Layout.plain(len(flips), gradients=gradients, kinds=kinds[: len(flips)])
    return Sequence.from_degrees_ms(flips, [0, 90, 90, 90][: len(flips)], [10] * len(flips), layout=layout)


@pytest.mark.parametrize(
    ("flips", "gradients", "as_meant"),
    [
        ([90, 180], (1, 1), True),
        ([90, 180], (0, 0), True),
        ([0, 90], (0, 0), False),
        ([10, 90], (0, 0), False),
        ([0, 90], (1, 1), True),  # what the second excites is dephased, so that nothing is read
        ([90, 90], (SPOILER, 0), False),
        ([10, 90, 180], (SPOILER, 1, 1), False),
    ],
)
def test_it_goes_by_the_pulse_that_excites_what_is_read(flips, gradients, as_meant):
    sequence, none_given = played(flips, gradients), [False] * len(flips)
    assert stand_as_meant(sequence, REFOCUS, frozenset(), none_given) == as_meant
    assert stand_as_meant(sequence, frozenset(), frozenset(), none_given)
    assert stand_as_meant(sequence, REFOCUS, frozenset(), [True] * len(flips))


def test_instantaneous_pulses_may_do_anything():
    hard = Sequence.from_degrees_ms([0, 90], [0, 0], [9, 9])
    assert stand_as_meant(hard, REFOCUS, frozenset(), [False] * 2)


@pytest.mark.parametrize(
    ("flips", "kinds", "as_meant"),
    [
        ([180, 90, 180], ("invert", "hard", "hard"), True),
        ([90, 180, 0], ("hard", "invert", "hard"), False),  # refocused before an excitation of 0°
        ([90, 180, 90], ("hard", "invert", "hard"), False),  # a part of it, which crushers let pass
        ([30, 180, 90, 180], ("hard", "invert", "hard", "hard"), True),
    ],
)
def test_an_inversion_refocuses_nothing_that_is_read(flips, kinds, as_meant):
    gradients = (1, 1, 0) if len(flips) == 3 else (SPOILER, SPOILER, 1, 1)
    sequence, inversions = played(flips, gradients, kinds), frozenset({"invert"})
    assert stand_as_meant(sequence, inversions, inversions, [False] * len(flips)) == as_meant
    assert stand_as_meant(sequence, inversions, inversions, [True] * len(flips))
