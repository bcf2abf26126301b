import pytest

from sequence_search.problem import Problem
from sequence_search.search import search

TWO_PULSE_OPTIMUM = 0.011495  # of max-signal, 88.4°-176.7°, 180°, 6.2 + 6.2 ms, over 1,024 voxels a tissue


def test_max_signal_ends_at_the_spin_echo():
    run = search(Problem.load("max-signal"), "multistart", seeds=(0,)).best
    flips = run.sequence.to_dict()["flip_deg"]
    assert flips[-2:] == pytest.approx([90, 180], abs=20)
    assert run.loss < TWO_PULSE_OPTIMUM * 1.02


@pytest.mark.slow
def test_csf_nulling_ends_at_an_inversion_prepared_design():
    run = search(Problem.load("csf-null-w0.25"), "multistart", seeds=range(3)).best
    assert run.sequence.to_dict()["flip_deg"][0] == pytest.approx(176.6, abs=5)
    assert run.loss < 0.0353
