import math
import pickle
from dataclasses import replace

import pytest
import torch

from sequence_search.engines.simulation import simulate
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.problem.errors import ProblemError
from sequence_search.problem.library import builtin_problems, problem_text
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.tissue import Imaging, Tissue

# Conventional and designed sequences with the nominal signals that Tables V, VI-b and VIII-a print.
PUBLISHED = [
    ("max-signal", [90, 180], [0, 180], [6.2, 6.2], (0.72, 0.60, 0.99)),
    ("gm-wm", [178.1, 88.5, 176.9], [0, 0, 180], [452.9, 6.2, 6.2], (0.30, 0.10, 0.78)),
    ("csf-null-w0.25", [176.6, 88.1, 176.3], [0, 0, 180], [3340, 6.2, 6.2], (0.60, 0.58, 0.13)),
]


@pytest.mark.parametrize("name", builtin_problems())
def test_shipped_problems_are_flat_short_and_round_trip(name):
    problem = Problem.load(name)
    assert problem.name == name
    # What is searched; the grid to compare with and the categories come below it.
    assert problem_text(name).partition("[grid]")[0].count("\n") < 60
    again = Problem.from_toml(problem.to_toml())
    assert again == problem
    assert again.digest == problem.digest


def test_the_seven_conditions():
    assert len(builtin_problems()) == 7
    weights = {
        name: [(term.name, term.weight, term.tissues) for term in Problem.load(name).objective.terms]
        for name in builtin_problems()
    }
    penalties = [("rf_energy", 1e-4, None), ("rf_number", 1e-3, None)]
    assert weights["max-signal"] == [("signal", 1, (0, 1, 2)), *penalties]
    for name, weight in (("gm-wm-t2-w20", 20), ("gm-wm-t2-w30", 30), ("gm-wm-t2-w50", 50), ("gm-wm", 30)):
        assert weights[name] == [("signal", 1, (0, 1, 2)), ("contrast", weight, (0, 1)), *penalties]
    for name, weight in (("csf-null-w0.25", 0.25), ("csf-null-w1", 1)):
        assert weights[name] == [("signal", 0.75, (0, 1)), ("null", weight, (2,)), *penalties]


def test_equal_t1_where_the_paper_has_it():
    for name in builtin_problems():
        grey = Problem.load(name).tissues[0]
        assert grey.t1.mean == (1.0 if "-t2-" in name else 1.331)


@pytest.mark.parametrize(("name", "flip", "phase", "delay", "published"), PUBLISHED)
def test_published_nominal_signals(name, flip, phase, delay, published):
    evaluation = Problem.load(name).evaluate(Sequence.from_degrees_ms(flip, phase, delay))
    assert tuple(evaluation.signal.values()) == pytest.approx(published, abs=0.01)


def test_evaluation_adds_up():
    problem = Problem.load("csf-null-w1")
    sequence = Sequence.from_degrees_ms([180, 90], [0, 0], [2780, 6.2])
    evaluation = problem.evaluate(sequence)
    voxels = problem.voxels(1024)
    assert evaluation.loss == pytest.approx(float(problem.loss(sequence, voxels)))
    assert evaluation.loss == pytest.approx(sum(evaluation.terms.values()))
    assert evaluation.relative_rf_energy == pytest.approx(1)
    assert evaluation.time_to_readout == pytest.approx(2.7862)


def test_published_relative_rf_energy():
    sequence = Sequence.from_degrees_ms([6.1, 87.4, 170.1], [0, 180, 0], [6.2] * 3)
    assert Problem.load("max-signal").evaluate(sequence).relative_rf_energy == pytest.approx(0.904, abs=0.002)


def test_a_repeated_term_gets_a_name_of_its_own():
    text = problem_text("csf-null-w1").replace(
        "[search_space]", '[[objective]]\nterm = "null"\nweight = 2.0\ntissues = ["GM"]\n\n[search_space]'
    )
    problem = Problem.from_toml(text)
    assert [term.name for term in problem.objective.terms][-1] == "null-2"
    assert Problem.from_toml(problem.to_toml()) == problem


def test_a_python_term_counts_in_the_loss_and_has_no_toml():
    problem = Problem.load("max-signal")
    extended = problem.with_term(
        "worst", lambda magnitude, sequence, voxels: 1 - magnitude.min(-1).values, 0.5, ("GM",)
    )
    sequence = Sequence.from_degrees_ms([90, 180], [0, 180], [6.2, 6.2])
    grey = problem.voxels().of_tissues((0,))
    worst = 0.5 * (1 - float(simulate(sequence, grey).abs().min()))
    assert extended.evaluate(sequence).terms["worst"] == pytest.approx(worst)
    assert extended.digest != problem.digest
    with pytest.raises(ProblemError, match="'worst' is a Python function"):
        extended.to_toml()
    with pytest.raises(ProblemError, match="has a term 'signal' already"):
        problem.with_term("signal", lambda *_: torch.zeros(()), 1.0)
    with pytest.raises(ProblemError, match="'GMM' is not defined, did you mean 'GM'"):
        problem.with_term("worst", lambda *_: torch.zeros(()), 1.0, ("GMM",))


def test_the_grids_of_table_iv():
    """Total combinations: 2.7, 9.7 and 2.8 million."""
    points = {name: Problem.load(name).grid.n_points for name in builtin_problems()}
    million = {name: round(number / 1e6, 1) for name, number in points.items()}
    assert million.pop("max-signal") == 2.7
    assert {million.pop(name) for name in ("csf-null-w0.25", "csf-null-w1")} == {2.8}
    assert set(million.values()) == {9.7}


def test_voxels_by_method():
    problem = Problem.load("max-signal")
    assert len(problem.voxels(8)) == 24
    assert len(problem.voxels(8, method="random")) == 24
    assert len(problem.voxels(method="nominal")) == 3
    assert not torch.equal(problem.voxels(8).b1, problem.voxels(8, seed=1).b1)
    grid = problem.voxel_grid(b0=torch.linspace(-50, 50, 3), b1=torch.linspace(0.8, 1.2, 5))
    assert len(grid) == 45


@pytest.mark.parametrize("name", builtin_problems())
def test_loss_and_gradient_are_those_of_autograd(name):
    problem = Problem.load(name)
    voxels = problem.voxels(16)
    parts = torch.rand((3, 6, 3), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    leaves = [part.requires_grad_() for part in (3 * parts[0], 6 * parts[1], 0.1 * parts[2])]
    present = torch.arange(3) < torch.tensor([1, 2, 3, 3, 2, 1])[:, None]
    sequence = Sequence(*leaves, present)
    loss, gradient = problem.loss_and_gradient(voxels)(sequence)
    expected = problem.loss(sequence, voxels)
    torch.testing.assert_close(loss, expected.detach())
    by_autograd = torch.autograd.grad(expected.sum(), leaves)
    for ours, theirs in zip((gradient.flip_angle, gradient.phase, gradient.delay), by_autograd, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=1e-9)
        assert (ours[~present] == 0).all()
    assert not loss.requires_grad


def test_an_objective_of_the_sequence_alone_has_a_gradient():
    problem = Problem.load("max-signal")
    penalties = replace(problem, objective=Objective(problem.objective.terms[-1:]))
    loss, gradient = penalties.loss_and_gradient(problem.voxels(4))(
        Sequence.from_degrees_ms([90, 180], [0, 0], [7, 7])
    )
    assert float(loss) == pytest.approx(0.002)
    assert (gradient.flip_angle == 0).all()


def test_it_shows_itself_in_a_line_and_equals_another_one_read():
    problem = Problem.load("max-signal")
    assert repr(problem) == "Problem 'max-signal' of GM, WM, CSF: 1 signal, 0.0001 rf_energy, 0.001 rf_number"
    assert problem == Problem.load("max-signal")
    assert pickle.loads(pickle.dumps(problem)) == problem


GREY, WHITE = Tissue("GM", 0.8, 1.331, 0.11, 0.17), Tissue("WM", 0.7, 0.832, 0.08, 0.161)


def term(kind, *tissues):
    return Term(kind, TERMS[kind], 1.0, tissues or None)


def made(tissues=(GREY, WHITE), terms=None, name="mine"):
    objective = Objective((term("signal", 0, 1),) if terms is None else terms)
    return Problem(name, tissues, Imaging(1, 0, 0), objective)


def test_a_problem_is_made_in_python_of_plain_numbers():
    problem = made()
    assert problem.title == "mine"
    assert Problem.from_toml(problem.to_toml()) == problem
    assert math.isfinite(problem.evaluate(Sequence.from_degrees_ms([90], [0], [7])).loss)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tissues": ()}, "at least one tissue and one term"),
        ({"terms": ()}, "at least one tissue and one term"),
        ({"name": "my problem"}, "name must be of letters, digits"),
        ({"tissues": (GREY, GREY)}, r"the names of tissues must differ, got \['GM', 'GM'\]"),
        (
            {"terms": (term("signal", 5),)},
            r"'signal' names the tissues \(5,\), counted from 0",
        ),
        ({"terms": (term("signal", -1),)}, r"'signal' names the tissues \(-1,\)"),
        (
            {"tissues": (GREY,), "terms": (term("contrast"),)},
            "needs exactly two tissues",
        ),
    ],
)
def test_a_problem_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        made(**change)
