import math
from dataclasses import replace

import numpy as np
import pypulseq
import pytest

import export_cases
from pulseq_cases import SIZE, Builder, gradient_echo, hyperbolic_secant, spin_echo, train
from sequence_search import Problem, Sequence
from sequence_search.export import Protocol, pulseq
from sequence_search.layout import Layout
from sequence_search.objective import Term
from sequence_search.playback.comparison import compare
from sequence_search.playback.design import import_seq, problem_with
from sequence_search.playback.events import PulseqError
from sequence_search.pulses.kinds import Hard
from sequence_search.pulses.shapes import Samples, Sinc
from sequence_search.terms import TERMS
from test_playback_readouts import lines
from test_playback_simulation import selective


def imported(made, **more):
    return import_seq(getattr(made, "sequence", made), **{"size": SIZE} | more)


def same(found, flips, phases, delays, layout):
    expected = Sequence.from_degrees_ms(flips, phases, delays, layout=layout)
    assert found.layout == expected.layout
    for name in ("flip_angle", "phase", "delay"):
        assert getattr(found, name).tolist() == pytest.approx(getattr(expected, name).tolist(), abs=1e-5)


def test_a_spin_echo():
    found = imported(spin_echo(flips=(85, 170)))
    layout = Layout.plain(2, gradients=(1, 1), kinds=("excite", "refocus"))
    same(found.sequence, [85, 170], [0, 90], [10, 10], layout)
    assert {name: kind.duration for name, kind in found.kinds.items()} == {"excite": 2e-4, "refocus": 2e-4}


def test_a_repeated_train_ties_its_delays():
    found = imported(train(4, n=3))
    layout = Layout.train(4, crusher=1, kinds=("excite", *4 * ["refocus"]), steady=True)
    same(found.sequence, [90] + 4 * [130], [90] + 4 * [0], [5, 460], layout)


def test_a_gradient_echo_that_rf_spoils():
    layout = Layout.plain(1, kinds=("excite",), steady=True)
    same(imported(gradient_echo(n=20)).sequence, [30], [0], [3, 7], layout)
    assert imported(lines()).sequence.layout == layout


def test_a_slice_selective_spin_echo_scores_as_its_file():
    found = imported(selective())
    kind = found.kinds["excite"]
    sinc = Sinc(duration=2.56e-3, time_bandwidth=4, slice=True)
    assert kind.slice_bandwidth == pytest.approx(sinc.slice_bandwidth, rel=1e-3)
    assert kind.waveform == pytest.approx(sinc.waveform, abs=1e-4)
    problem = problem_with(Problem.load("gm-wm"), found)
    compared = compare(selective().sequence, found.sequence, problem, n_per_tissue=8, n_spins=2**12)
    assert compared.largest < 3e-3


def test_kinds_of_a_problem_keep_their_names():
    kinds = {"slice": Sinc(duration=2.56e-3, time_bandwidth=4, slice=True), "hard2": Hard(duration=2e-4)}
    found = imported(selective(), kinds=kinds)
    assert found.sequence.layout.kinds == ("slice", "slice")
    assert imported(spin_echo(), kinds=kinds).sequence.layout.kinds == ("hard2", "hard2")
    other = {"slice": Sinc(duration=2.56e-3, time_bandwidth=6, slice=True)}
    assert imported(selective(), kinds=other).sequence.layout.kinds == ("excite", "refocus")


def test_an_inversion_is_adiabatic_and_a_spoiler_stands_behind_it():
    made = Builder()
    rf = pypulseq.make_arbitrary_rf(
        np.repeat(hyperbolic_secant(), 10),
        math.pi,
        no_signal_scaling=True,
        system=made.system,
        delay=1e-4,
        use="inversion",
    )
    made.at(0, rf)
    made.crush(0.01, 6, axis="x")
    made.hard(0.0141, 90)
    made.read(0.0171)
    found = imported(made)
    assert found.sequence.layout.kinds == ("invert", "excite")
    assert found.sequence.layout.gradients == ("spoiler", 0)
    assert isinstance(found.kinds["invert"], Samples)
    assert found.kinds["invert"].peak_b1 == pytest.approx(800, rel=1e-3)
    assert found.sequence.delay.tolist() == pytest.approx([10e-3, 3e-3])


def test_a_problem_for_it_has_its_kinds_and_its_tr():
    found = imported(train(4, n=3))
    problem = problem_with(Problem.load("gm-wm"), found)
    assert problem.name == "gm-wm-pulseq"
    assert problem.acquisition.tr == pytest.approx(0.5)
    assert problem.search_space.pulses == ("excite", "refocus")
    assert problem.search_space.gradients == ("none", "crusher")
    problem.check_sequence(found.sequence)
    assert Problem.from_toml(problem.to_toml()).digest == problem.digest


def test_a_problem_that_repeats_takes_none_that_is_played_once():
    with pytest.raises(ValueError, match="repeats its sequences"):
        problem_with(Problem.load("spin-echo-2d"), imported(spin_echo()))


def test_phases_that_cycle_are_refused():
    made = Builder()
    for number in range(4):
        start = 1e-3 + 0.05 * number
        made.hard(start, 90)
        made.hard(start + 5e-3, 180, 180 * number, use="refocusing")
        made.read(start + 0.01)
    with pytest.raises(PulseqError, match=r"phase of pulse 2 relative to the first differs .* by 180°"):
        imported(made)


def test_flip_angles_that_vary_are_refused():
    made = Builder()
    for number in range(70):
        made.hard(1e-3 + 0.01 * number, 10 + number % 60 * (1 + number // 60))
        made.read(4e-3 + 0.01 * number)
    with pytest.raises(
        PulseqError, match="is no design: 70 pulses do not repeat, and a design has at most 64"
    ):
        imported(made)


EXPORTED = [
    (export_cases.spin_echo, Protocol(dummies=5)),
    (export_cases.fat_saturation, Protocol(dummies=2)),
    (export_cases.inversion_recovery, Protocol(readout="cartesian", matrix=(16, 8), dummies=1)),
    (
        export_cases.train,
        Protocol(readout="cartesian", matrix=(16, 8), dummies=1, turbo=True, bandwidth=500.0),
    ),
]


@pytest.mark.parametrize(("made", "how"), EXPORTED)
def test_an_exported_design_comes_back(made, how):
    """Though its crushers vary from repetition to repetition."""
    design = made()
    own = export_cases.problem(echoes=design.n_readouts)
    found = imported(pulseq(design, own, protocol=how), size=how.voxel, kinds=own.pulses)
    assert found.sequence.layout == design.layout
    assert found.notes == ()
    for name in ("flip_angle", "phase", "delay"):
        assert getattr(found.sequence, name).tolist() == pytest.approx(
            getattr(design, name).tolist(), abs=1e-5
        )


def test_terms_of_pulses_are_of_one_repetition():
    design, how = export_cases.spin_echo(), Protocol(dummies=5)
    own = export_cases.problem()
    names = ("rf_number", "b1_rms", "duration")
    terms = (*own.objective.terms, *(Term(name, TERMS[name], 1.0) for name in names))
    own = replace(own, objective=replace(own.objective, terms=terms))
    played = pulseq(design, own, protocol=how)
    found = compare(played, design, own, n_per_tissue=2, n_spins=2**10, size=how.voxel)
    assert found.played.repetitions.count == 6
    for name in names:
        assert found.played.score.terms[name] == pytest.approx(found.design.terms[name], rel=1e-4)
