"""Textbook tasks as one study, and one page of what it found beside the textbook's sequences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from statistics import median

from sequence_search.explanation.beside import signal_texts
from sequence_search.explanation.comparison import Compared
from sequence_search.explanation.explanation import Summary, summarize
from sequence_search.explanation.wording import signed
from sequence_search.objective import contrast_loss, null_loss, signal_loss, signed_contrast_loss
from sequence_search.page.task import task_words
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import IN_REPORT
from sequence_search.report.drawing import write_figure
from sequence_search.report.figures import designs_figure
from sequence_search.storage import write_bytes
from sequence_search.strategies.result import CLOSE, SearchResult
from sequence_search.study.plan import DERIVED
from sequence_search.study.records import markdown_table
from sequence_search.study.study import Study
from sequence_search.words import counted, decimals_of, enumerated

PAGE = "clinic.md"
HEADING = [
    "task",
    "textbook",
    "its loss",
    "tuned",
    "ours",
    "ours to the better",
    "RF energy",
    "time to readout",
    "finding",
    "runs that agree",
    "seconds a run",
]
DPI = 120
NOTHING = "–"
CLEARLY = 0.05  # of the figure of merit
SQUARED = (contrast_loss, null_loss, signal_loss, signed_contrast_loss)
FEWER = 0.8  # RF energy or time, from which on as good a design is better
AS_DARK = 1.02  # mean |Mxy| of what is nulled, relative to the textbook's
NEGLECTED = 1.4e-3  # M0, what relaxation during a pulse makes of a signal (docs/physics.md)


@dataclass(frozen=True, slots=True)
class Case:
    """A task with the textbook's sequence and what a search found.

    Attributes
    ----------
    apart : difference of |Mxy| of ours and the better of the textbook's, rms over the voxels of the tissue
        that differs most [M0]
    """

    problem: Problem
    result: SearchResult
    summary: Summary
    apart: float = math.inf

    @property
    def name(self) -> str:
        """Of the textbook's sequence."""
        given = self.problem.conventional
        return given.name if given is not None else "derived"

    @property
    def ours(self) -> Compared:
        """The best design."""
        return self.summary.compared[0]

    @property
    def textbook(self) -> Compared | None:
        """The textbook's sequence as it is stated, or derived."""
        return self.summary.compared[1] if len(self.summary.compared) > 1 else None

    @property
    def tuned(self) -> Compared | None:
        """The same, polished for the objective within the limits of the problem."""
        return self.summary.compared[2] if len(self.summary.compared) > 2 else None

    @property
    def better(self) -> Compared | None:
        """The better of the two."""
        return _better(self.summary)

    @property
    def finding(self) -> str:
        """What ours is beside the better of the textbook's sequence and the same tuned."""
        ours, known, textbook = self.ours, self.better, self.textbook
        if known is None or textbook is None:
            return NOTHING
        gain = (known.loss - ours.loss) / abs(known.loss or 1.0)
        if gain < -CLOSE:
            return "not reached"
        if gain > CLOSE:
            return self._what_is_lower(known, gain)
        if self._is_cheaper:
            return "**as good, cheaper**"
        return "found" if textbook.loss - known.loss <= CLOSE * abs(known.loss) else "found, retuned"

    def _what_is_lower(self, known: Compared, gain: float) -> str:
        if self.apart < NEGLECTED and self._gains_by_signals:
            return "lower loss, same signals"
        if any(self.ours.mean[name] > AS_DARK * known.mean[name] for name in self._nulled):
            return "lower loss, less dark"
        return "**better**" if gain >= CLEARLY * (1 + self._is_squared) else "a little better"

    @property
    def _gains_by_signals(self) -> bool:
        """Whether most of the difference to the better of the textbook's is of terms of signals."""
        ours, known = self.ours, self.better
        if known is None:
            return False
        own = {term.name for term in self.problem.objective.terms if term.kind.of == "sequence"}
        gained = {name: known.terms[name] - ours.terms[name] for name in ours.terms}
        return 2 * sum(gained[name] for name in own) < sum(gained.values())

    @property
    def _is_cheaper(self) -> bool:
        """Whether it takes clearly less RF energy or time than the better of the textbook's."""
        ours, known = self.ours, self.better
        return known is not None and (
            ours.relative_rf_energy <= FEWER * known.relative_rf_energy
            or ours.time_to_readout <= FEWER * known.time_to_readout
        )

    @property
    def _is_squared(self) -> bool:
        """Whether the loss is of squared signals or contrasts, which change half as much."""
        return any(term.kind in SQUARED for term in self.problem.objective.terms)

    @property
    def _nulled(self) -> set[str]:
        """Names of the tissues that are to be dark."""
        terms = [term for term in self.problem.objective.terms if term.kind is null_loss]
        return {self.problem.tissues[at].name for term in terms for at in term.tissues or ()}


def clinic_cases(study: Study) -> list[Case]:
    """Each task of a study that has a design, in its order."""
    found = []
    for name, problem in study.problems.items():
        if any(run.families for run in study.runs(name)):
            result = study.result(name)
            best = result.best.families[0].sequence
            summary = summarize(problem, best, engine=result.engine)
            found.append(Case(problem, result, summary, _apart(problem, summary, result.engine)))
    return found


def _better(summary: Summary) -> Compared | None:
    """The better of the textbook's sequence and the same tuned, if there is any."""
    return min(summary.compared[1:], key=lambda each: each.loss, default=None)


def _apart(problem: Problem, summary: Summary, engine: str) -> float:
    """By how much |Mxy| of the design and the better of the others differ, see `Case`; 0 without any."""
    known = _better(summary)
    if known is None:
        return 0.0
    simulator = problem.simulator(problem.voxels(), engine, IN_REPORT)
    ours, theirs = (simulator.signal(each.sequence).abs() for each in (summary.compared[0], known))
    of_tissues = [simulator.voxels.is_of((i,)) for i in range(len(problem.tissues))]
    return max(float((ours - theirs)[..., chosen].square().mean().sqrt()) for chosen in of_tissues)


def has_design(study: Study) -> bool:
    """Whether any task of a study has a design, so that there is a page."""
    return any(run.families for name in study.problems for run in study.runs(name))


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
        raise ValueError(
            f"{study.folder} has no design yet: sequence-search status {quote(str(study.folder))}"
        )
    sections = []
    for case in cases:
        picture = f"{DERIVED}/{case.problem.name}-clinic.png"
        _draw(case, study.folder / picture)
        sections.append(_section(case, picture))
    page = study.folder / PAGE
    write_bytes(page, "\n".join([_head(command), *_missing(study), overview(cases), *sections]).encode())
    return page


def overview(cases: list[Case]) -> str:
    """A row for each task: the losses, energy, time, what was found, verdict and seconds."""
    rows = []
    for case in cases:
        ours, textbook, tuned, better = case.ours, case.textbook, case.tuned, case.better
        both = [each for each in (textbook, ours) if each is not None]
        rows.append(
            [
                f"[{case.problem.name}](#{case.problem.name.replace('.', '')})",
                case.name,
                *(NOTHING if each is None else _number(each.loss) for each in (textbook, tuned, ours)),
                NOTHING if better is None else _change(better.loss, ours.loss),
                " → ".join(f"{100 * each.relative_rf_energy:.0f} %" for each in both),
                " → ".join(f"{1e3 * each.time_to_readout:.4g} ms" for each in both),
                case.finding,
                f"{case.result.verdict.n_agree} of {case.result.verdict.n_islands}",
                f"{median(run.seconds for run in case.result.runs):.0f}",
            ]
        )
    return markdown_table(HEADING, rows)


def _head(command: str) -> str:
    return f"""# The clinic

Textbook tasks, each searched from nothing, beside the textbook's sequence as it is stated and the same tuned:
its flip angles, phases and delays polished for the same objective within the same limits. The figure of merit
is the loss of the problem's objective over 1,024 voxels a tissue: less is better. RF energy is relative to
90°-180°; it and the time are of the textbook's sequence, then of ours.

What is "better" is so by {100 * CLEARLY:.0f} % at least than the better of the two, of a loss of squared
signals or contrasts by {200 * CLEARLY:.0f} %, what is to be dark is no brighter, and the signals of a tissue
differ by {NEGLECTED:g} M0 at least, in the root mean square: less is below what the model neglects. "As good,
cheaper" takes {100 * (1 - FEWER):.0f} % less RF energy or time; an adiabatic inversion counts as 180°. Runs
within 0.5 % of the best agree. Made by `{command}`.
"""


def _missing(study: Study) -> list[str]:
    """What of a study is not done yet, in a paragraph; nothing of a whole one."""
    n_seeds, none, some = len(study.plan.all_seeds), list[str](), list[str]()
    for name in study.problems:
        n_runs = sum(bool(run.families) for run in study.runs(name))
        if n_runs < n_seeds:
            (some if n_runs else none).append(f"{name} ({n_runs} of {n_seeds})" if n_runs else name)
    if not none and not some:
        return []
    parts = [f"no design yet of {enumerated(none)}"] if none else []
    parts += [f"not all runs of {enumerated(some)}"] if some else []
    return [f"**Not whole:** {'; '.join(parts)}. The command above goes on with it.\n"]


def _section(case: Case, picture: str) -> str:
    problem, best = case.problem, case.result.best.families[0]
    source = problem.conventional.source if problem.conventional is not None else ""
    textbook, tuned = case.textbook, case.tuned
    stated = NOTHING if textbook is None else str(textbook.sequence)
    polished = f"\n- the same, tuned: `{tuned.sequence}`" if tuned is not None else ""
    heads = ["textbook", *(["tuned"] if tuned is not None else []), "ours"]
    shown = [each for each in (textbook, tuned, case.ours) if each is not None]
    signals = [[f"|Mxy| of {tissue}", *signal_texts(tissue, shown)] for tissue in case.ours.mean]
    terms = [[f"loss: {name}", *(_number(each.terms[name]) for each in shown)] for name in case.ours.terms]
    return f"""## {problem.name}

{problem.title}. {task_words(problem)}

- textbook: {case.name}{f" ({source})" if source else ""}: `{stated}`{polished}
- ours: `{best.sequence}`

![The textbook's sequence and ours]({picture})

{" ".join(case.summary.sentences[:2])}

{markdown_table([counted(len(problem.voxels()), "voxel"), *heads[-len(shown) :]], signals + terms)}
{counted(len(case.result.runs), "run")}: {case.result.verdict}.
"""


def _draw(case: Case, file: Path) -> None:
    shown = {"Ours": case.result.best.families[0].sequence}
    if case.textbook is not None:
        shown = {f"Textbook: {case.name}": case.textbook.sequence} | shown
    file.parent.mkdir(parents=True, exist_ok=True)
    figure = designs_figure(shown.values(), shown, case.problem.pulses, one_axis=True)
    write_figure(figure, file, DPI)


def _number(loss: float) -> str:
    """Of four digits, five decimals at least."""
    return f"{loss:.{decimals_of(loss, 4, 5)}f}" if loss else "0"


def _change(textbook: float, ours: float) -> str:
    """Of the loss, relative to the textbook's; negative is better."""
    share = 100 * (ours - textbook) / abs(textbook) if textbook else 0.0
    return f"{signed(share, 1, plus='+')} %"
