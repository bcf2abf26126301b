"""The recipes of docs/how-it-works.md, followed to the letter."""

import re
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from conftest import random_brain_voxels
from sequence_search import objective
from sequence_search.engines import fused, simulator
from sequence_search.engines.pathways import Pathways
from sequence_search.engines.simulation import simulate
from sequence_search.objective import TERMS, KernelForm, Objective, Term, TermKind, term
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.strategies import STRATEGIES, search
from sequence_search.strategies.base import Progress
from sequence_search.strategies.drive import Strategy
from sequence_search.strategies.finish import Finisher
from sequence_search.study.study import Study

BATCH = Sequence.stack(
    [
        Sequence.from_degrees_ms([90, 175], [0, 90], [10, 12]),
        Sequence.from_degrees_ms([178, 85, 170], [0, 10, 100], [500, 10, 11]),
    ]
)


def as_array(sequence):
    return torch.stack([*sequence.columns().values()])


@pytest.fixture
def mean_signal(monkeypatch) -> TermKind:
    """A new standard term: one function and its decorator."""

    @term("mean_signal", n_tissues=(1, None), kernel=lambda _, voxels: KernelForm(linear=-1.0))
    def mean_signal(magnitude, sequence, voxels):
        return -(magnitude * voxels.weight).sum(-1) / voxels.weight.sum()

    monkeypatch.setitem(objective.TERMS, mean_signal.name, mean_signal)
    return mean_signal


def test_a_new_term_is_known_to_files_and_runs_in_the_kernel(mean_signal):
    lines = Problem.load("max-signal").to_toml().replace('term = "signal"', 'term = "mean_signal"')
    problem = Problem.from_toml(lines)
    assert problem.objective.terms[0].kind is mean_signal
    assert Problem.from_toml(problem.to_toml()) == problem
    voxels = problem.voxels(16)
    fast, plain = problem.simulator(voxels), problem.simulator(voxels, "pathways")
    assert fast.has_kernel_loss
    for one, other in zip(fast.loss_and_gradient(BATCH), plain.loss_and_gradient(BATCH), strict=True):
        pair = (one, other) if isinstance(one, torch.Tensor) else (as_array(one), as_array(other))
        torch.testing.assert_close(*pair, atol=1e-12, rtol=1e-10)
    run = search(problem, max_evaluations=2e3).best
    assert run.evaluation.terms["mean_signal"] < -0.5


def test_every_standard_term_of_a_known_form_agrees_with_its_kernel():
    voxels = random_brain_voxels(40)
    for name, kind in TERMS.items():
        if kind.kernel is not None:
            tissues = None if kind.of == "sequence" else (0, 2)
            for brighter in (None, 2) if name == "contrast" else (None,):
                whole = Objective((Term("one", kind, 1.3, tissues, brighter),))
                fast, plain = (
                    simulator.Simulator(voxels, whole, engine).loss_and_gradient(BATCH)
                    for engine in ("fused", "pathways")
                )
                torch.testing.assert_close(fast[0], plain[0], atol=1e-12, rtol=1e-10, msg=name)
                torch.testing.assert_close(as_array(fast[1]), as_array(plain[1]), atol=1e-10, rtol=1e-8)


def test_a_new_engine_is_a_class_of_five_steps(monkeypatch):
    class Weaker(Pathways):
        """The exact engine at nine tenths of the transmit field."""

        def pulse(self, state, flip_angle, phase):
            return super().pulse(state, 0.9 * flip_angle, phase)

    monkeypatch.setitem(simulator.ENGINES, "weaker", Weaker)
    voxels = random_brain_voxels(5)
    weak = replace(BATCH, flip_angle=0.9 * BATCH.flip_angle)
    torch.testing.assert_close(simulate(BATCH, voxels, "weaker"), simulate(weak, voxels, "pathways"))


@dataclass(frozen=True, slots=True)
class Coin:
    seed: int
    step: int = 0
    best: Sequence | None = None
    loss: float = 1e9


class FlipSearch:
    """Flip angles of one pulse, one random try a step."""

    def __init__(self, problem, engine, tries):
        self.simulator = problem.simulator(problem.voxels(4), engine)
        self.space, self.tries, self.finisher = problem.search_space, tries, Finisher(problem, engine)

    def init(self, seeds):
        return Coin(seeds[0])

    def is_over(self, state):
        return state.step == self.tries

    def step(self, state, meter):
        generator = torch.Generator().manual_seed(state.seed * 1000 + state.step)
        flip = torch.rand(1, generator=generator, dtype=torch.float64) * torch.pi
        tried = Sequence(flip, torch.zeros_like(flip), torch.full_like(flip, self.space.min_rf_delay))
        loss = float(self.simulator.loss(tried))
        meter.spend(1)
        best, loss = (tried, loss) if loss < state.loss else (state.best, state.loss)
        return Coin(state.seed, state.step + 1, best, loss)

    def progress(self, state):
        return Progress(state.seed, state.step, self.tries, state.loss, state.best)

    def finish(self, state, meter):
        return [self.finisher.finish(state.seed, [state.best], meter, history=())]


@dataclass(frozen=True, slots=True)
class Flips(Strategy):
    """Random flip angles."""

    tries: int = 20

    def prepare(self, problem, engine):
        return FlipSearch(problem, engine, self.tries)


def test_a_strategy_is_a_class_and_a_row(monkeypatch, tmp_path):
    monkeypatch.setitem(STRATEGIES, "flips", Flips)
    problem = Problem.load("max-signal")
    result = search(problem, "flips", seeds=(0, 1), tries=40)
    assert result.options == {"tries": 40}
    assert result.best.sequence.to_dict()["flip_deg"][0] > 60
    assert [run.n_evaluations for run in result.runs] == [40, 40]
    study = Study.create(tmp_path / "study", problem, "flips", seeds=range(2), tries=40)
    study.run()
    assert [run.loss for run in study.runs("max-signal")] == [run.loss for run in result.runs]


def test_the_main_path_is_the_one_that_the_page_shows(monkeypatch):
    calls: list[str] = []
    kernel_loss = fused.kernel_loss

    def spy(*arguments):
        if not calls:
            frames = traceback.extract_stack()
            calls.extend(frame.name for frame in frames if "/sequence_search/" in frame.filename)
        return kernel_loss(*arguments)

    monkeypatch.setattr(fused, "kernel_loss", spy)
    search(Problem.load("max-signal"), progress=False, max_evaluations=500.0)
    page = (Path(__file__).parents[1] / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `(?:\w+\.)?(\w+)` \| `\w+/", page, re.MULTILINE)
    assert calls == shown
    assert len(shown) == 7
