"""Least delays of drafts are those of what stands between their pulses, and before the readout."""

import pytest
import torch

from sequence_search.acquisition import Acquisition
from sequence_search.problem.room import room_of
from sequence_search.pulses.shapes import Sinc
from sequence_search.strategies.drafts import Draft
from sequence_search.strategies.least_delays import least_delays, table_of

SINC = Sinc(duration=2e-3, time_bandwidth=4, slice=True)  # 2 ms to either side
ROOM = room_of({"sinc": SINC}, 3e-3, Acquisition(readout=10e-3), hard=0.5e-3)
TABLE = torch.tensor(table_of(ROOM.least, ("hard", "sinc"), 2), dtype=torch.float64)


def draft(kinds, gradients):
    zeros = [0.0] * len(kinds)
    bounds = dict.fromkeys(("shortest", "longest", "largest", "repetition"), zeros)
    return Draft.from_degrees_ms(zeros, zeros, zeros, kind=kinds, gradient=gradients, **bounds)


def least_ms(drafts, n_train=0):
    return (1e3 * least_delays(TABLE, drafts, drafts.gradient, n_train)).tolist()


def test_delays_go_to_the_next_pulse_and_to_the_readout():
    assert least_ms(draft([1, 0, 1], [2, 0, 1])) == pytest.approx([5.5, 2.5, 10.0])
    assert least_ms(draft([1, 1, 1, 1], [2, 2, 2, 0])) == pytest.approx([7.0, 7.0, 7.0, 7.0])


def test_what_is_not_there_takes_none():
    batch = Draft.stack([draft([1, 0], [0, 0]), draft([1], [0])])
    assert least_ms(batch) == [pytest.approx([2.5, 5.5]), pytest.approx([7.0, 0.0])]


def test_the_delay_after_the_excitation_of_a_train_is_half_its_spacing():
    assert least_ms(draft([0, 1], [1, 0]), n_train=2)[0] == pytest.approx(
        10.0
    )  # from the sinc to the readout


class Scanner:
    """Tells spoilers apart by their number, and the time before a pulse from that after it."""

    @staticmethod
    def least(first, second, moment, spoiler):
        return (10.0 if second == "" else 1.0) + 100 * (spoiler or 0) + 1000 * (spoiler == 0)


def test_spoilers_are_counted_from_the_first_of_a_repetition():
    table = torch.tensor(table_of(Scanner.least, ("hard",), 2), dtype=torch.float64)
    one = draft([0, 0, 0], [2, 2, 0])
    assert least_delays(table, one, one.gradient, 0).tolist() == [101, 201, 10]
    assert table[-1, 0, -1] == 1001
