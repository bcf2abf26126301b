"""Times below what any sequence of a problem takes are refused when its file is read."""

from dataclasses import replace

import pytest

from sequence_search.acquisition import Acquisition
from sequence_search.limits import FixedPulses, Limits
from sequence_search.problem.errors import ProblemError
from sequence_search.problem.least_times import least_times
from sequence_search.problem.library import problem_text
from sequence_search.problem.problem import Problem
from sequence_search.pulses.shapes import HyperbolicSecant, Sinc
from sequence_search.search_space import SearchSpace

TEXT = problem_text("spin-echo-2d")
SINC = Sinc(duration=4e-3, time_bandwidth=4.0, slice=True, rephaser=1e-3)  # 3 ms to either side
HS = HyperbolicSecant(duration=2e-3, peak_b1=1200.0, bandwidth=1000.0)  # 1 ms, and inverts
KINDS = {"sinc": SINC, "hs": HS}


def test_an_inversion_excites_nothing_and_gradients_that_must_be_take_time():
    space = SearchSpace(min_rf_delay=1e-3, pulses=("sinc", "hs"), gradients=("crusher",), crusher=2e-3)
    found = least_times(space, Limits(), KINDS, Acquisition(tr=1.0, echoes=2))
    assert found.between == pytest.approx(2 * 1e-3 + 2e-3)
    assert found.before_readout == pytest.approx(3e-3 + 2e-3)
    assert found.half_spacing == pytest.approx(3e-3 + 1e-3 + 2e-3)
    assert found.rest == pytest.approx(1e-3)


def test_where_a_spoiler_may_be_chosen_none_stands_before_the_readout():
    gradients = ("crusher", "spoiler")
    space = SearchSpace(min_rf_delay=1e-3, pulses=("sinc", "hs"), gradients=gradients, crusher=2e-3)
    found = least_times(space, Limits(), KINDS, Acquisition(tr=1.0, echoes=2))
    assert found.between == pytest.approx(2 * 1e-3 + 2e-3)
    assert found.before_readout == pytest.approx(3e-3)
    assert found.half_spacing == pytest.approx(3e-3 + 1e-3)


def test_a_train_of_pulses_for_refocusing_alone_has_crushers():
    kinds = {"sinc": SINC, "refocus": replace(SINC, use="refocusing")}
    space = SearchSpace(
        min_rf_delay=1e-3, pulses=("sinc", "refocus"), gradients=("none", "crusher"), crusher=2e-3
    )
    for use, taken in (("excitation", 3e-3 + 3e-3 + 2e-3), (None, 3e-3 + 3e-3)):
        kinds["sinc"] = replace(SINC, use=use) if use else SINC
        chosen = replace(space, pulses=("refocus", "sinc") if use is None else ("refocus",))
        found = least_times(chosen, Limits(), kinds, Acquisition(tr=1.0, echoes=2))
        assert found.half_spacing == pytest.approx(taken)
    given = FixedPulses((3.0,), (0.0,), (0.1,), pulses=("refocus",))
    found = least_times(
        replace(space, pulses=("refocus",)), Limits(head=given), kinds, Acquisition(tr=1.0, echoes=2)
    )
    assert found.half_spacing == pytest.approx(3e-3 + 3e-3)


def test_half_of_a_readout_is_on_either_side_of_it():
    space = SearchSpace(min_rf_delay=1e-3, pulses=("sinc", "hs"), gradients=("crusher",), crusher=2e-3)
    found = least_times(space, Limits(), KINDS, Acquisition(tr=1.0, echoes=2, readout=8e-3))
    assert found.between == pytest.approx(2 * 1e-3 + 2e-3)
    assert found.before_readout == pytest.approx(3e-3 + 2e-3 + 4e-3)
    assert found.half_spacing == pytest.approx(1e-3 + 2e-3 + 4e-3)
    assert found.rest == pytest.approx(4e-3 + 1e-3)


def test_without_kinds_and_gradients_it_is_the_shortest_delay():
    found = least_times(SearchSpace(), Limits(), {}, Acquisition())
    assert found.between == found.before_readout == found.half_spacing == pytest.approx(6.2e-3)


def changed(**lines):
    text = TEXT
    for old, new in lines.values():
        assert old in text
        text = text.replace(old, new)
    return text


DELAY = ("min_rf_delay_ms = 5 ", "min_rf_delay_ms = 1 ")
TR = "tr_ms = 3000"
CRUSHED = ('["none", "crusher", "spoiler"]', '["crusher"]')
TAIL = (
    "\n[limits.tail]\nflip_deg = [90, 180]\nphase_deg = [0, 90]\ndelay_ms = [9, 9]\n"
    'pulses = ["excite", "refocus"]\ngradients = ["crusher", "crusher"]\n'
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # excite: 1.28 + 1 ms, and as much after the readout for the next repetition
        (changed(d=DELAY, tr=(TR, "tr_ms = 4")), r"sequence.tr_ms must be at least 4.56 ms, .* got 4 ms"),
        (
            changed(d=DELAY, tr=(TR, "tr_ms = { low = 2, high = 4 }")),
            "sequence.tr_ms must be at least 4.56 ms",
        ),
        # with 1 ms of a readout before and after its centre
        (changed(d=DELAY, tr=(TR, "tr_ms = 5\nreadout_ms = 2")), "sequence.tr_ms must be at least 6.56 ms"),
        (changed(tr=(TR, TR + "\nreadout_ms = -1")), "readout_ms must be at least 0 and finite, got -1 ms"),
        # with a crusher of 1.5 ms before the readout
        (changed(d=DELAY, g=CRUSHED, tr=(TR, "tr_ms = 5")), "sequence.tr_ms must be at least 6.06 ms"),
        (changed(tr=(TR, "tr_ms = 20")) + TAIL, "sequence.tr_ms must be at least 25.28 ms"),
        (
            changed(d=DELAY, g=CRUSHED, tr=(TR, TR + "\nechoes = 4\necho_spacing_ms = 9")),
            "sequence.echo_spacing_ms must be at least 12.12 ms, twice the shortest delay, got 9 ms",
        ),
        (
            changed(d=DELAY, m=("max_delay_ms = 2500", "max_delay_ms = 2")),
            "search_space.max_delay_ms must be at least 2.28 ms, what the shortest pulses and their",
        ),
        (
            TEXT + "[limits]\nte_ms = 4\n",
            "limits.te_ms must be at least 5 ms, that of the shortest pulses, got 4",
        ),
        (
            changed(tr=(TR, TR + "\nechoes = 4")) + "[limits]\nte_ms = 29\nte_readout = 3\n",
            "limits.te_ms must be at least 30 ms, that of the shortest pulses, got 29 ms",
        ),
        (
            TEXT + "[limits]\nti_ms = { low = 4000 }\n",
            "limits.ti_ms: low must be within the repetition time, 3000 ms, got 4000 ms",
        ),
        (TEXT + "[limits]\ntime_to_readout_ms = 20\n" + TAIL, "time_to_readout_ms must be at least 23 ms"),
    ],
)
def test_what_is_refused_in_a_file(text, told):
    with pytest.raises(ProblemError, match=told):
        Problem.from_toml(text, "mine.toml")
