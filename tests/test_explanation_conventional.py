import math
from dataclasses import replace

import pytest
import torch

from limit_cases import limited
from sequence_search.engines.simulation import simulate
from sequence_search.engines.simulator import Simulator
from sequence_search.explanation.conventional import (
    contrast_te,
    conventional_name,
    conventional_sequence,
    null_ti,
)
from sequence_search.explanation.explanation import summarize
from sequence_search.objective import Objective
from sequence_search.paper.values import paper_rows
from sequence_search.problem.library import builtin_problems, problem_text
from sequence_search.problem.problem import Problem
from sequence_search.pulses.shapes import Gauss, Hard
from sequence_search.sequence import Sequence
from sequence_search.structure import uses
from sequence_search.tissue import Normal
from sequence_search.voxels import Voxels

SPIN_ECHO = problem_text("spin-echo-2d")
T2_WEIGHTED = SPIN_ECHO.replace('brighter = "WM"', 'brighter = "GM"')


def printed(name: str):
    return next((row for row in paper_rows(name) if row.kind == "conventional"), None)


def test_null_is_where_an_inverted_tissue_passes_zero(gm):
    ti = null_ti(gm)
    assert 1 - 2 * math.exp(-ti / gm.t1.mean) == pytest.approx(0, abs=1e-12)


def test_contrast_of_two_echoes_is_largest_at_its_te(gm, wm):
    te = contrast_te(gm, wm)

    def contrast(time: float) -> float:
        return gm.m0.mean * math.exp(-time / gm.t2.mean) - wm.m0.mean * math.exp(-time / wm.t2.mean)

    assert contrast(te) > max(contrast(te - 1e-4), contrast(te + 1e-4))
    assert te == pytest.approx(contrast_te(wm, gm))


def test_no_te_where_the_contrast_only_falls(gm, wm):
    assert contrast_te(gm, replace(wm, t2=gm.t2)) is None
    assert contrast_te(gm, replace(wm, m0=Normal(0.1))) is None


@pytest.mark.parametrize("name", [name for name in builtin_problems() if printed(name)])
def test_times_flips_and_energy_are_the_papers(name):
    problem, row = Problem.load(name), printed(name)
    sequence = conventional_sequence(problem)
    evaluation = problem.evaluate(sequence)
    assert 1e3 * evaluation.time_to_readout == pytest.approx(row.time_ms.mean, rel=1e-3)
    flips = torch.rad2deg(sequence.flip_angle).tolist()
    assert flips == pytest.approx([flip.mean for flip in row.flips_deg])
    assert 100 * evaluation.relative_rf_energy == pytest.approx(row.rf_energy_percent.mean)


@pytest.mark.parametrize("name", ["max-signal", "gm-wm-t2-w30", "gm-wm"])
def test_spin_echo_signals_are_the_papers(name):
    problem, row = Problem.load(name), printed(name)
    signal = problem.evaluate(conventional_sequence(problem)).signal
    assert signal == pytest.approx({tissue: stat.mean for tissue, stat in row.signal.items()}, abs=0.01)


def test_inversion_recovery_signals_are_the_papers_at_a_readout_after_seven_ms():
    """The paper does not state the readout: after 6.2 ms, GM and WM come out 0.03 and 0.04 higher."""
    problem, row = Problem.load("csf-null-w1"), printed("csf-null-w1")
    shortest = conventional_sequence(problem)
    signal = problem.evaluate(shortest).signal
    assert signal["CSF"] == pytest.approx(row.signal["CSF"].mean, abs=0.01)
    assert signal["GM"] - row.signal["GM"].mean == pytest.approx(0.031, abs=0.002)
    assert signal["WM"] - row.signal["WM"].mean == pytest.approx(0.036, abs=0.002)
    later = replace(shortest, delay=torch.tensor([shortest.delay[0], 7e-3], dtype=torch.float64))
    wanted = {tissue: stat.mean for tissue, stat in row.signal.items()}
    assert problem.evaluate(later).signal == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize("name", ["csf-null-w0.25", "csf-null-w1"])
def test_csf_is_null_at_the_readout(name):
    problem = Problem.load(name)
    signal = simulate(conventional_sequence(problem), problem.voxels(method="nominal")).abs()
    assert signal[2] == pytest.approx(0, abs=1e-9)


def test_te_is_not_shorter_than_two_delays_allow():
    problem = Problem.load("gm-wm")
    slow = replace(problem, search_space=replace(problem.search_space, min_rf_delay=0.05))
    assert conventional_sequence(slow).time_to_readout == pytest.approx(0.1)


def test_a_tissue_that_never_recovers_has_no_null():
    problem = Problem.load("csf-null-w1")
    fluid = replace(problem.tissues[2], t1=Normal(math.inf))
    assert conventional_sequence(replace(problem, tissues=(*problem.tissues[:2], fluid))) is None


def test_an_objective_without_signal_terms_has_none():
    problem = Problem.load("max-signal")
    costs = Objective(tuple(term for term in problem.objective.terms if term.name != "signal"))
    assert conventional_sequence(replace(problem, objective=costs)) is None
    assert isinstance(conventional_sequence(problem), Sequence)


def null_of_gm(*changes):
    text = (
        SPIN_ECHO.replace('term = "contrast"', 'term = "null"')
        .replace('brighter = "WM"', "")
        .replace('tissues = ["GM", "WM"]', 'tissues = ["GM"]')
    )
    for old, new in changes:
        text = text.replace(old, new)
    return Problem.from_toml(text)


@pytest.mark.parametrize("text", [problem_text("contrast"), SPIN_ECHO])
def test_where_no_echo_makes_the_tissue_brighter_that_is_to_be_the_other_is_nulled(text):
    """GM has more M0 and a longer T2 than WM, so that every spin echo shows it brighter."""
    problem = Problem.from_toml(text)
    found = conventional_sequence(problem)
    assert torch.rad2deg(found.flip_angle).tolist() == pytest.approx([180, 90, 180])
    assert float(found.delay[0]) < null_ti(problem.tissues[0]) + 1e-6
    gm, wm = problem.simulator(problem.voxels(method="nominal")).signal(found).abs().tolist()
    assert gm < 0.1 * wm


def test_a_brighter_tissue_that_a_spin_echo_shows_has_one_of_the_largest_such_contrast(gm, wm):
    text = problem_text("contrast")
    problem = Problem.from_toml(text.replace('brighter = "WM"', 'brighter = "GM"'))
    assert 1e3 * float(conventional_sequence(problem).delay.sum()) == pytest.approx(1e3 * contrast_te(gm, wm))
    # The contrast of the tissue with the shorter T2 and more M0 only falls with TE.
    dense = Problem.from_toml(text.replace("mean = 0.7,", "mean = 1.0,"))
    assert conventional_sequence(dense).delay.tolist() == pytest.approx([6.2e-3, 6.2e-3])


def test_a_short_tr_makes_the_tissue_of_the_shorter_t1_the_brighter():
    """M0 (1 - exp(-TR/T1)) exp(-TE/T2) of WM is above that of GM, so that for GM the other is nulled."""
    signals = {}
    for brighter in ("WM", "GM"):
        text = SPIN_ECHO.replace("tr_ms = 3000", "tr_ms = 500").replace(
            'brighter = "WM"', f'brighter = "{brighter}"'
        )
        problem = Problem.from_toml(text)
        found = conventional_sequence(problem)
        gm, wm = problem.simulator(problem.voxels(method="nominal")).signal(found).abs().tolist()
        signals[brighter] = len(found.flip_angle), gm, wm
    n_rf, gm, wm = signals["WM"]
    assert n_rf == 2
    assert wm > 1.2 * gm  # by the shortest echo, not by that of the largest difference in T2
    n_rf, gm, wm = signals["GM"]
    assert n_rf == 3
    assert gm > wm


def test_with_layouts_a_contrast_is_a_crushed_spin_echo_of_the_problems_pulses():
    problem = Problem.from_toml(T2_WEIGHTED)
    found = conventional_sequence(problem)
    gm, wm = problem.tissues
    assert found.layout.kinds == ("excite", "refocus")
    assert found.layout.gradients == (1, 1)
    assert 1e3 * found.intervals.sum() == pytest.approx(3000)
    assert float(found.readout_times) == pytest.approx(contrast_te(gm, wm))


def test_a_pulse_for_preparation_refocuses_nothing():
    """Where no kind is for refocusing the one for excitation does, as in a search."""
    kinds = {
        "saturate": Gauss(duration=8e-3, time_bandwidth=3, offset=-440.0, use="preparation"),
        "excite": Hard(duration=1e-3, use="excitation"),
    }
    problem = Problem.from_toml(T2_WEIGHTED)
    space = replace(problem.search_space, pulses=tuple(kinds))
    problem = replace(problem, pulses=kinds, search_space=space)
    assert conventional_sequence(problem).layout.kinds == ("excite", "excite")


def test_it_has_the_kinds_of_a_design():
    problem = Problem.from_toml(T2_WEIGHTED)
    echo = Sequence.from_degrees_ms([90, 180], [0, 180], [20, 20])
    design = problem.played(echo, kinds=("refocus", "excite"))
    assert conventional_sequence(problem, design).layout.kinds == ("refocus", "excite")


def test_it_refocuses_with_the_kind_that_refocuses_the_echo_of_a_design():
    """Of three pulses the second refocuses, and is of the kind for excitation."""
    problem = Problem.from_toml(T2_WEIGHTED)
    pulses = Sequence.from_degrees_ms([90, 180, 180], [0, 90, 90], [10, 20, 10])
    design = problem.played(pulses, kinds=("excite", "excite", "refocus"))
    assert uses(design) == ("excitation", "refocusing", "refocusing")
    assert conventional_sequence(problem, design).layout.kinds == ("excite", "refocus")


def test_with_layouts_a_null_is_an_inversion_a_spoiler_and_a_spin_echo_at_the_null_of_that_tr():
    problem = null_of_gm()
    found = conventional_sequence(problem)
    assert found.layout.kinds == ("invert", "excite", "refocus")
    assert found.layout.gradients == ("spoiler", 1, 1)
    # Mz before the excitation: 1 - 2 E(TI) + 2 E(TR - TE/2) - E(TR) = 0, of pulses that turn fully.
    t1, tr, half = 1.331, 3.0, float(found.delay[1])
    ti = -t1 * math.log((1 + 2 * math.exp(-(tr - half) / t1) - math.exp(-tr / t1)) / 2)
    assert float(found.delay[0]) == pytest.approx(ti, rel=0.03)
    nominal = problem.simulator(problem.voxels(method="nominal"))
    gm, wm = nominal.signal(found).abs().tolist()
    assert gm < 0.02 * wm


def test_it_is_as_long_as_fits_into_the_repetition_and_where_nothing_fits_none():
    assert conventional_sequence(null_of_gm(("tr_ms = 3000", "tr_ms = 20"))) is None
    contrast = Problem.from_toml(T2_WEIGHTED.replace("tr_ms = 3000", "tr_ms = 30"))
    te = contrast_te(*contrast.tissues)
    assert 0.02 < float(conventional_sequence(contrast).readout_times) < 0.03 < te
    short = Problem.from_toml(T2_WEIGHTED.replace("tr_ms = 3000", "tr_ms = 12"))
    assert conventional_sequence(short) is None


def test_a_train_has_its_echoes_with_the_longest_tr_or_the_designs_numbers():
    text = SPIN_ECHO.replace("# echoes = 4 ", "echoes = 4 ").replace(
        "tr_ms = 3000", "tr_ms = {low=1000, high=2000}"
    )
    problem = Problem.from_toml(text)
    found = conventional_sequence(problem)
    assert found.n_readouts == 4
    assert float(found.tr) == pytest.approx(2)
    pulses = Sequence.from_degrees_ms([90, 150], [0, 90], [8, 8])
    design = problem.played(pulses, kinds=("excite", "refocus"), tr=1.5)
    found = conventional_sequence(problem, design)
    assert float(found.tr) == pytest.approx(1.5)
    assert found.readout_times.diff().tolist() == pytest.approx([0.016] * 3)


def test_an_inversion_nulls_in_the_steady_state_too():
    """1 - 2 exp(-TI/T1) + exp(-TR/T1) = 0, where each 90° leaves nothing along z."""
    tissue = Problem.from_toml(SPIN_ECHO).tissues[1]
    ti, t1 = null_ti(tissue, 1.5), tissue.t1.centre
    assert 1 - 2 * math.exp(-ti / t1) + math.exp(-1.5 / t1) == pytest.approx(0, abs=1e-12)
    problem = limited("[sequence]\ntr_ms = 1500")
    recovery = problem.played(Sequence.from_degrees_ms([180, 90], [0, 0], [1e3 * ti, 5]))
    assert abs(complex(Simulator(Voxels(t1=t1, t2=0.005)).signal(recovery))) < 1e-3


def test_the_problems_own_goes_before_all():
    given = "[conventional]\nflip_deg = [30]\nphase_deg = [0]\ndelay_ms = [5]\nname = 'FLASH'\n"
    problem = limited("[sequence]\ntr_ms = { low = 10, high = 50 }\n" + given + "tr_ms = 20")
    found = conventional_sequence(problem)
    assert str(found).endswith("TR 20 ms")
    assert torch.rad2deg(found.flip_angle).tolist() == pytest.approx([30])
    assert conventional_name(problem) == "conventional sequence (FLASH)"
    assert conventional_name(limited()) == "conventional sequence"
    rows = [each.name for each in summarize(problem, found).compared]
    assert rows[1] == "conventional sequence (FLASH)"
