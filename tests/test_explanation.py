import json
import math

import pytest
import torch

from explanation_cases import BRAIN, make_problem, play
from limit_cases import limited
from sequence_search.engines.simulator import Simulator
from sequence_search.explanation.blocks import start_mz
from sequence_search.explanation.explanation import explain, summarize
from sequence_search.layout import Layout
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.tissue import Uniform

PROBLEM = make_problem(BRAIN, ("signal", 1.0, (0, 1)), ("null", 1.0, (2,)), b1=Uniform(0.9, 1.1))
SEQUENCE = play([180, -90, 180], [30, 0, 120], [2800, 6.2, 6.2])


@pytest.fixture(scope="module")
def explanation():
    return explain(PROBLEM, SEQUENCE)


def test_an_explanation_has_every_part(explanation):
    assert explanation.problem == "case"
    assert explanation.loss == pytest.approx(PROBLEM.evaluate(SEQUENCE).loss)
    assert explanation.sentences == summarize(PROBLEM, SEQUENCE).sentences
    assert [each.pulse for each in explanation.pulses] == [0, 1, 2]
    assert [each.tissue for each in explanation.tissues] == list(BRAIN)
    assert explanation.phases.free[0].turns == (0, 1, 1)
    # As played, but with positive flip angles and a first phase of 0.
    assert explanation.sequence.to_dict()["phase_deg"] == pytest.approx([0, 150, 90])


def test_plain_data_has_its_units_in_its_keys(explanation):
    plain = json.loads(json.dumps(explanation.to_dict(), allow_nan=False))
    assert set(plain) == {
        *("problem", "sequence", "loss", "structures", "sentences", "blocks", "crossings", "readout"),
        *("compared", "pulses", "tissues", "phases"),
    }
    assert plain["blocks"][0]["wait_ms"] == pytest.approx(2800)
    assert plain["readout"]["te_ms"] == pytest.approx(12.4)
    assert plain["readout"]["echoes_ms"] == pytest.approx([12.4])
    assert plain["readout"]["refocusing_phases_deg"] == pytest.approx([-60])
    assert plain["readout"]["tm_ms"] is None
    csf = next(each for each in plain["crossings"] if each["tissue"] == "CSF")
    assert csf["nominal_ms"] == pytest.approx(2800 - 4000 * math.log(2), abs=1e-3)
    assert plain["pulses"][1]["flip_angle_deg"] == pytest.approx(90)
    assert plain["phases"]["simplest"]["delay_ms"] == pytest.approx([2800, 6.2, 6.2])
    assert plain["compared"][0]["time_to_readout_ms"] == pytest.approx(2812.4)


def test_no_signal_is_explained_too():
    found = explain(PROBLEM, play([0], [0], [6.2]))
    assert found.summary.readout.te is None
    assert found.summary.crossings == ()


def test_a_loss_of_zero_is_no_divisor():
    found = explain(make_problem(BRAIN, ("null", 1.0, (2,))), play([0, 0], [0, 90], [6.2, 6.2]))
    assert found.loss == 0
    assert found.phases.mirrored == found.phases.common == 0
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("sequence", "message"),
    [
        (play([[90, 180]], [[0, 90]], [[6, 6]]), "expected a single sequence"),
        (play([10] * 9, [0] * 9, [10] * 9), "must have 1 to 8 pulses, got 9"),
        (play([], [], []), "must have 1 to 8 pulses, got 0"),
        (
            Sequence.from_degrees_ms([90], [0], [5, 95], layout=Layout.plain(1, steady=True)),
            "plays a sequence once",
        ),
    ],
)
def test_what_cannot_be_explained_is_refused(sequence, message):
    for function in (explain, summarize):
        with pytest.raises(ValueError, match=message):
            function(PROBLEM, sequence)


def test_an_engine_that_there_is_not():
    with pytest.raises(ValueError, match="engine must be one of auto, "):
        summarize(PROBLEM, SEQUENCE, engine="epg")


@pytest.fixture(scope="module")
def repeated():
    """An inversion recovery of crushed spin echoes, repeated and read twice."""
    problem = limited("[sequence]\ntr_ms = 1500\nechoes = 2")
    numbers = Sequence.from_degrees_ms([170, 85, 150], [0, 0, 90], [600, 6, 6])
    sequence = problem.played(numbers, gradients=("spoiler", "crusher", "crusher"))
    return problem, sequence, explain(problem, sequence)


def test_of_a_layout_it_tells_blocks_readout_and_what_its_parts_buy(repeated):
    problem, sequence, found = repeated
    assert found.summary.structures[0] == "inversion"
    assert [block.pulses for block in found.summary.blocks] == [(0,)]
    readout = found.summary.readout
    assert (readout.excitation, readout.refocusing, readout.te) == (1, (2, 3), pytest.approx(0.024))
    assert (readout.train, len(readout.echoes)) == ("CPMG", 2)
    assert [part.what for part in found.parts] == ["pulse", "pulse", "spoiler", "crushers"]
    assert found.pulses == ()
    assert found.loss == pytest.approx(problem.evaluate(sequence).loss)
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_the_parts_of_the_signal_of_a_layout_add_up_to_it_from_its_steady_state(repeated):
    problem, sequence, found = repeated
    nominal = problem.simulator(problem.voxels(method="nominal")).signal(sequence)[-1].abs()
    for tissue, signal in zip(found.tissues, nominal.tolist(), strict=True):
        assert math.sqrt(tissue.signal) == pytest.approx(signal, abs=1e-9)


def test_mz_of_a_steady_state_begins_where_it_ends(repeated):
    """Ernst: 1 - (1 - cos a Mz) exp(-TR/T1) is Mz. And a block leaves the cosine of its flip angle of it."""
    problem, sequence, found = repeated
    voxels = problem.voxels(method="nominal")
    pulse = limited("[sequence]\ntr_ms = 900").played(Sequence.from_degrees_ms([50], [0], [5]))
    mz, e1 = start_mz(Simulator(voxels), pulse), torch.exp(-0.9 / voxels.t1)
    torch.testing.assert_close(mz, (1 - e1) / (1 - math.cos(math.radians(50)) * e1))
    assert start_mz(Simulator(voxels), SEQUENCE) == 1.0
    block = found.summary.blocks[0]
    ensemble = Simulator(problem.voxels(256))
    first = start_mz(ensemble, sequence)
    turned = torch.cos(sequence.flip_angle[0] * ensemble.voxels.b1) * first
    mine = ensemble.voxels.tissue == 0
    assert block.mz_after["GM"] == pytest.approx(float(turned[mine].mean()), abs=1e-9)


def test_losses_of_a_slice_are_those_of_its_evaluation():
    problem = Problem.load("spin-echo-2d")
    numbers = Sequence.from_degrees_ms([90, 150], [0, 90], [10, 10])
    echo = problem.played(numbers, kinds=("excite", "refocus"))
    found, loss = summarize(problem, echo), problem.evaluate(echo).loss
    assert found.compared[0].loss == pytest.approx(loss, rel=1e-12)
    assert [part.loss - part.rise for part in found.parts] == pytest.approx([loss] * len(found.parts))


def test_a_layout_that_no_search_proposes_is_explained_as_it_is():
    problem = limited("[sequence]\ntr_ms = 900")
    strong = Layout.plain(2, gradients=(2, 2), steady=True)
    sequence = Sequence.from_degrees_ms([90, 150], [0, 90], [10, 10, 880], layout=strong)
    found = explain(problem, sequence)
    assert found.phases is None
    assert {part.polished for part in found.parts} == {None}
    assert found.summary.structures == ("spin echo",)


def test_a_plain_sequence_is_explained_where_a_search_has_gradients():
    problem = limited('gradients = ["none", "spoiler"]')
    sequence = Sequence.from_degrees_ms([90, 180], [0, 90], [8, 8])
    assert problem.playable(sequence).layout is None
    found = explain(problem, sequence)
    assert [(part.what, part.pulses) for part in found.parts] == [("pulse", (0,)), ("pulse", (1,))]
    assert found.pulses == ()
    # Without the 180° pulse the rest dephases: what is left is a free decay, read earlier.
    without = found.parts[1]
    assert without.polished is not None
    assert without.polished > found.loss
    plain = found.to_dict()
    assert "pulses" not in plain
    assert len(plain["parts"]) == 2
    assert json.dumps(plain, allow_nan=False)
