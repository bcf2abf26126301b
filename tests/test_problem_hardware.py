"""What a scanner asks of sequences is what an export asks, since both count by the same functions."""

import math
from dataclasses import replace

import pytest
import torch

pytest.importorskip("pypulseq")

from export_cases import inversion_recovery, problem, spin_echo, train
from sequence_search import Problem, Sequence, search
from sequence_search.checks import Fault
from sequence_search.export import pulseq
from sequence_search.limits import FixedPulses, Limits
from sequence_search.problem.errors import ProblemError
from sequence_search.problem.library import problem_text
from sequence_search.problem.room import AT_END, READOUT, least_half
from sequence_search.strategies.playing import playing_of
from sequence_search.system import System, load_system

# Raised below the least time: it is refused, or told that crushers cannot vary, as warnings are errors here.
TOO_SHORT = ValueError, UserWarning
SLOW = System(max_gradient_mt_m=30.0, max_slew_t_m_s=20.0, peak_b1_ut=24.0, name="slow")
WEAK = (
    '{ max_gradient_mt_m = 20, max_slew_t_m_s = 20, peak_b1_ut = 12, rf_dead_time_us = 300, name = "weak" }'
)


def on(system, thickness=None, **how):
    """The problem of `export_cases` on a scanner, whose crushers take no time but there."""
    made = problem(**how)
    space = replace(made.search_space, crusher=0.0, min_rf_delay=1e-4)
    pulses = {
        name: replace(kind, rephaser=0.0) if kind.slice_bandwidth else kind
        for name, kind in made.pulses.items()
    }
    limits = Limits(system=system, slice_thickness=thickness)
    return replace(made, search_space=space, limits=limits, pulses=pulses)


@pytest.mark.parametrize("spoiling", ["ideal", "unvaried"])
def test_the_least_time_is_the_one_that_an_export_names(spoiling):
    """Between the pulses, from there to the readout, and on to the next repetition."""
    own, told = on(SLOW, spoiling=spoiling), UserWarning if spoiling == "ideal" else ValueError
    least = own.hardware.least("excite", "refocus", 1), own.hardware.least("refocus", READOUT, 1)
    rest = own.hardware.least(READOUT, "excite", 0, AT_END)

    def export(first, second):
        delay = torch.tensor([first, second, 3.0 - first - second], dtype=torch.float64)
        return pulseq(replace(spin_echo(), delay=delay), own)

    assert export(*least).check_timing() == (True, [])
    with pytest.raises(told, match=rf"pulse 1 .* at least {1e3 * least[0]:.6g} ms"):
        export(least[0] - SLOW.tick, least[1])
    with pytest.raises(told, match=rf"pulse 2 .* at least {1e3 * least[1]:.6g} ms"):
        export(least[0], least[1] - SLOW.tick)
    assert export(3.0 - 0.2 - rest, 0.2).check_timing() == (True, [])
    with pytest.raises(ValueError, match=rf"to the next repetition must be at least {1e3 * rest:.6g} ms"):
        export(3.0 - 0.2 - rest + SLOW.tick, 0.2)


def test_half_an_echo_spacing_has_room_on_both_sides_of_the_readout():
    own = on(SLOW, echoes=4)
    half = least_half(own.hardware.least, "excite", "refocus", 1)

    def export(time):
        delay = torch.tensor([time, 3.0 - 8 * time], dtype=torch.float64)
        return pulseq(replace(train(), delay=delay), own)

    assert export(half).check_timing() == (True, [])
    with pytest.warns(UserWarning, match="must be at least"):
        export(half - SLOW.tick)


def test_the_least_time_has_room_for_crushers_that_vary_where_they_do():
    """Three cycles over 5 mm along x and y take longer than what a slice gradient leaves of four along z."""
    varied, alike = (on(SLOW, spoiling=spoiling).hardware for spoiling in ("ideal", "unvaried"))
    start, end = (varied._span(name) for name in ("excite", "refocus"))
    ramp = math.ceil(math.sqrt(3 / 5e-3 / SLOW.max_slew) / SLOW.tick) * SLOW.tick  # of a triangle
    assert varied.least("excite", "refocus", 1) == pytest.approx(start.after + 2 * ramp + end.before)
    assert alike.least("excite", "refocus", 1) < varied.least("excite", "refocus", 1)
    # Nothing varies but crushers and the spoiler at the end, which takes longer along x.
    for between in ((0, None), (0, 1), (0, AT_END)):
        assert alike.least("excite", "refocus", *between) == varied.least("excite", "refocus", *between)


def test_each_spoiler_takes_longer_than_the_last_on_its_axis_and_a_thin_slice_longer_than_a_thick():
    own = on(SLOW).hardware
    times = [own.least("invert", "excite", 0, number) for number in range(4)]
    assert times[0] == times[1] < times[2] == times[3]
    thin = on(SLOW, thickness=2e-3).hardware
    assert thin.least("excite", "refocus", 1) > own.least("excite", "refocus", 1)


@pytest.mark.parametrize("design", [spin_echo, inversion_recovery, train])
def test_the_delays_of_a_search_are_those_of_the_scanner(design):
    """Drafts at their shortest can be exported, and one raster less cannot."""
    own = on(SLOW, echoes=4 if design is train else 1)
    playing, layout = playing_of(own), design().layout
    count = 2 if design is train else layout.n_rf
    pulses = Sequence.from_degrees_ms([90] * count, [0] * count, [0.1] * count)
    draft = playing.bounded(pulses)
    codes = {"spoiler": 2.0}
    draft = replace(
        draft,
        kind=draft.delay.new_tensor([playing.kinds.index(name) for name in layout.kinds[:count]]),
        gradient=draft.delay.new_tensor([codes.get(each, 1.0) for each in layout.gradients[:count]]),
    )
    shortest = playing.bounded(draft).shortest[: count - (design is train)]
    rest = 3.0 - float(shortest @ shortest.new_tensor([8.0] if design is train else [1.0] * count))
    made = replace(design(), delay=torch.cat([shortest, shortest.new_tensor([rest])]))
    assert pulseq(made, own).check_timing() == (True, [])
    value, _ = own.measures(own.voxels(method="nominal"))[1].value_and_gradient(made)
    assert float(value) == pytest.approx(1)
    for place in range(len(shortest)):
        less = made.delay.clone()
        less[place] -= SLOW.tick
        with pytest.raises(TOO_SHORT, match="must be at least"):
            pulseq(replace(made, delay=less), own)


def test_the_largest_flip_angle_is_that_of_the_peak_b1():
    own = on(replace(SLOW, peak_b1_ut=19.0))
    assert own.hardware.most("refocus") == pytest.approx(math.pi)  # that of the search space
    own = replace(own, search_space=replace(own.search_space, max_flip=math.inf))
    most = own.hardware.most("excite")
    assert most < 2 * math.pi
    assert own.pulses["excite"].peak_b1_ut(most) == pytest.approx(19)
    assert own.hardware.most("invert") == math.inf
    assert own.hardware.kinds["hard"].peak_b1_ut(2 * math.pi) <= 19
    carbon = replace(own.hardware, system=replace(own.hardware.system, gamma_mhz_t=10.708))
    assert carbon.most("excite") == pytest.approx(most * 10.708 / 42.577478518)


def text(limits, more=()):
    """Short pulses, little room, a short time wanted: on a slow scanner nothing of it can be played."""
    found = problem_text("spin-echo-2d")
    found = found.replace(
        found[found.index("[[objective]]") : found.index("[sequence]")],
        '[[objective]]\nterm = "signal"\nweight = 1.0\ntissues = ["GM"]\n\n'
        '[[objective]]\nterm = "time_to_readout"\nweight = 10.0\n\n',
    )
    for old, new in {
        "max_rf = 4": "max_rf = 2",
        "min_rf_delay_ms = 5 ": "min_rf_delay_ms = 1 ",
        "crusher_ms = 1.5": "crusher_ms = 0.2",
        "rephaser_ms = 1.0": "rephaser_ms = 0.1",
        'purpose = "refocusing"': 'purpose = "refocusing"\nrephaser_ms = 0.1',
        "duration_ms = 2.56": "duration_ms = 1.28",
        '"refocus", "invert"]': '"refocus"]',
        'gradients = ["none", "crusher", "spoiler"]': 'gradients = ["crusher"]',
        **dict(more),
    }.items():
        assert old in found
        found = found.replace(old, new)
    return found + limits


@pytest.mark.slow
def test_what_a_search_finds_on_a_scanner_can_be_played_there():
    limited = Problem.from_toml(text(f"[limits]\nsystem = {WEAK}\n"))
    weak = limited.limits.system
    free = search(Problem.from_toml(text("")), max_evaluations=500.0).best
    with pytest.raises(ValueError, match=r"needs .* uT of 12"):
        pulseq(free.sequence, limited)
    slack = replace(weak, peak_b1_ut=100.0)
    with pytest.raises(ValueError, match=r"the time from pulse 1 .* must be at least"):
        pulseq(free.sequence, limited, system=slack)
    best = search(limited, max_evaluations=500.0).best
    assert pulseq(best.sequence, limited).check_timing() == (True, [])
    found = {wish.name: wish for wish in best.evaluation.wishes}
    assert found["system.peak_b1_ut"].met
    assert (
        0 < found["system.delays"].value - 1 < 0.01 or found["system.delays"].verdict == "met, at the bound"
    )


def test_so_can_that_of_instantaneous_pulses():
    plain = problem_text("max-signal").replace("min_rf_delay_ms = 6.2", "min_rf_delay_ms = 0.2")
    plain = plain[: plain.index("[grid]")]
    free = Problem.from_toml(plain)
    best = search(free, max_evaluations=500.0).best.sequence
    with pytest.raises(ValueError, match="must be at least"):
        pulseq(best, free)
    limited = Problem.from_toml(plain + '[limits]\nsystem = "siemens-prisma"\n')
    best = search(limited, max_evaluations=500.0).best
    assert best.sequence.layout is None
    assert pulseq(best.sequence, limited).check_timing() == (True, [])
    assert [wish.met for wish in best.evaluation.wishes] == [True, True]
    short = limited.evaluate(Sequence.from_degrees_ms([90, 180], [0, 90], [0.3, 9]))
    assert [wish.met for wish in short.wishes] == [True, False]


def test_pulses_beyond_the_scanner_are_refused_when_a_file_is_read():
    weak = load_system("philips-ingenia")
    with pytest.raises(
        Fault, match=r"'philips-ingenia': pulse 'invert' needs 18.79 uT of 13.5: .* at most 574"
    ):
        on(weak)
    with pytest.raises(Fault, match="the slice must be at least"):
        on(SLOW, thickness=0.5e-3)
    head = FixedPulses((math.pi,), (0.0,), (1.0,), pulses=("excite",))
    space = replace(on(SLOW).search_space, pulses=("excite", "refocus"))
    with pytest.raises(Fault, match="pulse 'excite' needs"):
        replace(on(SLOW), limits=Limits(system=replace(SLOW, peak_b1_ut=10.0), head=head), search_space=space)
    short = replace(head, delay=(4.5e-3,), gradients=("spoiler",))
    with pytest.raises(Fault, match="head: the delay after pulse 1 must be at least"):
        replace(on(SLOW), limits=Limits(system=SLOW, head=short))
    with pytest.raises(Fault, match="tr must be at least"):
        on(SLOW, tr=5e-3)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ('system = "siemens-lisa"', "limits.system: must be one of siemens-prisma, .* got 'siemens-lisa'"),
        ('system = "missing.toml"', "or a TOML file beside the problem, got 'missing.toml'"),
        ("system = 3", "limits.system: must be one of siemens-prisma"),
        ("system = { max_gradient_mt_m = 3 }", "limits.system: max_slew_t_m_s, peak_b1_ut missing"),
        ("slice_mm = 4", "limits: slice_mm is of a system, which is not stated"),
        ('system = "siemens-prisma"\nslice_mm = 0', "slice_mm must be above 0, got 0 mm"),
    ],
)
def test_a_system_that_is_none_is_refused_with_its_key(limits, told):
    with pytest.raises(ProblemError, match=told):
        Problem.from_toml(problem_text("spin-echo-2d") + f"[limits]\n{limits}\n", "mine.toml")


def test_a_file_beside_the_problem_becomes_part_of_it(tmp_path):
    (tmp_path / "ours.toml").write_text("max_gradient_mt_m = 40\nmax_slew_t_m_s = 100\npeak_b1_ut = 24\n")
    mine = problem_text("spin-echo-2d") + '[limits]\nsystem = "ours.toml"\nslice_mm = 4\n'
    (tmp_path / "mine.toml").write_text(mine)
    found = Problem.load(tmp_path / "mine.toml")
    assert (found.limits.system.name, found.limits.system.peak_b1_ut) == ("ours", 24)
    again = Problem.from_toml(found.to_toml())
    assert again.limits == found.limits
    assert again.digest == found.digest
    named = Problem.from_toml(problem_text("spin-echo-2d") + '[limits]\nsystem = "siemens-prisma"\n')
    assert named.to_dict()["limits"] == {"system": "siemens-prisma"}
    assert named.digest != Problem.load("spin-echo-2d").digest


def test_a_model_of_nerve_stimulation_stands_beside_the_problem(tmp_path):
    system = 'max_gradient_mt_m = 45, max_slew_t_m_s = 150, peak_b1_ut = 20, pns_model = "gpa.asc"'
    file = tmp_path / "mine.toml"
    file.write_text(problem_text("spin-echo-2d") + f"[limits]\nsystem = {{ {system} }}\n")
    read = Problem.load(file)
    assert read.limits.system.pns_model == str(tmp_path.resolve() / "gpa.asc")
    elsewhere = tmp_path / "copy" / "mine.toml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(read.to_toml())
    assert Problem.load(elsewhere).limits.system == read.limits.system
