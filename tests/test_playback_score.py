import math

import pytest
import torch

from pulseq_cases import SIZE, gradient_echo, train
from sequence_search import Problem
from sequence_search.playback.score import play, score_signal

PROBLEM = Problem.load("gm-wm")


def test_means_are_over_voxels_of_each_tissue_and_over_readouts():
    voxels = PROBLEM.voxels(2)
    signal = torch.tensor([[0.1, 0.3, 0.5, 0.5, 0, 0], [0.3, 0.5, 0.5j, 0.5, 1, 1]], dtype=torch.complex128)
    played = play(train(2).sequence, PROBLEM, n_per_tissue=2, n_spins=2**6, size=SIZE)
    score = score_signal(signal, PROBLEM, voxels, played.bare.sequence, {})
    assert score.readouts[0] == pytest.approx({"GM": 0.2, "WM": 0.5, "CSF": 0})
    assert score.signal == pytest.approx({"GM": 0.3, "WM": 0.5, "CSF": 0.5})
    assert score.loss == pytest.approx(sum(score.terms.values()))
    assert score.terms["rf_number"] == pytest.approx(3e-3)


def test_the_loss_of_a_file_is_that_of_its_signal():
    played = play(gradient_echo(n=3).sequence, PROBLEM, n_per_tissue=2, n_spins=2**6, size=SIZE)
    energy = math.radians(30) ** 2 / ((math.pi / 2) ** 2 + math.pi**2)
    assert played.score.terms["rf_energy"] == pytest.approx(
        1e-4 * energy * ((math.pi / 2) ** 2 + math.pi**2), rel=1e-6
    )
    assert played.played == (0, 3)
