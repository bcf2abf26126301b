from dataclasses import replace

import numpy as np
import pytest
import torch

from sequence_search.acquisition import Acquisition
from sequence_search.analysis.costs import CLOSED_FORMS, cost_of
from sequence_search.layout import Layout
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.drafts import Draft
from sequence_search.strategies.played import played_as, simulator_of
from sequence_search.strategies.playing import playing_of
from sequence_search.strategies.rounds.propose import random_designs

PROBLEM = Problem.load("csf-null-w1")
ECHO = Sequence.from_degrees_ms([88, 177], [0, 180], [6.2, 7.2])


def names(problem):
    return [term.name for term in problem.objective.terms]


def test_a_cost_in_the_objective_is_taken_out_of_it_and_counts_without_its_weight():
    assert names(PROBLEM) == ["signal", "null", "rf_energy", "rf_number"]
    cost = cost_of(PROBLEM, "rf_energy")
    assert names(cost.rest) == ["signal", "null", "rf_number"]
    assert float(cost.value_and_gradient(4, "auto")(ECHO)[0]) == pytest.approx(float(ECHO.rf_energy))
    assert cost.axis == "RF energy (rad²)"


def test_a_cost_that_is_not_in_the_objective():
    cost = cost_of(PROBLEM, "time_to_readout")
    assert names(cost.rest) == names(PROBLEM)
    value, slopes = cost.value_and_gradient(4, "auto")(ECHO)
    assert float(value) == pytest.approx(0.0134)
    torch.testing.assert_close(slopes.delay, torch.ones(2, dtype=torch.float64))
    assert float(value) * cost.factor == pytest.approx(13.4)


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_closed_forms_are_the_terms_of_the_objective(name):
    objective = Objective((Term(name, TERMS[name], 1.0),))
    value, slopes = CLOSED_FORMS[name](ECHO)
    expected, its_slopes = replace(PROBLEM, objective=objective).loss_and_gradient(PROBLEM.voxels(1))(ECHO)
    torch.testing.assert_close(value, expected)
    for column, slope in its_slopes.columns().items():
        torch.testing.assert_close(getattr(slopes, column), slope)


def test_a_term_of_the_objective():
    cost = cost_of(PROBLEM, "null")
    assert names(cost.rest) == ["signal", "rf_energy", "rf_number"]
    assert cost.axis == "term null of CSF"
    signal = PROBLEM.simulator(PROBLEM.voxels(64).of_tissues((2,))).signal(ECHO)
    value, _ = cost.value_and_gradient(64, "auto")(ECHO)
    assert float(value) == pytest.approx(float(signal.abs().square().mean()), rel=1e-12)
    weighed = cost.weighed(3.0)
    assert weighed.objective.terms[-1].weight == 3
    assert names(weighed) == ["signal", "rf_energy", "rf_number", "null"]


def test_a_users_own_term_is_a_cost_too():
    def time_to_readout(magnitude, sequence, voxels):
        return sequence.delay[..., 0]

    for name in ("early", "time_to_readout"):
        cost = cost_of(PROBLEM.with_term(name, time_to_readout, 5.0), name)
        assert names(cost.rest) == names(PROBLEM)
        assert float(cost.value_and_gradient(4, "auto")(ECHO)[0]) == pytest.approx(0.0062)


def test_what_is_no_cost_is_refused():
    with pytest.raises(ValueError, match="of 'csf-null-w1', got 'rf_enrgy', did you mean 'rf_energy'"):
        cost_of(PROBLEM, "rf_enrgy")
    with pytest.raises(ValueError, match="got 'contrast'"):
        cost_of(PROBLEM, "contrast")
    with pytest.raises(ValueError, match="of 'csf-null-w1' has nothing else to trade against the cost"):
        cost_of(cost_of(cost_of(cost_of(PROBLEM, "rf_energy").rest, "rf_number").rest, "null").rest, "signal")


def test_the_duration_of_a_repetition_has_the_slopes_of_its_tr():
    train = Sequence.from_degrees_ms(
        [90, 180, 180], [0, 90, 90], [4, 900], layout=Layout.train(2, steady=True)
    )
    value, slopes = CLOSED_FORMS["duration"](train)
    assert float(value) == pytest.approx(0.916)
    assert slopes.delay.tolist() == [4, 1]
    value, slopes = CLOSED_FORMS["time_to_readout"](train)
    assert float(value) == pytest.approx(0.016)
    assert slopes.delay.tolist() == [4, 0]


def test_what_a_draft_costs_is_what_its_sequence_costs():
    problem = replace(Problem.load("spin-echo-2d"), acquisition=Acquisition(tr=3.0, echoes=4))
    simulator = simulator_of(problem, problem.voxels(4), "auto")
    draft = random_designs(problem.search_space, 1, np.random.default_rng(2))[0]
    draft = playing_of(problem).bounded(draft)
    played = played_as(simulator, draft)
    for name in ("rf_energy", "time_to_readout", "rf_number", "b1_rms", "contrast"):
        cost = cost_of(problem, name)
        value, slopes = cost.of_proposals(4, "auto")(draft)
        assert float(value) == pytest.approx(float(cost.value_and_gradient(4, "auto")(played)[0]), rel=1e-9)
        assert isinstance(slopes, Draft)


def test_a_repetition_that_is_given_is_no_cost():
    message = "every sequence of 'spin-echo-2d' takes its repetition time, 3000 ms, .* take time_to_readout"
    with pytest.raises(ValueError, match=message):
        cost_of(Problem.load("spin-echo-2d"), "duration")
