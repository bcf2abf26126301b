import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from limit_cases import limited
from sequence_search.acquisition import Acquisition
from sequence_search.grid.phase_map import phase_map
from sequence_search.grid.search import grid_search
from sequence_search.layout import Layout
from sequence_search.limits import Range
from sequence_search.problem.errors import ProblemError
from sequence_search.problem.problem import Problem
from sequence_search.report.figures import sequence_figure
from sequence_search.search_space import Axis
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels

PROBLEM = Problem.load("spin-echo-2d")
NO_PULSE = Sequence.from_degrees_ms([], [], [])
ECHO = Sequence.from_degrees_ms([180, 90, 180], [0, 0, 90], [600, 9, 9])
KINDS, GRADIENTS = ("invert", "excite", "refocus"), ("spoiler", "crusher", "crusher")


def played(delay_ms=(600, 9, 9), problem=PROBLEM, kinds=KINDS, gradients=GRADIENTS, flip_deg=(180, 90, 180)):
    pulses = Sequence.from_degrees_ms(flip_deg, [0, 0, 90][-len(flip_deg) :], delay_ms)
    return problem.played(pulses, kinds=kinds, gradients=gradients)


def test_pulses_are_repeated_at_the_tr_of_the_problem():
    sequence = played()
    assert sequence.tr.item() == pytest.approx(3.0)
    assert sequence.layout == Layout.plain(3, gradients=("spoiler", 1, 1), kinds=KINDS, steady=True)
    assert sequence.delay.tolist() == pytest.approx([0.6, 0.009, 0.009, 3 - 0.618])
    PROBLEM.check_sequence(sequence)


def test_without_anything_to_add_pulses_stay_as_they_are():
    assert limited().played(ECHO) is ECHO


def test_a_plain_sequence_is_evaluated_as_it_is_repeated():
    """Closed form of a saturation recovery: Mz = 1 - exp(-TR/T1), read right after a 90° pulse."""
    problem = limited("[sequence]\ntr_ms = 1331")
    found = problem.evaluate(Sequence.from_degrees_ms([90], [0], [6.2]))
    t2 = 1 / (1 / 110 + 1 / 170)
    spread = math.sin(2 * math.pi * 30 * 6.2e-3) / (2 * math.pi * 30 * 6.2e-3)
    assert found.signal["GM"] == pytest.approx((1 - math.exp(-1)) * math.exp(-6.2 / t2) * spread, rel=1e-6)


@pytest.mark.parametrize(
    "table",
    [
        "",
        "[sequence]\nreadout_ms = 2",
        "[limits]\nte_ms = 20\nti_ms = 900\nmax_flip_deg = 170\nn_rf = 3\nsystem = 'siemens-prisma'\n"
        "[limits.signal.GM]\nmean = 0.5",
    ],
)
def test_no_pulse_at_all_gives_no_signal(table):
    found = limited(table).evaluate(NO_PULSE)
    assert found.terms["signal"] == pytest.approx(1.0)  # of M0²
    assert set(found.signal.values()) == {0.0}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("tr_ms = 1331", "a sequence that is repeated (tr_ms) needs at least one pulse, got none"),
        ("echoes = 4", "a train of 4 echoes needs an excitation and 1 refocusing pulse, got 0 pulses"),
    ],
)
def test_no_pulse_at_all_is_neither_repeated_nor_a_train(table, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        limited(f"[sequence]\n{table}").evaluate(NO_PULSE)


def test_the_last_pulse_of_a_train_stands_for_all():
    problem = limited("[sequence]\ntr_ms = 2000\nechoes = 4")
    sequence = problem.played(
        Sequence.from_degrees_ms([180, 90, 170], [0, 0, 90], [600, 8, 8]), gradients=GRADIENTS
    )
    assert sequence.readout_times.tolist() == pytest.approx([0.616, 0.632, 0.648, 0.664])
    assert torch.rad2deg(sequence.flip_angle).tolist() == pytest.approx([180, 90, 170, 170, 170, 170])
    assert sequence.tr.item() == pytest.approx(2.0)
    problem.search_space.check(problem.played(ECHO), "limited")
    problem.acquisition.check_sequence(sequence, "limited")


@pytest.mark.parametrize(
    ("table", "given", "message"),
    [
        ("tr_ms = 618", {"kinds": ["hard"]}, "pulses need one name for each of 3 pulses, got 1"),
        ("tr_ms = 618", {"gradients": ["spoil"] * 3}, "got 'spoil', did you mean 'spoiler'"),
        ("tr_ms = 617", {}, "tr_ms must be more than the 618 ms from the first pulse .*, got 617"),
        ("tr_ms = { low = 900, high = 950 }", {}, "searched from 900 to 950: state one repetition time"),
        (
            "tr_ms = { low = 900, high = 950 }",
            {"tr": 1.0},
            "must be from 900 to 950 ms .*, got 1000",
        ),
        (
            "echoes = 2",
            {"gradients": GRADIENTS[::-1]},
            "the last 2 gradients, on both sides of each refocusing pulse, are all crusher or all none",
        ),
        ("echoes = 2", {"delay": (0.6, 0.008, 0.009)}, "must be 8, 8 ms, half the echo .*, got 8, 9 ms"),
        ("echoes = 2", {"n_rf": 1}, "needs an excitation and 1 refocusing pulse, got 1 pulse"),
    ],
)
def test_pulses_that_stand_for_no_sequence_are_refused(table, given, message):
    n_rf = given.pop("n_rf", 3)
    pulses = ECHO.map(lambda part: part[-n_rf:])
    if "delay" in given:
        pulses = replace(pulses, delay=torch.tensor(given.pop("delay"), dtype=torch.float64))
    with pytest.raises(ValueError, match=message):
        limited(f"[sequence]\n{table}").played(pulses, **given)


def test_a_tr_of_a_range_is_stated():
    acquisition = replace(PROBLEM.acquisition, tr=Range(2.0, 4.0))
    problem = replace(PROBLEM, acquisition=acquisition)
    assert problem.played(ECHO, tr=2.5).tr.item() == pytest.approx(2.5)


# Sides: invert 4 ms, excite 1.28 + 1 ms, refocus 2.56 + 1 ms; a crusher 1.5 ms.
@pytest.mark.parametrize(
    ("delay_ms", "message"),
    [
        ((7.7, 9, 9), r"from pulse 1 to pulse 2 must be at least 7.78 ms \(4 of pulse 1 \(invert\), 1.5"),
        ((600, 6.3, 9), "from pulse 2 to pulse 3 must be at least 7.34 ms .*1.5 of gradients.*, got 6.3"),
        ((600, 9, 4), r"from pulse 3 to the readout must be at least 5.06 ms \(3.56 of pulse 3 \(refocus\)"),
        ((2980, 9, 9), r"from the readout to the next repetition must be at least 4 ms .*, got 2 in"),
    ],
)
def test_delays_hold_pulses_and_gradients(delay_ms, message):
    with pytest.raises(ValueError, match=message):
        PROBLEM.evaluate(played(delay_ms))


def test_delays_at_their_least_are_taken():
    PROBLEM.check_sequence(played((7.78, 7.34, 5.06)))
    PROBLEM.check_sequence(played((600, 5.84, 3.56), gradients=("none",) * 3))


def test_delays_hold_half_of_the_readout():
    long = replace(PROBLEM, acquisition=replace(PROBLEM.acquisition, readout=4e-3))
    long.check_sequence(played((600, 7.34, 7.06), long))
    with pytest.raises(ValueError, match=r"to the readout must be at least 7.06 ms .*2 of the readout"):
        long.check_sequence(played((600, 9, 7), long))
    with pytest.raises(ValueError, match=r"to the next repetition must be at least 6 ms .* got 5.5 in"):
        long.check_sequence(played((2976.5, 9, 9), long))


def test_each_echo_of_a_train_keeps_clear_of_the_pulses_beside_it():
    train = replace(PROBLEM, acquisition=replace(PROBLEM.acquisition, echoes=3))
    train.check_sequence(played((600, 7.34, 7.34), train))
    short = replace(PROBLEM.pulses["excite"], rephaser=0.0)
    quick = replace(train, pulses=PROBLEM.pulses | {"excite": short})
    with pytest.raises(ValueError, match=r"from pulse 2 to pulse 3 must be at least 6.34 ms"):
        quick.check_sequence(played((600, 6.3, 6.3), quick))


def test_kinds_and_repetition_are_those_of_the_problem():
    with pytest.raises(ValueError, match=r"pulse 3 is of a kind 'refocuss' .* did you mean 'refocus'"):
        PROBLEM.evaluate(played(kinds=("invert", "excite", "refocuss")))
    once = replace(PROBLEM, acquisition=Acquisition())
    with pytest.raises(ValueError, match=r"plays a sequence once: state tr_ms of \[sequence\]"):
        once.evaluate(played())
    with pytest.raises(ValueError, match=r"repeats its sequences .* must be steady"):
        PROBLEM.check_sequence(ECHO)
    spoiled = once.played(ECHO, gradients=("none", "none", "spoiler"))
    with pytest.raises(ValueError, match="from the readout to the end must be at least 1"):
        once.check_sequence(spoiled)


def test_a_pulse_of_fixed_amplitude_has_its_flip_angle():
    with pytest.raises(ValueError, match=r"pulse 1 .* amplitude is fixed: its flip_deg must be 180, got 90"):
        PROBLEM.evaluate(played(flip_deg=(90, 90, 180)))
    # No sign either: it would be lost in the pulse, and a phase of 180° where flip angles are made positive.
    with pytest.raises(ValueError, match="its flip_deg must be 180, got -180"):
        PROBLEM.evaluate(played(flip_deg=(-180, 90, 180)))


def test_what_is_played_already_or_once_takes_no_tr():
    with pytest.raises(ValueError, match="what is still to be played needs a sequence without a layout"):
        PROBLEM.played(played())
    with pytest.raises(ValueError, match=r"a repetition time of 500 ms needs a problem with tr_ms of"):
        limited().played(ECHO, tr=0.5)


def test_a_limit_of_the_signal_takes_the_kinds_of_pulse():
    text = PROBLEM.to_toml() + "[limits.signal.GM]\nmean = { low = 0.01 }\n"
    (wish,) = Problem.from_toml(text).evaluate(played()).wishes
    assert wish.met


SNR = 'term = "snr_efficiency"\ntissues = ["GM"]'


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {'brighter = "WM"': "readouts = [2]"},
            "mine: term 'contrast' names readout 2, and a sequence has 1: sequence.echoes must be at least 2",
        ),
        (
            {'term = "rf_number"': SNR, "tr_ms = 3000.0": "tr_ms = inf"},
            "term 'snr_efficiency' needs sequences that are repeated: sequence.tr_ms must be stated",
        ),
        (
            {'"refocus", "invert"]': '"hard"]'},
            "term 'b1_rms' needs pulses with a duration: search_space.pulses must be of .*has 'hard'",
        ),
        (
            {"[search_space]": "[limits]\nte_ms = 20\nte_readout = 2\n[search_space]"},
            "mine: limits.te_readout must be at most the 1 of sequence.echoes, got 2",
        ),
    ],
)
def test_what_sequences_have_no_value_of_is_told_when_the_file_is_read(changes, message):
    text = PROBLEM.to_toml()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(ProblemError, match=message):
        Problem.from_toml(text, "mine")


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda: phase_map(PROBLEM, Axis(0.01), Axis(0.0)), "a map over TE and phase"),
        (lambda: grid_search(PROBLEM), "a grid search"),
    ],
)
def test_what_takes_no_layouts_says_so(call, what):
    with pytest.raises(ValueError, match=f"{what} takes instantaneous pulses without gradients, played once"):
        call()


def test_no_loss_and_no_figure_is_of_a_sequence_that_is_played_once_by_mistake():
    problem = limited("[sequence]\ntr_ms = 900")
    with pytest.raises(ValueError, match=r"'limited' repeats its sequences: see Problem.played, got"):
        problem.loss(ECHO, problem.voxels(2))
    title = sequence_figure(ECHO, problem).get_suptitle()
    signal = problem.evaluate(ECHO).signal
    assert title == f"limited: GM {signal['GM']:.2f}, CSF {signal['CSF']:.2f}"


FREE = "[sequence]\nechoes = 6\nfree_refocusing = 2\n"
ALSOP = [150, 125, 120, 120]


def free_train(flip_deg=ALSOP, delay_ms=(4, 8, 8, 4), kinds=(), gradients=("crusher",) * 4):
    phases = [0, *[90] * (len(flip_deg) - 1)]
    pulses = Sequence.from_degrees_ms(flip_deg, phases, delay_ms)
    return limited(FREE).played(pulses, kinds=kinds, gradients=gradients)


def test_the_first_refocusing_pulses_may_differ_and_the_next_is_repeated():
    sequence = free_train([90, 150, 125, 120])
    assert torch.rad2deg(sequence.flip_angle).tolist() == pytest.approx([90, 150, 125, *[120] * 4])
    assert sequence.delay.tolist() == pytest.approx([0.004])
    assert sequence.readout_times.tolist() == pytest.approx([0.008 * n for n in range(1, 7)])


def test_alike_they_are_the_train_of_one_flip_angle():
    same = limited("[sequence]\nechoes = 6").played(
        Sequence.from_degrees_ms([90, 120], [0, 90], [4, 4]), gradients=["crusher"] * 2
    )
    assert free_train([90, 120, 120, 120]) == same


def echoes_by_hand(excitation, flips):
    """Extended phase graph of a crushed CPMG train without relaxation: |F0| at each echo."""
    n = 2 * len(flips) + 2
    plus, minus, z = (np.zeros(n, complex) for _ in range(3))
    plus[0] = minus[0] = math.sin(math.radians(excitation))
    z[0] = math.cos(math.radians(excitation))
    found = []
    for flip in np.radians(flips):
        for half in range(2):
            plus[1:], minus[:-1] = plus[:-1].copy(), minus[1:].copy()
            minus[-1], plus[0] = 0, np.conj(minus[0])
            if half == 0:
                c, s = math.cos(flip / 2) ** 2, math.sin(flip / 2) ** 2
                sine = math.sin(flip)
                # About the axis of the excited magnetisation.
                plus, minus, z = (
                    c * plus + s * minus + sine * z,
                    s * plus + c * minus - sine * z,
                    -sine / 2 * (plus - minus) + math.cos(flip) * z,
                )
        found.append(abs(plus[0]))
    return np.array(found)


@pytest.mark.parametrize("flips", [[150, 125, *[120] * 4], [60, 170, *[80] * 4]])
def test_free_refocusing_pulses_give_the_echoes_of_the_extended_phase_graph(flips):
    problem = limited(FREE)
    voxel = Voxels(t1=math.inf, t2=math.inf)
    sequence = free_train([90, *flips[:3]])
    expected = echoes_by_hand(90, flips)
    for engine in ("auto", "configurations"):
        signal = problem.simulator(voxel, engine).signal(sequence).abs()[:, 0]
        assert signal.tolist() == pytest.approx(expected, abs=1e-9)


def test_alsops_first_pulse_leads_to_a_steady_state_at_once():
    """90° + a/2, then a: Alsop, Magn Reson Med 37 (1997). Equal pulses begin with sin²(a/2), and swing."""
    spread = {}
    for first in (120, 150):
        sequence = free_train([90, first, 120, 120])
        signal = limited(FREE).simulator(Voxels(t1=math.inf, t2=math.inf)).signal(sequence).abs()[:, 0]
        spread[first] = float(signal.max() / signal.min())
    assert spread[120] == pytest.approx(1.25, abs=0.01)
    assert spread[150] < 1.03


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            {"flip_deg": [90, 120, 120], "delay_ms": (4, 8, 4), "gradients": ["crusher"] * 3},
            "an excitation and 3 refocusing pulses, got 3 pulses",
        ),
        ({"delay_ms": (4, 4, 4, 4)}, "must be 4, 8, 8, 4 ms, half the echo spacing on .*, got 4, 4, 4, 4 ms"),
        ({"gradients": ("crusher", "crusher", "none", "crusher")}, "the last 4 gradients"),
        ({"kinds": ("hard", "a", "a", "b")}, "the refocusing pulses of a train are of one kind, got a, a, b"),
    ],
)
def test_free_refocusing_pulses_are_of_one_kind_spacing_and_gradient(how, message):
    with pytest.raises(ValueError, match=message):
        free_train(**how)
