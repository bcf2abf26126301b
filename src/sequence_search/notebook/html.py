"""Values as HTML for notebooks: diagram and numbers, readable on a light page and on a dark one."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from functools import singledispatch
from html import escape

import matplotlib
import torch

from sequence_search.layout import Layout
from sequence_search.page.designs import Card, card_rows, cards_of
from sequence_search.page.task import conditions, pairs_table, task_words
from sequence_search.problem.problem import Problem
from sequence_search.pulses.kinds import Kind
from sequence_search.report.drawing import METADATA, without_missing_glyphs
from sequence_search.report.figures import diagram_figure
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Design, Run, SearchResult
from sequence_search.words import counted

# Colours of figures as ink, pale ink and ground of the page, which JupyterLab, VS Code and Sphinx name.
COLOURS = {
    "#000000": "currentColor",
    "#(404040|4c4c4c|595959)": "color-mix(in srgb, currentColor 75%, transparent)",
    "#ffffff": "var(--jp-layout-color0, var(--vscode-editor-background, var(--pst-color-background, none)))",
}

Cells = Iterable[Iterable[object]]


@singledispatch
def html(value: object) -> str | None:
    """HTML of a value, in which all text is escaped; None if it has none and its plain text serves."""
    del value
    return None


@html.register
def _(value: Sequence) -> str | None:
    if value.batch_shape or not value.flip_angle.numel():
        return None
    single = value.detach().to("cpu").without_padding()
    return _block(diagram(single), _pulses(single))


@html.register
def _(value: Design) -> str:
    return _design(value, {})


@html.register
def _(value: Run) -> str:
    name = f"Seed {value.seed}: {value.status}"
    if not value.families:
        return _block(f"<p>{escape(f'{name}, {value.reason}')}</p>")
    best = _design(value.families[0], {})
    return _block(f"<p>{escape(name)}, {counted(len(value.families), 'design')}; the best:</p>", best)


@html.register
def _(value: SearchResult) -> str:
    problem, found = value.problem, [run for run in value.runs if run.families]
    searched = f"{problem.title}: {counted(len(value.runs), 'seed')} of {value.strategy}"
    if not found:
        reasons = (f"seed {run.seed}: {run.reason}" for run in value.runs)
        return _block(f"<p><b>{escape(searched)}</b></p>", _list(reasons))
    rows = [
        (number, f"{card.evaluation.loss:.6f}", card.found, card.category, card.sequence)
        for number, card in enumerate(cards_of(problem, found, ()), start=1)
    ]
    verdict = str(value.verdict)
    return _block(
        f"<p><b>{escape(searched)}</b></p><p>{escape(verdict[:1].upper() + verdict[1:])}.</p>",
        _design(value.best.families[0], problem.pulses),
        _table(("design", "loss", "best of seeds", "structure", "sequence"), rows),
    )


@html.register
def _(value: Problem) -> str:
    return _block(f"<p><b>{escape(value.title)}</b></p><p>{escape(task_words(value))}</p>", conditions(value))


def diagram(single: Sequence, kinds: Mapping[str, Kind] | None = None) -> str:
    """Sequence diagram as an SVG element that takes the colour of the text around it."""
    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "sequence-search"}), without_missing_glyphs():
        diagram_figure(single, kinds).savefig(file, format="svg", metadata=METADATA[".svg"], transparent=True)
    # What matplotlib says of itself and a style that would be one of the whole notebook go.
    drawn = re.sub(r"(?s)<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", file.getvalue())
    drawn = drawn[drawn.index("<svg") + 4 :]
    for colours, of_page in COLOURS.items():
        drawn = re.sub(colours, of_page, drawn)
    look = "max-width: 100%; height: auto; stroke-linejoin: round; stroke-linecap: butt"
    says = escape(f"Sequence diagram: {single}")
    return f'<svg role="img" aria-label="{says}" fill="currentColor" style="{look}"{drawn}'


def _design(design: Design, kinds: Mapping[str, Kind]) -> str:
    single = design.sequence.detach().to("cpu")
    card = Card("", single, design.evaluation, "", design.check_loss)
    rows = [(label, text) for label, text, _ in card_rows(card)]
    return _block(f"<p>{escape(str(single))}</p>", diagram(single, kinds), pairs_table(rows))


def _pulses(single: Sequence) -> str:
    """A row for each pulse and what follows it."""
    layout = single.layout or Layout.plain(len(single.flip_angle))
    angles = (torch.rad2deg(part).tolist() for part in (single.flip_angle, single.phase))
    columns = zip(*angles, (1e3 * single.intervals).tolist(), layout.kinds, layout.gradients, strict=True)
    rows = [
        (number, kind, f"{flip:.1f}", f"{phase:.1f}", f"{time:.6g}", gradient or "–")
        for number, (flip, phase, time, kind, gradient) in enumerate(columns, start=1)
    ]
    head = ("pulse", "kind", "flip angle (°)", "phase (°)", "then (ms)", "gradient")
    times = f"time to the readout {1e3 * float(single.time_to_readout):.6g} ms"
    repeated = f", TR {1e3 * float(single.tr):.6g} ms" if layout.steady else ""
    return f"{_table(head, rows)}<p>{times}{repeated}</p>"


def _table(head: Iterable[str], rows: Cells) -> str:
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>"


def _list(texts: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def _block(*parts: str) -> str:
    return f'<div style="max-width: 800px; overflow-x: auto">{"".join(parts)}</div>'
