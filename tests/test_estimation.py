"""The Cramér-Rao bound against closed forms, noisy fits and differences."""

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from limit_cases import limited
from sequence_search.analysis.sensitivity import sensitivity
from sequence_search.engines.simulator import Simulator
from sequence_search.estimation import Estimate, relative_bound
from sequence_search.explanation.explanation import summarize
from sequence_search.layout import SPOILER, Layout, Readout
from sequence_search.objective import TERMS, Objective, Prepared, Term
from sequence_search.problem.errors import ProblemError
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

T1, T2, NOISE = 0.9, 0.08, 1e-4
TWICE = Layout(((1, 1),), (0,), ("hard",), (Readout(0, (1, 0)), Readout(0, (1, 1))))
RECOVERY = Layout.plain(2, gradients=(SPOILER, 0))
VOXEL = Voxels(t1=T1, t2=T2)


def simulator(parameter, *unknown, voxels=VOXEL):
    term = Term("crlb", TERMS["crlb"], 1.0, (0,), estimate=Estimate(parameter, unknown, NOISE))
    return Simulator(voxels, Objective((term,)))


def decays(first, between):
    """A free decay read twice, one for each time [s] between."""
    between = torch.as_tensor(between, dtype=torch.float64)
    numbers = (torch.full_like(between, value)[:, None] for value in (math.pi / 2, 0.0))
    return Sequence(*numbers, torch.stack([torch.full_like(between, first), between], -1), layout=TWICE)


def test_it_is_the_root_of_the_inverse_of_the_fisher_matrix():
    slopes = torch.rand(5, 3, 2, 4, dtype=torch.float64)
    estimate = Estimate("t1", ("m0", "t1", "t2"), 1e-3)
    fisher = torch.einsum("riab,rjab->abij", slopes, slopes) / 1e-6 + torch.eye(3, dtype=torch.float64)
    expected = fisher.inverse()[..., 1, 1].sqrt()
    assert torch.allclose(relative_bound(slopes, estimate), expected, rtol=1e-9)


def test_what_tells_nothing_is_known_as_well_as_before():
    nothing = torch.zeros(2, 2, 3, dtype=torch.float64)
    assert relative_bound(nothing, Estimate("t2")).tolist() == [1, 1, 1]


def test_t2_of_two_points_is_that_of_their_ratio():
    """Of ln(S1/S2) = dt / T2: the noise of each over its signal, and the parameter's part of dt."""
    first, between = 0.02, 0.05
    signals = [math.exp(-first / T2), math.exp(-(first + between) / T2)]
    expected = T2 / between * NOISE * math.hypot(*(1 / each for each in signals))
    found = simulator("t2").loss(decays(first, [between]))
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_two_points_of_t2_are_best_1_11_t2_apart():
    # (1 + exp(2x)) / x² is least at x = 1 + exp(-2x).
    x = 1.0
    for _ in range(50):
        x = 1 + math.exp(-2 * x)
    assert x == pytest.approx(1.109, abs=1e-3)
    sequence = decays(0.01, [x * T2 * part for part in (0.97, 1.0, 1.03)])
    loss, gradient = simulator("t2").loss_and_gradient(sequence)
    by_between = gradient.delay[:, 1] * T2 / loss
    assert by_between[1].item() == pytest.approx(0, abs=1e-5)
    assert by_between[0] < -0.01 < 0.01 < by_between[2]


def test_saturation_recovery_tells_t1_best_after_t1_if_m0_is_known():
    """|S| = 1 - exp(-x), x = TI / T1, and dS / d ln T1 = -x exp(-x), which is largest at x = 1."""
    delay = torch.tensor([[0.9, 0.0], [1.0, 0.0], [1.1, 0.0]], dtype=torch.float64) * T1 + 1e-7
    pulses = torch.tensor([[math.pi / 2] * 2] * 3, dtype=torch.float64)
    sequence = Sequence(pulses, torch.zeros_like(pulses), delay, layout=RECOVERY)
    loss, gradient = simulator("t1", "t1").loss_and_gradient(sequence)
    assert loss[1].item() == pytest.approx(NOISE * math.e, rel=1e-5)
    assert gradient.delay[:, 0].abs().argmin() == 1
    assert loss.argmin() == 1


def test_no_fit_of_noisy_signals_is_more_precise():
    """The ratio of two points is an estimate that reaches the bound at a high SNR."""
    sequence, draws = decays(0.01, [0.07]), np.random.default_rng(0)
    signal = Simulator(VOXEL).signal(sequence).abs()[0, :, 0].numpy()
    noisy = signal + NOISE * draws.standard_normal((40_000, 2))
    fitted = 0.07 / np.log(noisy[:, 0] / noisy[:, 1])
    assert fitted.std() / T2 == pytest.approx(simulator("t2").loss(sequence).item(), rel=0.02)


def test_gradients_are_those_of_differences_with_flips_off_and_several_voxels():
    voxels = Voxels(m0=[1.0, 0.8], t1=[0.9, 1.3], t2=[0.08, 0.1], t2_prime=0.2, b1=[0.9, 1.1], b0=[5, -9])
    layout = Layout.train(3, crusher=1, steady=True)
    parts = [[1.4, 2.2, 2.6, 2.4], [0.0, 1.5, 1.6, 1.4], [8e-3, 0.4]]
    numbers = [torch.tensor(part, dtype=torch.float64) for part in parts]
    bound = simulator("t2", "m0", "t1", "t2", voxels=voxels)
    gradient = bound.loss_and_gradient(Sequence(*numbers, layout=layout))[1]
    for place, slopes in enumerate((gradient.flip_angle, gradient.phase, gradient.delay)):
        for at in range(len(slopes)):
            step = torch.zeros_like(numbers[place])
            step[at] = 1e-6
            both = [
                bound.loss(
                    Sequence(
                        *numbers[:place], numbers[place] + side * step, *numbers[place + 1 :], layout=layout
                    )
                )
                for side in (1, -1)
            ]
            assert slopes[at].item() == pytest.approx((both[0] - both[1]).item() / 2e-6, rel=1e-4, abs=1e-5)


def mapping(term="", sequence="tr_ms = 3000\nechoes = 2"):
    text = f'[[objective]]\nterm = "crlb"\nweight = 1\ntissues = ["GM"]\nparameter = "t2"\n{term}'
    return limited(f"{text}\n[sequence]\n{sequence}")


def test_a_problem_reads_writes_and_knows_it():
    problem = mapping('unknown = ["t2", "m0"]\nnoise = 0.02')
    (_, term) = problem.objective.terms
    assert term.estimate == Estimate("t2", ("t2", "m0"), 0.02)
    again = Problem.from_toml(problem.to_toml())
    assert (again, again.digest) == (problem, problem.digest)
    assert problem.digest != mapping("noise = 0.03").digest
    assert mapping().objective.terms[1].estimate == Estimate("t2", ("m0", "t2"), 0.01)
    assert pickle.loads(pickle.dumps(term)) == term


def test_a_design_for_it_is_evaluated_explained_and_doubted():
    problem = mapping()
    echoes = problem.played(Sequence.from_degrees_ms([90, 180], [0, 90], [25, 25]))
    loss = problem.evaluate(echoes).loss
    summary, doubted = summarize(problem, echoes), sensitivity(problem, echoes)
    assert summary.compared[0].loss == pytest.approx(loss)
    assert doubted.loss == pytest.approx(loss)


def test_signals_alone_have_no_bound():
    voxels = Voxels(t1=T1, t2=T2)
    sequence = decays(0.01, [0.05])
    prepared = Prepared(simulator("t2").objective, voxels)
    with pytest.raises(ValueError, match="term 'crlb' needs derivatives of signals by t2"):
        prepared.loss(Simulator(voxels).signal(sequence), sequence)


@pytest.mark.parametrize(
    ("term", "told"),
    [
        ('parameter = "t3"', "parameter and unknown must be of m0, t1, t2, got 't3'"),
        ('parameter = "t1"\nunknown = ["m0"]', "unknown must be different, parameter among them"),
        ('parameter = "t2"\nnoise = 0', "noise must be above 0 and finite, got 0"),
        ("noise = 0.01", "noise of term 'crlb' needs parameter, as \"t2\""),
        ("", "term 'crlb' needs parameter, that is to be estimated"),
    ],
)
def test_what_is_refused_in_a_file(term, told):
    given = f'[[objective]]\nterm = "crlb"\nweight = 1\ntissues = ["GM"]\n{term}'
    with pytest.raises(ProblemError, match=told):
        limited(given)


def test_more_unknown_than_readouts_are_refused():
    with pytest.raises(ProblemError, match=r"term 'crlb' estimates 2 parameters, .*sequence.echoes is 1"):
        mapping(sequence="tr_ms = 3000")
    with pytest.raises(ProblemError, match="estimates 2 parameters"):
        mapping("readouts = [2]")


def test_other_terms_estimate_nothing():
    with pytest.raises(ValueError, match="term 'signal' has no parameter"):
        Term("signal", TERMS["signal"], 1.0, (0,), estimate=Estimate("t2"))
    with pytest.raises(ValueError, match="needs parameter"):
        replace(simulator("t2").objective.terms[0], estimate=None)
