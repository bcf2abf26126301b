import pytest

from sequence_search.search_space import SearchSpace
from sequence_search.sequence import Sequence

SPACE = SearchSpace()


def test_a_sequence_at_the_bounds_passes():
    SPACE.check(Sequence.from_degrees_ms([90, 180], [0, 0], [6.2, 10_000]), "spin-echo")


@pytest.mark.parametrize(
    ("delays", "message"),
    [
        (
            [6.2, 4.0],
            r"delay_ms must be at least 6.2 \(min_rf_delay_ms\), got 4 in pulse 2 of problem 'spin-echo'",
        ),
        ([20_000, 7], r"delay_ms must be at most 10000 \(max_delay_ms\), got 20000 in pulse 1"),
        ([7] * 6, r"1 to 5 pulses \(max_rf\), got 6 in 'spin-echo'"),
        ([], r"1 to 5 pulses \(max_rf\), got 0"),
    ],
)
def test_outside_is_refused_by_name(delays, message):
    sequence = Sequence.from_degrees_ms([90] * len(delays), [0] * len(delays), delays)
    with pytest.raises(ValueError, match=message):
        SPACE.check(sequence, "spin-echo")
