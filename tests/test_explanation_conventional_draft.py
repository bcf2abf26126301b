import math
from dataclasses import replace

import pytest

from limit_cases import limited
from sequence_search.acquisition import Acquisition
from sequence_search.engines.simulator import Simulator
from sequence_search.explanation.conventional import conventional_sequence, null_ti
from sequence_search.explanation.conventional_draft import conventional_draft
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies.played import played_as, simulator_of
from sequence_search.voxels import Voxels

PROBLEM = Problem.load("spin-echo-2d")
ECHO = Sequence.from_degrees_ms([90, 180], [0, 180], [20, 20])
RECOVERY = Sequence.from_degrees_ms([180, 90], [0, 0], [600, 8])


def shown(problem, design, conventional):
    draft = conventional_draft(problem, design, conventional)
    return played_as(simulator_of(problem, problem.voxels(method="nominal"), "auto"), draft)


def test_it_has_the_kinds_of_the_problem_and_its_gradients():
    design = PROBLEM.played(ECHO, kinds=("refocus", "excite"))
    layout = shown(PROBLEM, design, ECHO).layout
    # As the design: its "refocus" excites.
    assert (layout.kinds, layout.gradients, layout.steady) == (("refocus", "excite"), (1, 1), True)
    other = PROBLEM.played(ECHO, kinds=("excite", "refocus"))
    layout = shown(PROBLEM, other, RECOVERY).layout
    assert (layout.kinds, layout.gradients) == (("invert", "excite"), ("spoiler", 0))


def test_of_a_train_it_has_the_design_s_spacing():
    problem = replace(PROBLEM, acquisition=Acquisition(tr=3.0, echoes=4))
    train = problem.played(Sequence.from_degrees_ms([90, 150], [0, 90], [8, 8]), kinds=("excite", "refocus"))
    for conventional, kinds in ((ECHO, ["excite"]), (RECOVERY, ["invert", "excite"])):
        found = shown(problem, train, conventional)
        assert found.readout_times.diff().tolist() == pytest.approx([0.016] * 3)
        assert list(found.layout.kinds) == kinds + ["refocus"] * 4


def test_what_the_repetition_does_not_hold_is_none():
    problem = limited("[sequence]\ntr_ms = 30")
    design = problem.played(Sequence.from_degrees_ms([20], [0], [6.5]))
    assert (
        0.02 < float(shown(problem, design, ECHO).time_to_readout) < 0.03
    )  # shorter than stated, as it fits
    problem = limited("[sequence]\ntr_ms = 10")
    design = problem.played(Sequence.from_degrees_ms([20], [0], [6.5]))
    assert conventional_draft(problem, design, ECHO) is None
    assert conventional_draft(limited(), ECHO, ECHO) is ECHO


def test_an_inversion_nulls_in_the_steady_state_too():
    """1 - 2 exp(-TI/T1) + exp(-TR/T1) = 0, where each 90° leaves nothing along z."""
    tissue = PROBLEM.tissues[1]
    ti, t1 = null_ti(tissue, 1.5), tissue.t1.centre
    assert 1 - 2 * math.exp(-ti / t1) + math.exp(-1.5 / t1) == pytest.approx(0, abs=1e-12)
    problem = limited("[sequence]\ntr_ms = 1500")
    recovery = problem.played(Sequence.from_degrees_ms([180, 90], [0, 0], [1e3 * ti, 5]))
    assert abs(complex(Simulator(Voxels(t1=t1, t2=0.005)).signal(recovery))) < 1e-3
    assert conventional_sequence(problem) is not None
