"""What a search found, as a page of HTML that stands alone: seen, compared, doubted and played with."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from sequence_search.analysis.front import Front
from sequence_search.analysis.sensitivity import Sensitivity, sensitivity
from sequence_search.checks import check_type
from sequence_search.explanation.comparison import Compared
from sequence_search.explanation.explanation import Summary, summarize
from sequence_search.explanation.layouts import layout_of
from sequence_search.explanation.pulses import PulseWorth, pulse_worths
from sequence_search.page.brain import brain_section
from sequence_search.page.data import problem_data, sequence_data
from sequence_search.page.designs import cards_of, cards_section, change_text, compared_data
from sequence_search.page.front import front_section
from sequence_search.page.html import document
from sequence_search.page.pictures import picture
from sequence_search.page.playground import HOW, section
from sequence_search.page.seeds import seeds_section
from sequence_search.page.task import conditions, pairs_table, task_words
from sequence_search.problem.problem import Problem
from sequence_search.pulses.slices import selects_slice
from sequence_search.report.figures import robustness_figure, sequence_figure
from sequence_search.report.phase_graph import phase_graph_figure
from sequence_search.report.slice_profile import slice_profile_figure
from sequence_search.sequence import Sequence
from sequence_search.strategies.record import environment
from sequence_search.strategies.result import Design, SearchResult

NOTHING = 5e-4  # relative difference of losses that is told as none
MOST_EFFECTS = 8  # errors of parameters that are listed, those that cost most


def report(
    result: SearchResult,
    *,
    source: str | None = None,
    command: str | None = None,
    made_with: dict[str, Any] | None = None,
    grid: Design | None = None,
    front: Front | None = None,
    brain: bool = False,
) -> str:
    """A page of a search result: the answer first, then all else.

    Parameters
    ----------
    result : SearchResult
        As of `search` or `Study.result`.
    source : str, optional
        The problem on the command line, for what the page copies; its name if not given.
    command : str, optional
        That makes the result again.
    made_with : dict, optional
        The `environment` of the process that made it, if that is not this one.
    grid : Design, optional
        The best point of its grid.
    front : Front, optional
        Of the problem, as `tradeoff` finds it.
    brain : bool
        Whether to show brain images, see `brain_section`.

    Raises
    ------
    ValueError
        If no run ended with a design.
    """
    check_type(result, SearchResult)
    problem, best = result.problem, result.best.families[0]
    summary = summarize(problem, best.sequence, engine=result.engine)
    cards = cards_of(problem, list(result.runs), summary.compared, grid)
    body = "\n".join(
        [
            f"<h1>{escape(problem.title)}</h1>",
            f'<p class="lead">{escape(task_words(problem))}</p>',
            _answer(problem, best.sequence, summary, str(result.verdict)),
            cards_section(problem, cards),
            '<h2 id="play">Playground</h2>',
            f"<p>{HOW}</p>",
            section(),
            _why(problem, best.sequence, summary, result.engine),
            brain_section(problem, best.sequence) if brain else "",
            "" if front is None else front_section(front, len(cards)),
            seeds_section(result.runs, problem.categories, problem.name),
            _made(result, command, made_with or environment()),
        ]
    )
    points = () if front is None else front.front
    shown = [card.sequence for card in cards] + [point.design.sequence for point in points]
    data = {
        "problem": problem_data(problem, source or problem.name),
        "sequences": [sequence_data(problem.playable(each)) for each in shown],
        "designs": compared_data(cards),
    }
    return document(f"{problem.title}: what the search found", body, data)


def _answer(problem: Problem, sequence: Sequence, found: Summary, verdict: str) -> str:
    figure = picture(sequence_figure(sequence, problem, ""), f"The best design: {sequence}")
    sentences = " ".join(found.sentences)
    return f"""<section class="best" aria-label="The best design">
<p class="measured">{escape(measured_line(found.compared))}</p>
<div class="beside">{figure}
<div><p>{escape(sentences)}</p>
<p class="verdict">{escape(verdict[:1].upper() + verdict[1:])}.</p></div></div>
</section>"""


def measured_line(compared: tuple[Compared, ...]) -> str:
    """What the design does beside the conventional sequence, polished for the same objective, in numbers."""
    design, *others = compared
    if not others:
        return f"Loss {_number(design.loss)}; no conventional sequence fits the repetition."
    other = others[-1]
    if abs(design.loss - other.loss) < NOTHING * abs(other.loss):
        lead = f"Loss {_number(design.loss)}, no better and no worse than the {other.name}."
    else:
        change = change_text(design.loss, other.loss)
        lead = f"Loss {_number(design.loss)} against {_number(other.loss)} of the {other.name} ({change})."
    signals = ", ".join(
        f"{name} {design.mean[name]:.2f} against {other.mean[name]:.2f}" for name in design.mean
    )
    return f"{lead} Mean |Mxy|: {signals}."


def _number(value: float) -> str:
    return f"{value:.4f}".replace("-", "−")


def _why(problem: Problem, sequence: Sequence, found: Summary, engine: str) -> str:
    """What each part buys, and the figures of the best design."""
    single = problem.playable(sequence)
    seen = [name for name, signal in problem.evaluate(single).signal.items() if signal > 0]
    graphs = [
        picture(phase_graph_figure(single, problem, name), f"Extended phase graph, {name}") for name in seen
    ]
    maps = "".join(_map(problem, single, name) for name in seen)
    kinds = single.layout.kinds if single.layout else ()
    slices = ""
    if selects_slice(kinds, problem.pulses):
        drawn = picture(
            slice_profile_figure(single, problem), "Slice profile of each pulse and of the design"
        )
        slices = f"<h3>Across the slice</h3>{drawn}"
    return f"""<h2>Why the best design works</h2>
<div class="pair"><section><h3>What each part buys</h3>{_worth(problem, single, found, engine)}</section>
<section><h3>What errors cost</h3>{_effects(sensitivity(problem, single))}</section></div>
<h3>Over b0 and b1</h3><div class="figures">{maps}</div>
<h3>What carries the signal</h3><div class="figures wide">{"".join(graphs[:1])}</div>
<details><summary>What carries that of the other tissues</summary>{"".join(graphs[1:])}</details>
{slices}"""


def _map(problem: Problem, sequence: Sequence, tissue: str) -> str:
    figure = robustness_figure(sequence, problem, tissue)
    drawn = picture(figure, f"Robustness of {tissue} over b0 and b1", in_colours=True)
    return f"<figure><figcaption>{escape(tissue)}</figcaption>{drawn}</figure>"


def _worth(problem: Problem, sequence: Sequence, found: Summary, engine: str) -> str:
    """Each pulse with the loss without it, polished again; of a layout each part, nothing polished."""
    rows: list[tuple[str, float, float | None]] = [(str(each), each.loss, None) for each in found.parts]
    if layout_of(problem, sequence) is None:
        rows = [
            (_pulse_words(each), each.loss_left_out, each.loss_without)
            for each in pulse_worths(problem, sequence.turn_first_to_zero(), engine)
        ]
    is_polished = any(polished is not None for _, _, polished in rows)
    body = "".join(
        f'<tr><th scope="row">{escape(what)}</th><td>{_number(left_out)}</td>'
        f"{'' if polished is None else f'<td>{_number(polished)}</td>'}</tr>"
        for what, left_out, polished in rows
    )
    head = ("without", "loss", "the rest polished again")[: 2 + is_polished]
    cells = "".join(f'<th scope="col">{word}</th>' for word in head)
    note = "" if is_polished else "; the rest as it is, which <code>explain</code> polishes again"
    return f"""<table><thead><tr>{cells}</tr></thead>{body}</table>
<p class="note">with all: {_number(found.compared[0].loss)}{note}</p>"""


def _pulse_words(worth: PulseWorth) -> str:
    return f"pulse {worth.pulse + 1}, {math.degrees(worth.flip_angle):.0f}°"


def _effects(found: Sensitivity) -> str:
    """The errors that cost most, and the worst voxels of each tissue."""
    costly = sorted(found.effects, key=lambda each: -max(map(abs, each.loss)))[:MOST_EFFECTS]
    rows = []
    for each in costly:
        of = "all pulses" if each.pulse is None else f"pulse {each.pulse}"
        if each.last_pulse is not None:
            of = f"pulses {each.pulse} to {each.last_pulse}"
        changes = "".join(f"<td>{_share(part, found.loss)}</td>" for part in each.loss)
        what = f"{of}: {each.parameter.replace('_', ' ')} {each.error}"
        if each.parameter == "tr":
            what = f"TR {each.error}"
        rows.append(f'<tr><th scope="row">{escape(what)}</th>{changes}</tr>')
    worst = ""
    for voxels in found.worst:
        traits = " and ".join(map(str, voxels.traits)) or "no property that sets them apart"
        worst += f"<li>{escape(f'{voxels.tissue}: {traits}')}</li>"
    head = "".join(f'<th scope="col">{word}</th>' for word in ("error", "lower", "higher"))
    return f"""<table><thead><tr>{head}</tr></thead>{"".join(rows)}</table>
<p class="note">change of the loss</p>
<h3>The worst 1 % of voxels have</h3><ul>{worst}</ul>"""


def _share(part: float, whole: float) -> str:
    return f"{100 * part / abs(whole):+.2f} %".replace("-", "−") if whole else f"{part:+.2g}"


def _made(result: SearchResult, command: str | None, made_with: dict[str, Any]) -> str:
    """Conditions of the search: enough to make it again."""
    seeds = [run.seed for run in result.runs]
    facts = {
        "problem": f"{result.problem.name} ({result.problem.digest[:12]})",
        "strategy": result.strategy,
        "seeds": f"{len(seeds):,}, from {min(seeds)} to {max(seeds)}",
        "engine": result.engine,
        **result.options,
        **made_with["versions"],
        "device": made_with["device"],
    }
    again = "" if command is None else f"<p>To make it again:</p><pre>{escape(command)}</pre>"
    return f"""<h2>How it was made</h2>
{again}
<details><summary>Versions and options</summary>{pairs_table(facts.items())}</details>
<details><summary>Tissues, imaging, weights, search space and limits</summary>
{conditions(result.problem)}</details>
{_problem_file(result.problem)}"""


def _problem_file(problem: Problem) -> str:
    """The text of the problem's file, unless a term is a function in Python."""
    if any(term.kind.own for term in problem.objective.terms):
        return ""
    text = escape(problem.to_toml())
    return f"<details><summary>{escape(problem.name)}.toml</summary><pre>{text}</pre></details>"
