"""Textbook tasks as one study, and one page of what it found beside the textbook's sequences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sequence_search.explanation.conventional import conventional_sequence
from sequence_search.explanation.explanation import summarize
from sequence_search.page.task import task_words
from sequence_search.problem.evaluation import Evaluation
from sequence_search.problem.problem import Problem
from sequence_search.report.drawing import write_figure
from sequence_search.report.figures import designs_figure
from sequence_search.sequence import Sequence
from sequence_search.storage import write_bytes
from sequence_search.strategies.result import SearchResult
from sequence_search.study.plan import DERIVED
from sequence_search.study.records import markdown_table
from sequence_search.study.study import Study
from sequence_search.words import counted

PAGE = "clinic.md"
HEADING = [
    "task",
    "textbook",
    "its loss",
    "ours",
    "change",
    "RF energy",
    "time to readout",
    "verdict",
    "seconds a run",
]
DPI = 120
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Case:
    """A task with the textbook's sequence and what a search found.

    Attributes
    ----------
    textbook : None where there is none
    beside : what it achieves
    """

    problem: Problem
    result: SearchResult
    textbook: Sequence | None
    beside: Evaluation | None

    @property
    def name(self) -> str:
        """Of the textbook's sequence."""
        given = self.problem.conventional
        return NOTHING if self.textbook is None else (given.name if given is not None else "derived")

    @property
    def ours(self) -> Evaluation:
        """What the best design achieves."""
        return self.result.best.families[0].evaluation


def clinic_cases(study: Study) -> list[Case]:
    """Each task of a study that has a design, in its order."""
    found = []
    for name, problem in study.problems.items():
        if any(run.families for run in study.runs(name)):
            textbook = conventional_sequence(problem)
            beside = None if textbook is None else problem.evaluate(textbook)
            found.append(Case(problem, study.result(name), textbook, beside))
    return found


def write_clinic(study: Study, command: str) -> Path:
    """Write the page of a study into its folder, and a picture for each task; the page's path.

    Parameters
    ----------
    command : that makes the study

    Raises
    ------
    ValueError
        If no task has a design.
    """
    cases = clinic_cases(study)
    if not cases:
        raise ValueError(f"{study.folder} has no design yet: sequence-search status {study.folder}")
    sections = []
    for case in cases:
        picture = f"{DERIVED}/{case.problem.name}-clinic.png"
        _draw(case, study.folder / picture)
        sections.append(_section(case, picture))
    page = study.folder / PAGE
    write_bytes(page, "\n".join([_head(command), overview(cases), *sections]).encode())
    return page


def overview(cases: list[Case]) -> str:
    """A row for each task: the textbook's loss and ours, energy, time, verdict and seconds."""
    rows = []
    for case in cases:
        beside, ours = case.beside, case.ours
        both = [each for each in (beside, ours) if each is not None]
        rows.append(
            [
                f"[{case.problem.name}](#{case.problem.name.replace('.', '')})",
                case.name,
                NOTHING if beside is None else f"{beside.loss:.5f}",
                f"{ours.loss:.5f}",
                NOTHING if beside is None else _change(beside.loss, ours.loss),
                " → ".join(f"{100 * each.relative_rf_energy:.0f} %" for each in both),
                " → ".join(f"{1e3 * each.time_to_readout:.4g} ms" for each in both),
                case.result.verdict.word,
                f"{median(run.seconds for run in case.result.runs):.0f}",
            ]
        )
    return markdown_table(HEADING, rows)


def _head(command: str) -> str:
    return f"""# The clinic

Textbook tasks, each searched from nothing, beside the textbook's sequence. The figure of merit is the loss
of the problem's objective over 1,024 voxels a tissue: less is better. RF energy is relative to 90°-180°; it
and the time are of the textbook's sequence, then of ours. Made by `{command}`.
"""


def _section(case: Case, picture: str) -> str:
    problem, best = case.problem, case.result.best.families[0]
    source = problem.conventional.source if problem.conventional is not None else ""
    rows = [
        [
            tissue,
            *(NOTHING if each is None else f"{each.signal[tissue]:.3f}" for each in (case.beside, case.ours)),
        ]
        for tissue in case.ours.signal
    ]
    return f"""## {problem.name}

{problem.title}. {task_words(problem)}

- textbook: {case.name}{f" ({source})" if source else ""}: `{case.textbook or NOTHING}`
- ours: `{best.sequence}`

![The textbook's sequence and ours]({picture})

{_explained(case)}

{markdown_table(["|Mxy| of the nominal voxel", "textbook", "ours"], rows)}
{counted(len(case.result.runs), "run")}: {case.result.verdict}.
"""


def _explained(case: Case) -> str:
    """Two sentences on why the best design works, or what stands against them."""
    best = case.result.best.families[0].sequence
    try:
        return " ".join(summarize(case.problem, best, engine=case.result.engine).sentences[:2])
    except ValueError as error:  # a long train without its crushers has more states than can be followed
        return f"Not explained: {error}."


def _draw(case: Case, file: Path) -> None:
    shown = {"Ours": case.result.best.families[0].sequence}
    if case.textbook is not None:
        shown = {f"Textbook: {case.name}": case.textbook} | shown
    file.parent.mkdir(parents=True, exist_ok=True)
    write_figure(designs_figure(shown.values(), shown, case.problem.pulses), file, DPI)


def _change(textbook: float, ours: float) -> str:
    """Of the loss, relative to the textbook's; negative is better."""
    share = 100 * (ours - textbook) / abs(textbook) if textbook else 0.0
    return f"{share:+.1f} %".replace("-", "−")
