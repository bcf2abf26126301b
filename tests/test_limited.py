"""Searches within limits: what they return meets all of them, or is the nearest and says so."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from limit_cases import TAIL, limited
from sequence_search.limits import CONVENTIONAL_RF_ENERGY
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.outside import is_silent_outside
from sequence_search.problem.library import problem_text
from sequence_search.problem.problem import Problem
from sequence_search.problem.wishes import ALLOWED
from sequence_search.sequence import Sequence
from sequence_search.strategies import make_strategy, search
from sequence_search.strategies.base import Meter, Monitor, Settings
from sequence_search.strategies.drafting import draft_of, near_draft
from sequence_search.strategies.finish import Finisher
from sequence_search.strategies.limited import Limited
from sequence_search.strategies.played import as_short_as_played, played_as, simulator_of
from sequence_search.strategies.priced import SOFT
from sequence_search.strategies.refine import polish
from sequence_search.strategies.result import same_family
from sequence_search.structure import find_structure
from strategy_cases import WIDE, Memory, proposed

QUICK = {
    "multistart": {"n_starts": 32, "n_children": 16, "max_rounds": 6, "steps": 30, "n_polished": 2},
    "evolution": {"population": 8, "n_generations": 6, "steps": 15},
    "random": {"n_proposals": 24, "n_rounds": 2, "steps": 30},
}
SMALL = {"n_starts": 8, "n_children": 8, "max_rounds": 3, "steps": 20, "n_polished": 1, "n_per_tissue": 8}
NULL = "[limits.signal.CSF]\nmean = 0.05\n"
ECHO = Sequence.from_degrees_ms([80, 170], [0, 80], [9, 9])


def play(flip_deg, delay_ms):
    return Sequence.from_degrees_ms(flip_deg, [0.0] * len(flip_deg), delay_ms)


def quick(text, strategy="multistart", **how):
    return search(limited(text), strategy, progress=False, **QUICK[strategy], **how).best


def test_without_limits_nothing_changes():
    problem = limited()
    keeper, voxels = Limited(problem, "auto"), problem.voxels(8)
    plain = problem.loss_and_gradient(voxels)
    assert keeper.space == keeper.free_space == problem.search_space
    assert keeper.descent_loss(voxels)()(ECHO) == plain(ECHO)
    assert keeper.polish(plain, ECHO, Meter(Settings())) == polish(plain, problem.search_space, ECHO)
    assert keeper.missed([ECHO, ECHO]) == [0, 0]
    assert keeper.proposals.stacked([ECHO], alone=True) == Sequence.stack([ECHO])
    assert keeper.proposals.free_parts([ECHO]) == [ECHO]


def test_prices_have_the_slopes_of_finite_differences():
    """Energy and time beyond their limits by little, where the price is square, and by much; TE within."""
    text = "[limits]\nrelative_rf_energy = 0.85\ntime_to_readout_ms = 7\nte_ms = 40\n"
    problem = limited(text + "[limits.signal.CSF]\npercentile_95 = 0.1\nmean = 0.9\n")
    voxels = problem.voxels(8)
    loss = Limited(problem, "auto").descent_loss(voxels)()
    plain, step = problem.loss_and_gradient(voxels), 1e-6
    excess = float(ECHO.rf_energy) / CONVENTIONAL_RF_ENERGY / 0.85 - 1
    assert 0 < math.log1p(excess) < SOFT
    value, gradient = loss(ECHO)
    assert float(value) > float(plain(ECHO)[0])
    for name, part in ECHO.columns().items():
        for i in range(2):
            moved = part + step * torch.eye(2, dtype=part.dtype)[i] * torch.tensor([[-1.0], [1.0]])
            columns = {key: column.expand(2, 2) for key, column in ECHO.columns().items()} | {name: moved}
            low, high = loss(Sequence(**columns))[0].tolist()
            slope = float(gradient.columns()[name][i])
            assert slope == pytest.approx((high - low) / (2 * step), rel=1e-4, abs=1e-4)


def test_given_pulses_have_no_slopes():
    problem = limited(TAIL)
    frame = problem.limits.frame
    batch = Sequence.stack([frame.complete(ECHO), frame.alone])
    _, gradient = Limited(problem, "auto").descent_loss(problem.voxels(8))()(batch)
    assert (gradient.flip_angle != 0).tolist() == [[True, True, False, False], [False] * 4]
    assert (gradient.delay != 0).int().sum() == 2
    moved = replace(batch, delay=batch.delay * torch.tensor([1.0, 1.0, 1.1, 0.9]))
    loss = Limited(problem, "auto").descent_loss(problem.voxels(8))()
    assert loss(moved)[0][0] == loss(batch)[0][0]


def test_energy_limit_holds_the_flip_angle_of_one_pulse():
    run = quick("[limits]\nrelative_rf_energy = 0.1\nn_rf = 1\n")
    assert run.sequence is not None
    flip = math.sqrt(0.1 * CONVENTIONAL_RF_ENERGY)
    assert run.sequence.flip_angle.tolist() == pytest.approx([flip], rel=1e-6)
    assert run.sequence.delay.tolist() == pytest.approx([6.2e-3])


def test_no_point_of_a_grid_within_the_limits_is_better():
    """Two pulses, of half the energy of 90°-180° at most, that leave CSF 0.6 at most: 10,368 points."""
    text = (
        "[limits]\nrelative_rf_energy = 0.5\nn_rf = { low = 2, high = 2 }\n[limits.signal.CSF]\nmean = 0.6\n"
    )
    problem = limited(text)
    flips, phases = np.radians(np.arange(10, 181, 10)), np.radians(np.arange(0, 360, 45))
    delays = [6.2e-3, 12.4e-3]
    parts = np.meshgrid(flips, flips, [0.0], phases, [*delays, 1.0, 7.0], delays[:1])
    first, second, zero, phase, before, after = (torch.from_numpy(part.ravel()) for part in parts)
    energy = (first**2 + second**2) / CONVENTIONAL_RF_ENERGY
    columns = (first, second), (zero, phase), (before, after)
    grid = Sequence(*(torch.stack(pair, -1) for pair in columns))[energy <= 0.5]
    magnitude = problem.simulator(problem.voxels(64)).signal(grid).abs()
    fits = magnitude[:, 64:].mean(-1) <= 0.6
    run = search(problem, progress=False, **QUICK["multistart"]).best
    assert 0.001 < fits.double().mean() < 0.9
    assert run.meets_limits
    assert run.loss <= float((1 - magnitude[fits, :64]).square().mean(-1).min())


def test_a_head_that_is_given_stays_and_its_delay_too():
    head = "[limits.head]\nflip_deg = [180]\nphase_deg = [0]\ndelay_ms = [400]\n"
    run = search(limited(head + TAIL), progress=False, **SMALL).best
    assert run.sequence is not None
    for design in run.families:
        assert float(design.sequence.flip_angle[0]) == pytest.approx(math.pi)
        assert float(design.sequence.delay[0]) == pytest.approx(0.4)
        assert design.sequence.delay[-2:].tolist() == pytest.approx([0.015, 0.015])
    # Without a pulse between, the inversion would still be on its way back at the excitation.
    problem = limited(head + TAIL)
    assert run.loss < 0.9 * problem.evaluate(problem.limits.frame.alone).loss


def test_te_limit_holds_the_echo():
    """Signal is most at the shortest TE, so that a longer one, if asked for, is met exactly."""
    text = "[limits]\nte_ms = { low = 24, high = 30 }\nmax_flip_deg = 181\nn_rf = { low = 2, high = 2 }\n"
    run = search(limited(text), progress=False, **SMALL | {"n_starts": 64, "steps": 40, "n_polished": 3}).best
    assert run.sequence is not None
    assert run.sequence.delay.tolist() == pytest.approx([0.012, 0.012], rel=1e-4)
    assert run.sequence.flip_angle.rad2deg().tolist() == pytest.approx([89, 178], abs=2)


@pytest.mark.parametrize("strategy", QUICK)
def test_every_design_of_a_strategy_meets_every_limit(strategy):
    text = "[limits]\ntime_to_readout_ms = 3000\nrelative_rf_energy = 1.9\nn_rf = { low = 3 }\n"
    run = quick(text + NULL + TAIL, strategy)
    assert run.meets_limits
    assert run.status == "done"
    for design in run.families:
        assert [wish.name for wish in design.evaluation.wishes if not wish.met] == []
        tail = design.sequence.delay[-2:], design.sequence.flip_angle[-2:]
        assert torch.cat(tail).tolist() == pytest.approx([0.015, 0.015, math.pi / 2, math.pi])
        assert len(design.sequence.delay) in (3, 4)
    assert run.evaluation is not None
    (null,) = (wish for wish in run.evaluation.wishes if wish.name == "signal.CSF.mean")
    assert null.value == pytest.approx(0.05, rel=0.05)


def test_nothing_in_front_of_given_pulses_is_a_candidate():
    """The most signal of grey matter is that of the given echo alone."""
    found = [design.sequence.n_rf.item() for design in quick(TAIL).families]
    assert 2 in found
    problem = limited(TAIL)
    alone = problem.evaluate(problem.limits.frame.alone).loss
    assert quick(TAIL).loss <= alone * (1 + 1e-9)


def test_where_no_signal_is_wanted_given_pulses_are_kept():
    """What is least without any pulse is no answer: the inversion in front of them nulls all they read."""
    problem = limited(TAIL)
    null = Objective((Term("null", TERMS["null"], 1.0, (0,)),))
    found = search(replace(problem, objective=null), progress=False, **QUICK["multistart"]).best
    assert found.meets_limits
    assert all(problem.limits.frame.keeps(each.sequence, "tail") for each in found.families)
    assert 0 < found.loss < 0.01 * problem.tissues[0].m0.centre ** 2


def test_limits_that_nothing_meets_end_with_the_nearest_and_what_stands_in_the_way():
    impossible = (
        "[limits]\ntime_to_readout_ms = 20\nn_rf = 2\n" + NULL + "[limits.signal.GM]\nmean = { low = 0.5 }\n"
    )
    run = search(limited(impossible), progress=False, **SMALL).best
    assert (run.status, len(run.families), run.meets_limits) == ("done", 1, False)
    assert run.reason is not None
    assert run.reason.startswith("no design found meets signal.")
    assert "the nearest has" in run.reason
    assert run.evaluation is not None
    assert run.evaluation.wishes[0].met


def test_pulses_that_are_asked_for_stay_where_another_limit_is_missed():
    text = "[limits]\nn_rf = { low = 3 }\n[limits.signal.CSF]\nmean = { low = 0.999 }\n"
    run = search(limited(text + TAIL), progress=False, **SMALL).best
    assert run.reason is not None
    assert run.reason.startswith("no design found meets signal.CSF.mean at least 0.999 (the nearest has 0.9")


def test_a_search_that_is_cut_brings_what_it_has_within_the_limits():
    run = quick("[limits]\ntime_to_readout_ms = 3000\n" + NULL, max_evaluations=700.0)
    assert run.status == "cut"
    assert run.meets_limits


def test_given_delays_are_shown_as_given_on_the_way():
    """A descent moves the delays of an echo together, given or not."""
    seen = []
    search(limited(TAIL), monitor=Monitor(seen.append), **SMALL)
    assert seen
    for progress in seen:
        assert progress.sequence.delay[-2:].tolist() == [0.015, 0.015]


def test_a_search_within_limits_goes_on_from_a_checkpoint_to_the_same_end():
    strategy = make_strategy("multistart", SMALL)

    def run(memory):
        settings = Settings(monitor=Monitor(stop=memory.stop), checkpoint=memory)
        return strategy.run(limited("[limits]\nte_ms = { low = 24 }\nn_rf = 2\n"), (3,), settings)[0]

    whole, first, second = Memory(), Memory(stop_at=30), Memory()
    expected = run(whole)
    assert run(first).status == "interrupted"
    second.started_from = first.states[-1]
    again = run(second)
    assert again.sequence == expected.sequence
    assert [point.loss for point in again.history] == [point.loss for point in expected.history]


def test_the_structure_that_a_polish_ends_with_counts():
    """A TE of at least 24 ms is missed by an echo of 18 ms, and is met exactly in the end."""
    problem = limited("[limits]\nte_ms = { low = 24 }\n")
    keeper = Limited(problem, "auto")
    loss, best = keeper.polish(problem.loss_and_gradient(problem.voxels(8)), ECHO, Meter(Settings()))
    assert keeper.missed([ECHO])[0] == pytest.approx(1 - 18 / 24)
    assert keeper.missed([best])[0] <= ALLOWED
    assert float(best.delay.sum()) >= 0.024 * (1 - ALLOWED)
    assert math.isfinite(loss)


@pytest.mark.parametrize("weight", [1e-6, 1.0, 1e6])
def test_a_limit_is_met_from_where_there_is_no_loss(weight):
    """Signal that is unwanted, |S|², but must be half of M0: a loss of 0.25, where no pulse has none."""
    null = Objective((Term("null", TERMS["null"], weight, (1,)),))
    problem = replace(limited("[limits.signal.CSF]\nmean = { low = 0.5 }\n"), objective=null)
    loss, best = Limited(problem, "auto").polish(
        problem.loss_and_gradient(problem.voxels(1024)),
        Sequence.from_degrees_ms([0.01], [0], [6.2]),
        Meter(Settings()),
    )
    assert math.isfinite(loss)
    signal = problem.simulator(problem.voxels(1024)).signal(best)[1024:].abs()
    assert float(signal.mean()) == pytest.approx(0.5, rel=1e-5)
    # Of a given mean, the square is least where all voxels have it.
    assert 0.25 * weight <= loss < 0.28 * weight


def test_a_polish_goes_on_where_the_best_is_far_below_random_designs():
    """Water suppression: squares of 3e-3 M0, 1e-5 of what random pulses leave, in a flat valley.

    The closed form is Mz' = 1 + (Mz cos(b1 flip) - 1) exp(-t/T1) from spoiler to spoiler.
    """
    problem = Problem.load("vapor")
    voxels = problem.voxels()
    b1, t1, t2 = (getattr(voxels, name).numpy() for name in ("b1", "t1", "t2"))
    weight = np.where(voxels.tissue.numpy() == 0, 1000, 100) / 1024

    def closed_form(flips, delays):
        mz = 1.0
        for flip, delay in zip(flips, delays, strict=True):
            mz = 1 + (mz * np.cos(b1 * flip) - 1) * np.exp(-delay / t1)
        return (weight * (mz * np.sin(b1 * np.pi / 2) * np.exp(-5e-3 / t2)) ** 2).sum()

    flips = [123.3, 64.5, 81.6, 89, 107.9, 102.9, 177.8, 90]
    plain = Sequence.from_degrees_ms(flips, [0] * 8, [57, 397.5, 38.8, 51.7, 26, 29.1, 26, 5])
    start = near_draft(problem, problem.played(plain, gradients=["spoiler"] * 7 + ["none"]))
    loss_and_gradient = simulator_of(problem, voxels, "auto").loss_and_gradient
    loss, best = Limited(problem, "auto").polish(loss_and_gradient, start, Meter(Settings()))
    assert loss == pytest.approx(closed_form(best.flip_angle[:7].numpy(), best.delay[:7].numpy()), rel=1e-9)
    found = minimize(
        lambda x: np.log(closed_form(x[:7], np.exp(x[7:]))),
        np.concatenate([start.flip_angle[:7], start.delay[:7].log()]),
        method="SLSQP",
        bounds=[(0, np.pi)] * 7 + [(np.log(26e-3), np.log(0.5))] * 7,
        constraints={"type": "ineq", "fun": lambda x: 0.626 - np.exp(x[7:]).sum()},
        options={"maxiter": 300, "ftol": 1e-9},
    )
    assert loss == pytest.approx(np.exp(found.fun), rel=1e-4)


@pytest.mark.parametrize("size", [1.0, 1e-6])
def test_a_polish_is_the_same_in_any_unit(size):
    terms = (Term("signal", TERMS["signal"], size, (0,)), Term("energy", TERMS["rf_energy"], 1e-3 * size))
    problem = replace(limited(), objective=Objective(terms))
    loss_and_gradient = problem.loss_and_gradient(problem.voxels(16))
    _, best = Limited(problem, "auto").polish(loss_and_gradient, ECHO, Meter(Settings()))
    assert best.flip_angle.rad2deg().tolist() == pytest.approx([85.844, 172.284], abs=2e-3)


REAL = problem_text("spin-echo-2d")
FREE_TR = REAL.replace("tr_ms = 3000", "tr_ms = { low = 800, high = 6000 }")
CRUSHED_TAIL = """
[limits.tail]
flip_deg = [90, 180]
phase_deg = [0, 90]
delay_ms = [9, 9]
pulses = ["excite", "refocus"]
gradients = ["crusher", "crusher"]
"""
SPOILED_HEAD = """
[limits.head]
flip_deg = [180]
phase_deg = [0]
delay_ms = [400]
pulses = ["invert"]
gradients = ["spoiler"]
"""


@pytest.mark.parametrize(
    "text",
    [
        FREE_TR + SPOILED_HEAD + CRUSHED_TAIL,
        FREE_TR.replace("[pulses.excite]", "echoes = 3\n[pulses.excite]")
        + "[limits]\nte_ms = { high = 90 }\nte_readout = 3\ntime_to_readout_ms = 1500\n",
        REAL.replace("tr_ms = 3000", "tr_ms = 2000\nechoes = 3") + CRUSHED_TAIL,
        REAL + "[limits]\nti_ms = { low = 300, high = 500 }\nrelative_rf_energy = 1.9\nn_rf = 2\n",
    ],
)
def test_designs_with_layouts_meet_every_limit(text):
    problem = Problem.from_toml(text)
    few = SMALL | {"n_starts": 16, "n_children": 16}  # of 8 drafts one would be left at the end of a descent
    run = search(problem, progress=False, **few).best
    assert run.meets_limits
    low, high = problem.acquisition.tr_bounds
    for design in run.families:
        assert [wish.name for wish in design.evaluation.wishes if not wish.met] == []
        assert low * (1 - 1e-9) <= float(design.sequence.tr) <= high * (1 + 1e-9)
        assert problem.evaluate(design.sequence).meets_limits


def test_a_searched_repetition_time_is_the_best_between_its_bounds():
    """Ernst: the most signal is ((1 - E) / (1 + E))^1/2, at cos(flip) = E = exp(-TR/T1).

    It over the root of TR falls with TR, so that of a signal of at least s it is T1 ln((1 + s²) / (1 - s²)).
    """
    text = """
name = "efficiency"
[tissues.A]
m0 = 1
t1_ms = 1000
t2_ms = 1000
t2_prime_ms = inf
[imaging]
b1 = 1
b0_hz = 0
spread_hz = 0
[[objective]]
term = "snr_efficiency"
tissues = ["A"]
weight = 1
[sequence]
tr_ms = { low = 300, high = 9000 }
[search_space]
max_rf = 1
min_rf_delay_ms = 0.01
[limits.signal.A]
mean = { low = 0.6 }
"""
    best = search(Problem.from_toml(text), progress=False, **SMALL).best
    assert float(best.sequence.tr) == pytest.approx(math.log(1.36 / 0.64), rel=1e-3)
    assert float(best.sequence.flip_angle.cos()) == pytest.approx(0.64 / 1.36, rel=1e-3)


def test_what_a_repetition_shortens_alike_is_one_family():
    """Drafts whose second delay is 5 and 8 s play the same within a TR of 1 s."""
    problem = Problem.from_toml(REAL.replace("tr_ms = 3000", "tr_ms = 1000"))
    keeper = Limited(problem, "auto")
    simulator = simulator_of(problem, problem.voxels(2), "auto")

    def draft(last):
        plain = Sequence.from_degrees_ms([150, 90], [0, 0], [1e3 * last, 10])
        return keeper.proposals.stacked([plain], alone=False)[0]

    long, longer = draft(2.0), draft(2.4)
    assert not same_family(long, longer)
    short, shorter = (as_short_as_played(simulator, one) for one in (long, longer))
    assert same_family(short, shorter)
    assert played_as(simulator, short).delay.tolist() == pytest.approx(
        played_as(simulator, long).delay.tolist()
    )


def test_pulses_that_select_no_slice_are_proposed_where_gradients_silence_them_outside():
    text = REAL.replace('pulses = ["excite", "refocus", "invert"]', 'pulses = ["block", "excite"]')
    problem = Problem.from_toml(text + '[pulses.block]\nshape = "hard"\nduration_ms = 0.5\n')
    run = search(problem, progress=False, **SMALL | {"n_starts": 32, "n_children": 16}).best
    assert {"block", "excite"} == {kind for each in run.families for kind in each.sequence.layout.kinds}
    for design in run.families:
        assert is_silent_outside(design.sequence.layout, frozenset({"block"}))
    leaky = problem.played(play([180, 90], [800, 9]), kinds=["excite", "hard"])
    assert draft_of(problem, leaky) is None
    assert (
        draft_of(problem, problem.played(play([180, 90], [800, 9]), kinds=["excite", "excite"])) is not None
    )


CRUSHED_WIDE = WIDE.replace('gradients = ["none"]', 'gradients = ["none", "crusher", "spoiler"]').replace(
    "max_rf = 2", "max_rf = 4"
)


def test_behind_an_excitation_of_hardly_any_angle_no_other_pulse_excites():
    may_stand = Limited(Problem.from_toml(WIDE), "auto").may_stand
    for flips in ([90, 170], [30, 170], [90, 60], [10, 0]):
        assert may_stand(proposed(WIDE, flips, ["none", "none"]))
    for flips in ([0, 90], [4, 90], [15, 100]):
        assert not may_stand(proposed(WIDE, flips, ["none", "none"]))


def test_where_nothing_but_the_idle_design_may_stand_the_reason_says_so():
    finisher = Finisher(Problem.from_toml(WIDE), "auto")
    found = [finisher.limited.proposals.idle, proposed(WIDE, [4, 90], ["none", "none"])]
    reason = finisher.finish(0, found, Meter(Settings()), history=()).reason
    assert (
        "nothing beats doing nothing: what is read is excited or refocused by a pulse that is not for it"
        in reason
    )


def test_a_pulse_that_is_given_may_excite_whatever_its_kind_is_for():
    given = CRUSHED_TAIL.replace("crusher", "none").replace('"excite"', '"refocus"')
    limited = Limited(Problem.from_toml(WIDE.replace("max_rf = 2", "max_rf = 3") + given), "auto")
    assert limited.may_stand(limited.proposals.stacked([play([4], [9])], alone=False)[0])


@pytest.mark.parametrize(
    ("gradients", "possible"),
    [
        (["crusher", "crusher"], True),
        (["none", "none"], False),
        (["spoiler", "none"], False),
        (["crusher", "crusher", "crusher"], False),  # the last refocuses what the one before excites
        (["crusher", "none", "none", "crusher"], True),  # composite refocusing
    ],
)
def test_what_a_pulse_for_refocusing_excites_is_dephased_where_crushers_may_stand(gradients, possible):
    flips = [90, 180, 180, 180][: len(gradients)]
    assert (proposed(CRUSHED_WIDE, flips, gradients) is not None) == possible


def test_a_train_of_pulses_for_refocusing_alone_is_crushed():
    problem = Problem.from_toml(CRUSHED_WIDE.replace("tr_ms = 3000", "tr_ms = 3000\nechoes = 3"))
    limited = Limited(problem, "auto")
    assert limited.proposals.stacked([play([90, 180], [20, 20])], alone=False).gradient.tolist() == [[1, 0]]
    assert limited.proposals.idle.gradient.tolist() == [1, 0]


@pytest.mark.parametrize("text", [WIDE, CRUSHED_WIDE])
def test_a_search_returns_no_wide_pulse_for_refocusing_that_excites(text):
    """Twice the thickness would be read: without the rule a search ends at 4° or so before 80°."""
    run = search(Problem.from_toml(text), progress=False, **SMALL | {"n_starts": 64, "n_children": 32}).best
    assert run.reason is None
    for design in run.families:
        assert design.sequence.layout.kinds[find_structure(design.sequence).excitation] == "excite"
