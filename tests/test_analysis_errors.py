import pytest
import torch

from sequence_search.analysis.errors import ERRORS, GAIN, TR, errors_of, with_error
from sequence_search.layout import Layout
from sequence_search.pulses.shapes import HyperbolicSecant
from sequence_search.sequence import Sequence

INVERT = HyperbolicSecant(duration=8e-3, peak_b1=1000, bandwidth=2108)


def test_the_rest_of_a_repetition_takes_up_the_error_of_a_delay():
    layout = Layout.train(3, before=("spoiler",), steady=True)
    train = Sequence.from_degrees_ms([180, 90, 150, 150, 150], [0, 90, 0, 0, 0], [500, 5, 465], layout=layout)
    found = [(where, error.text) for where, error, _ in errors_of(train, {}) if error.column == "delay"]
    assert found == [((1, None), "1 %"), ((1, None), "0.1 ms"), ((2, 5), "1 %"), ((2, 5), "0.1 ms")]
    half = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    wrong = with_error(train, ERRORS[3], half, 1)
    assert (1e3 * wrong.delay).tolist() == pytest.approx([500, 5.05, 464.7])
    assert float(wrong.tr) == pytest.approx(float(train.tr))
    longer = with_error(train, TR, torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64), -1)
    assert float(longer.tr) == pytest.approx(0.99 * float(train.tr))
    assert longer.delay[:2].tolist() == train.delay[:2].tolist()


def test_a_pulse_of_fixed_amplitude_has_no_error_of_its_flip_angle():
    layout = Layout.plain(2, gradients=("spoiler", 0), kinds=("invert", "hard"))
    sequence = Sequence.from_degrees_ms([180, 90], [0, 0], [500, 5], layout=layout)
    found = [where for where, error, _ in errors_of(sequence, {"invert": INVERT}) if error is GAIN]
    assert found == [(2, None)]
