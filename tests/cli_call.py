"""Commands called in this process, searches that take a moment, and a finished study to look at."""

import pytest
from typer.testing import CliRunner

from sequence_search.cli import app, repeat_flags
from sequence_search.problem.library import problem_text
from sequence_search.problem.problem import Problem
from sequence_search.study.study import Study

QUICK = {"n_starts": 8, "n_children": 8, "max_rounds": 6, "n_polished": 1, "n_per_tissue": 4, "steps": 6}
QUICK_OPTIONS = [part for name, value in QUICK.items() for part in ("--option", f"{name}={value}")]
ECHO = ["--flip-deg", "88", "177", "--phase-deg", "0", "180", "--delay-ms", "6.2", "6.2"]

# All that a user may write and that a terminal, or its library, could take for something else.
STRANGE = r"""
name = "strange"
title = "[bold] T2' without end [/b] :brain:"

[tissues."WM [left]"]
m0 = 0.7
t1_ms = 800
t2_ms = 80
t2_prime_ms = inf

[tissues.'_脑 [/b] :brain: $\frac$']
m0 = 0.8
t1_ms = 1300
t2_ms = 110
t2_prime_ms = 170

[imaging]
b1 = 1
b0_hz = 0
spread_hz = 20

[[objective]]
term = "signal"
tissues = ["WM [left]"]
weight = 1.0

[[objective]]
term = "rf_energy"
weight = 0.01

[search_space]
max_rf = 1

[[category]]
name = "one pulse [/crushed]"
flips_deg = [90]
"""


def call(*arguments):
    return CliRunner().invoke(app, repeat_flags([str(argument) for argument in arguments]))


def quick_run(*arguments):
    return call("run", "--seeds", 1, *QUICK_OPTIONS, *arguments)  # the last of two counts


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Two problems and two seeds, done; not to be changed."""
    folder = tmp_path_factory.mktemp("study") / "study"
    problems = [Problem.load("max-signal"), Problem.from_toml(STRANGE)]
    Study.create(folder, problems, seeds=range(2), **QUICK).run()
    return folder


@pytest.fixture
def small_grid(tmp_path):
    """A problem file with 405 points."""
    file = tmp_path / "mine.toml"
    text = problem_text("max-signal").replace("step = 1 }", "step = 5 }").replace("step = 0.1", "step = 0.5")
    file.write_text(text.replace("start = 0, stop = 180, step = 5", "start = 0, stop = 180, step = 45"))
    return file


@pytest.fixture
def few_voxels(monkeypatch):
    """Grid searches of studies take two voxels of each tissue."""
    from sequence_search.study import grid_optimum as grids

    search = grids.grid_search
    monkeypatch.setattr(grids, "grid_search", lambda problem, **how: search(problem, n_per_tissue=2, **how))


@pytest.fixture
def asked_to_stop(monkeypatch):
    """A function: the first progress of the next search brings this signal."""
    import os

    from sequence_search.cli import progress

    def ask(number):
        monkeypatch.setattr(progress._Lines, "show", lambda *_: os.kill(os.getpid(), number))

    return ask


@pytest.fixture(params=[80, 120])
def width(request, monkeypatch):
    """Of the terminal."""
    monkeypatch.setenv("COLUMNS", str(request.param))
    return request.param


def one_line(text):
    """Without line breaks and indents."""
    return " ".join(text.split())


def assert_fits(text, width):
    """No line is longer and nothing is cut."""
    from rich.cells import cell_len

    assert "…" not in text
    assert all(cell_len(line.rstrip()) <= width for line in text.splitlines()), text
