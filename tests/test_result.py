import pytest

from sequence_search.sequence import Sequence
from sequence_search.strategies.result import same_family


def sequence(flip, phase, delay):
    return Sequence.from_degrees_ms(flip, phase, delay)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (([88, 177], [0, 180], [19, 19]), True),
        (([92, 172], [0, 20], [20, 18]), True),
        (([-88, 177], [0, 0], [19, 19]), True),
        (([100, 177], [0, 180], [19, 19]), False),
        (([88, 177], [0, 180], [19, 23]), False),
        (([88, 177, 177], [0, 180, 0], [19, 19, 6]), False),
        (([88], [0], [19]), False),
    ],
)
def test_families_are_of_one_structure(other, same):
    assert same_family(sequence([88, 177], [0, 180], [19, 19]), sequence(*other)) is same
