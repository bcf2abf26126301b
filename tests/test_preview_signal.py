import numpy as np
import pytest
import torch

from sequence_search import Problem, Sequence, Voxels
from sequence_search.preview import signal as module
from sequence_search.problem.library import problem_text
from sequence_search.pulses.slices import IN_REPORT

PULSES = Sequence.from_degrees_ms([180, 90, 150], [0, 0, 90], [450, 8, 8])
KINDS = ("invert", "excite", "refocus")
N = 3_000


@pytest.fixture(scope="module")
def train():
    problem = Problem.from_toml(problem_text("spin-echo-2d").replace("# echoes = 4 ", "echoes = 3 "))
    return problem, problem.played(PULSES, kinds=KINDS, gradients=("spoiler", "crusher", "crusher"))


def random_voxels(t1=0.8):
    rng = np.random.default_rng(0)
    fields = {"b1": rng.uniform(0.8, 1.2, N), "b0": rng.uniform(-50, 50, N), "m0": rng.uniform(0, 1, N)}
    return Voxels(t1=t1, t2=0.08, t2_prime=0.16, spread=30.0, **fields)


def test_many_voxels_of_one_tissue_have_the_signals_of_each_by_itself(train):
    problem, played = train
    voxels = random_voxels()
    found = module.signal_of(played, problem, voxels)
    exact = problem.simulator(voxels[::100], "configurations", IN_REPORT).signal(played)
    assert found.shape == (3, N)
    assert np.abs(found[:, ::100] - exact.numpy()).max() < 1e-6


def test_a_table_serves_only_where_it_is_right_and_voxels_are_alike(train, monkeypatch):
    problem, played = train
    monkeypatch.setattr(module, "NODES", 9)  # so that fewer voxels are many
    monkeypatch.setattr(module, "CHECKED", 16)
    calls = []
    table = module._tabulated
    monkeypatch.setattr(module, "_tabulated", lambda *given: calls.append(given) or table(*given))
    module.signal_of(
        played, problem, random_voxels(t1=torch.linspace(0.5, 1.5, N, dtype=torch.float64))[::10]
    )
    assert not calls
    problem = Problem.from_toml(problem_text("spin-echo-2d"))
    # A free decay of 0.9 s turns 90 times over the range of b0: more than 33 values can follow.
    decay = problem.played(Sequence.from_degrees_ms([90], [0], [900]), kinds=["excite"])
    voxels = Voxels(**{name: getattr(random_voxels(), name) for name in ("b0", "b1")}, t1=0.8, t2=1.0)[::10]
    found = module.signal_of(decay, problem, voxels)
    assert len(calls) == 1
    exact = problem.simulator(voxels[::10], "configurations", IN_REPORT).signal(decay)
    assert np.abs(found[:, ::10] - exact.numpy()).max() < 1e-12
