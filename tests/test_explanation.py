import json
import math

import pytest

from explanation_cases import BRAIN, make_problem, play
from sequence_search.explanation.explanation import explain, summarize
from sequence_search.layout import Layout
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
            Sequence.from_degrees_ms([90], [0], [5], layout=Layout.plain(1, gradients=(1,))),
            "an explanation needs a sequence without a layout",
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
