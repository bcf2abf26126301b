"""The page of a study, with the command that makes it again."""

from __future__ import annotations

import json
import math
import shlex
from typing import Any

from sequence_search.analysis.front import Front
from sequence_search.page.report import report
from sequence_search.problem.library import builtin_problems, clinic_problems
from sequence_search.strategies import make_strategy
from sequence_search.study.grid_optimum import stored_optimum
from sequence_search.study.plan import read_files
from sequence_search.study.study import Study


def study_page(study: Study, name: str, *, front: Front | None = None, brain: bool = False) -> str:
    """Report of one of a study's problems; errors as of `report` and `Study.result`."""
    facts, _ = read_files(study.folder)
    return report(
        study.result(name),
        source=problem_source(name),
        command=_command(study, name),
        made_with={key: facts[key] for key in ("versions", "device")},
        grid=stored_optimum(study.folder, study.problems[name]),
        front=front,
        brain=brain,
    )


def problem_source(name: str) -> str:
    """What names a study's problem on the command line: of one's own, the file that its page holds."""
    return name if name in builtin_problems() + clinic_problems() else f"{name}.toml"


def _command(study: Study, name: str) -> str:
    """The search of a study again, in another folder; options that are not the strategy's own."""
    plan, seeds = study.plan, study.plan.all_seeds
    given: list[Any] = ["sequence-search", "run", problem_source(name)]
    given += ["--strategy", plan.strategy, "--seeds", len(seeds), "--seed", min(seeds)]
    own = make_strategy(plan.strategy, {})
    for option, value in plan.options.items():
        if value != getattr(own, option):
            given += ["--option", f"{option}={json.dumps(value)}"]
    for option, value in (("max-seconds", plan.max_seconds), ("max-evaluations", plan.max_evaluations)):
        if math.isfinite(value):
            given += [f"--{option}", value]
    if plan.engine != "auto":
        given += ["--engine", plan.engine]
    return shlex.join(map(str, [*given, "--out", "again"]))
