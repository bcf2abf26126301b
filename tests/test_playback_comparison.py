import json
import math
from dataclasses import replace

import pytest

from pulseq_cases import SIZE, spin_echo, train
from sequence_search import Problem, Sequence
from sequence_search.acquisition import Acquisition
from sequence_search.estimation import Estimate
from sequence_search.layout import Layout
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.playback.comparison import compare
from sequence_search.playback.events import PulseqError
from sequence_search.storage import json_text

PROBLEM = Problem.load("gm-wm")
CRUSHED = Layout.plain(2, gradients=(1, 1))
DESIGN = Sequence.from_degrees_ms([90, 180], [0, 90], [10, 10], layout=CRUSHED)


def compared(made, design=DESIGN, **more):
    return compare(made.sequence, design, PROBLEM, n_per_tissue=16, n_spins=2**11, size=SIZE, **more)


def test_a_file_of_the_design_differs_by_the_duration_of_its_pulses_alone():
    found = compared(spin_echo())
    assert found.largest < 1.5e-3
    assert abs(found.relative_loss_difference) < 1e-2
    assert sum(found.played.score.terms.values()) == pytest.approx(found.played.score.loss)
    assert found.design.loss == pytest.approx(float(PROBLEM.loss(DESIGN, PROBLEM.voxels(16))))


def test_a_file_of_another_sequence_is_told_apart():
    late = compared(spin_echo(te=0.024))
    assert late.difference["WM"] == pytest.approx(
        late.design.signal["WM"] * (math.exp(-0.004 / 0.08) - 1), rel=0.1
    )
    assert compared(spin_echo(second=0)).played.score.signal["GM"] < 0.03


def test_differences_are_those_of_the_scores():
    found = compared(spin_echo(flips=(80, 180)))
    mine, its = found.played.score, found.design
    assert found.difference["GM"] == mine.signal["GM"] - its.signal["GM"]
    assert found.loss_difference == mine.loss - its.loss
    size = sum(abs(part) for part in its.terms.values())
    assert found.relative_loss_difference == pytest.approx((mine.loss - its.loss) / size)
    assert found.largest == max(abs(each) for each in found.difference.values())
    written = json.loads(json_text(found.to_dict()))
    assert written["difference"]["loss"] == found.loss_difference
    assert written["played"]["signal"] == mine.signal
    assert found.rows()[-1][0] == "loss"


def test_several_readouts_are_compared_one_by_one():
    layout = Layout.train(3, crusher=1)
    design = Sequence.from_degrees_ms([90, 130, 130, 130], [90, 0, 0, 0], [5], layout=layout)
    found = compared(train(3), design)
    assert len(found.played.score.readouts) == 3
    assert found.largest < 3e-3


def test_a_file_that_reads_more_often_than_the_design_is_refused():
    with pytest.raises(PulseqError, match="reads 3 times a repetition, and the design 1"):
        compared(train(3))


def test_a_bound_of_an_estimate_is_that_of_the_file():
    """Derivatives by T2 are of spins at the same places: the bound of 0.05 is right to 1 %."""
    bound = Term("crlb", TERMS["crlb"], 1.0, (0,), estimate=Estimate("t2"))
    own = replace(PROBLEM, objective=Objective((bound,)), acquisition=Acquisition(echoes=3))
    layout = Layout.train(3, crusher=1)
    design = Sequence.from_degrees_ms([90, 180, 180, 180], [90, 0, 0, 0], [5], layout=layout)
    made = train(3, flip=180)
    found = compare(made.sequence, design, own, n_per_tissue=4, n_spins=2**11, size=SIZE)
    assert found.design.loss == pytest.approx(float(own.loss(design, own.voxels(4))))
    assert found.played.score.loss == pytest.approx(found.design.loss, rel=1e-2)
