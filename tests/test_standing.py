"""What is read is excited by a pulse that is for it."""

import pytest

from sequence_search.layout import SPOILER, Layout
from sequence_search.sequence import Sequence
from sequence_search.strategies.standing import is_excited_as_meant

REFOCUS = frozenset({"refocus"})


def played(flips, gradients, kinds=("excite", "refocus", "refocus")):
    layout = Layout.plain(len(flips), gradients=gradients, kinds=kinds[: len(flips)])
    return Sequence.from_degrees_ms(flips, [0, 90, 90][: len(flips)], [10] * len(flips), layout=layout)


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
    assert is_excited_as_meant(sequence, REFOCUS, none_given) == as_meant
    assert is_excited_as_meant(sequence, frozenset(), none_given)
    assert is_excited_as_meant(sequence, REFOCUS, [True] * len(flips))


def test_instantaneous_pulses_may_do_anything():
    assert is_excited_as_meant(Sequence.from_degrees_ms([0, 90], [0, 0], [9, 9]), REFOCUS, [False] * 2)
