import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from explanation_cases import make_problem, play
from sequence_search.engines.isochromats import Isochromats
from sequence_search.explanation.pathways import pathway_words, tissue_signals
from sequence_search.tissue import Imaging, Normal

T1, T2 = 1.3, 0.1
PROBLEM = make_problem({"GM": (T1, T2)})


def where(sequence, problem=PROBLEM):
    (found,) = tissue_signals(problem, sequence)
    return found


def shares(found):
    return found.signal, found.dephased, found.longitudinal, found.stored, found.relaxed


def test_a_spin_echo_is_carried_by_the_refocused_pathway():
    found = where(play([80, 170], [0, 90], [10, 10]))
    expected = math.sin(math.radians(80)) * math.sin(math.radians(85)) ** 2 * math.exp(-0.02 / T2)
    assert found.carriers[0].words == "excited by 1, refocused by 2"
    assert found.carriers[0].part == pytest.approx(expected)
    assert found.carriers[0].off_echo == 0


def test_at_a_null_what_recovered_cancels_what_was_inverted():
    found = where(play([180, 90], [0, 0], [1e3 * T1 * math.log(2), 0.001]))
    parts = {carrier.words: carrier.part for carrier in found.carriers}
    assert parts == {
        "inverted by 1, excited by 2": pytest.approx(0.5, abs=1e-4),
        "recovered after pulse 1, excited by 2": pytest.approx(-0.5, abs=1e-4),
    }
    assert found.signal == pytest.approx(0, abs=1e-6)
    assert found.relaxed == pytest.approx(1, abs=1e-3)


def test_ways_of_one_history_are_one():
    found = where(play([90, 180, 90, 90], [0, 0, 180, 0], [20, 20, 10, 5]))
    words = [carrier.words for carrier in found.carriers]
    assert "excited by 1, refocused by 2, stored by 3, excited by 4" in words
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(
    ("flips", "phases", "delays"),
    [([90, 90], [0, 0], [30, 20]), ([90, 60, 120], [0, 40, 10], [12, 90, 12]), ([70], [0], [5])],
)
def test_where_the_magnetisation_is_agrees_with_spins(flips, phases, delays):
    sequence = play(flips, phases, delays)
    voxels = PROBLEM.voxels(method="nominal")
    rank = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    # Evenly spaced offsets of both distributions, paired at random.
    order = torch.randperm(4000, generator=torch.Generator().manual_seed(0))
    lorentzian = torch.tan(math.pi * (rank[order] - 0.5)) / (2 * math.pi * 0.1)
    machine = Isochromats(voxels, (30.0 * (2 * rank - 1) + lorentzian)[None])
    state = machine.start(sequence.delay[None])
    for flip, phase, delay in zip(sequence.flip_angle, sequence.phase, sequence.delay, strict=True):
        state = machine.wait(machine.pulse(state, flip[None], phase[None]), delay[None])
    mxy, mz = state.mxy[0, 0].numpy(), state.mz[0, 0].numpy()
    signal, along = abs(mxy.mean()) ** 2, mz.mean() ** 2
    squares = np.mean(abs(mxy) ** 2), np.mean(mz**2)
    expected = (signal, squares[0] - signal, along, squares[1] - along, 1 - sum(squares))
    assert shares(where(sequence)) == pytest.approx(expected, abs=0.02)
    assert sum(shares(where(sequence))) == pytest.approx(1)


def test_a_tissue_of_another_frequency_is_carried_by_what_turned_there():
    # 45°, half a turn of fat, 45°: water at 90°, fat along z again.
    water, fat = PROBLEM.tissues[0], replace(PROBLEM.tissues[0], name="fat", b0=Normal(-220.0))
    problem = replace(PROBLEM, tissues=(water, fat), imaging=Imaging(1.0, 0.0, 0.0))
    sequence = play([45, 45, 60], [0, 0, 70], [1e3 / 440, 1.3, 3.1])
    signals = problem.simulator(problem.voxels(method="nominal")).signal(sequence).abs().tolist()
    found = tissue_signals(problem, sequence)
    assert [each.signal for each in found] == pytest.approx([signal**2 for signal in signals], abs=1e-9)
    assert abs(signals[0] - signals[1]) > 0.05
    excited = play([45, 45], [0, 0], [1e3 / 440, 0.0])
    on, off = tissue_signals(problem, excited)
    assert on.signal > 0.9
    assert (off.signal, off.longitudinal) == (pytest.approx(0, abs=1e-3), pytest.approx(1, abs=0.05))


def test_of_no_pulse_that_excites_nothing_is_carried():
    found = where(play([0], [0], [10]))
    assert found.carriers == ()
    assert shares(found) == pytest.approx((0, 0, 1, 0, 0))


def test_words_of_a_pathway():
    words = pathway_words(np.array([0, -1, 1, 0, 1]), 1, [3.0, 1.5, 3.1, 1.5, 1.5])
    assert words == "recovered after pulse 1, excited by 2, refocused by 3, stored by 4, excited by 5"
    assert (
        pathway_words(np.array([0, 0, 1, 1]), 0, [3.0, 3.0, 1.5, 0.3]) == "inverted by 1 and 2, excited by 3"
    )
