"""Where every seed ended: a strip of losses, bars of categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

import numpy as np

from sequence_search.classify import SUCCESS_MARGIN, CategoryRule, category_text
from sequence_search.page.pictures import picture
from sequence_search.report.convergence import convergence_figure
from sequence_search.report.operations import operations_figure
from sequence_search.strategies.result import Run, best_run
from sequence_search.words import counted

WIDTH, HEIGHT, MARGIN = 720, 96, 14  # of the strip
GOLDEN = 0.6180339887498949
MOST_CATEGORIES = 10
FEW = 40  # runs whose lines are drawn one by one; of more the figure is a picture of points


def seeds_section(runs: Sequence[Run], rules: Sequence[CategoryRule], problem: str) -> str:
    """All that is told of the seeds, each a search of its own."""
    ended = [run for run in runs if run.families]
    lost = len(runs) - len(ended)
    failed = f"; {counted(lost, 'seed')} ended without a design" if lost else ""
    return f"""<h2>Every seed</h2>
<p>{counted(len(ended), "seed")}, each a search of its own: the loss at which each ended{failed}.</p>
{strip(ended)}
{categories(ended, rules)}
{_operations(ended)}
{_course(runs, problem)}"""


def _course(runs: Sequence[Run], problem: str) -> str:
    """Convergence of all, if that was kept."""
    if not any(run.history for run in runs):
        return ""
    dpi = None if len(runs) <= FEW else 160
    course = picture(convergence_figure(runs, problem), "Least loss over evaluations of every seed", dpi=dpi)
    return f"<details><summary>How they went</summary>{course}</details>"


def _operations(runs: Sequence[Run]) -> str:
    """How likely each operation was in the best run of `proxyless`."""
    best = best_run(runs)
    if best is None or best.operations is None:
        return ""
    wide = " wide" if any(each.name.startswith("gradient") for each in best.operations.choices) else ""
    says = f"Probability of each operation over the steps of seed {best.seed}"
    drawn = picture(operations_figure(best), says)
    return f"""<h3>How seed {best.seed}, the best, chose its operations</h3>
<div class="figures{wide}">{drawn}</div>"""


def strip(runs: Sequence[Run]) -> str:
    """A dot for each run at its loss, with a line 5 % above the best.

    What lies far above the rest stands at the right end.
    """
    losses = np.array([run.loss for run in runs])
    least, bound = losses.min(), losses.min() + SUCCESS_MARGIN * abs(losses.min())
    highest = max(bound, min(losses.max(), least + 3 * (np.quantile(losses, 0.9) - least)))
    span = 1.04 * (highest - least) or 1.0
    at = MARGIN + (WIDTH - 2 * MARGIN) * np.minimum((losses - least) / span, 1.0)
    line = MARGIN + (WIDTH - 2 * MARGIN) * (bound - least) / span
    height = 20 + (HEIGHT - 44) * (np.arange(len(losses)) * GOLDEN % 1.0)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in zip(at, height, strict=True))
    within = int((losses <= bound).sum())
    says = f"{within} of {counted(len(losses), 'seed')} within 5 % of the best loss, {least:.6f}"
    return f"""<figure class="seeds"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{says}">
<line class="rule" x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{HEIGHT - 20}" y2="{HEIGHT - 20}"/>
<line class="bound" x1="{line:.1f}" x2="{line:.1f}" y1="10" y2="{HEIGHT - 20}"/>
<g class="dots">{dots}</g>
<text x="{MARGIN}" y="{HEIGHT - 5}">{least:.5f}</text>
<text x="{WIDTH - MARGIN}" y="{HEIGHT - 5}" text-anchor="end">{highest:.5f}</text>
<text x="{min(line + 5, WIDTH - 120):.1f}" y="12">5 % above the best</text></svg>
<figcaption>{says}.</figcaption></figure>"""


def categories(runs: Sequence[Run], rules: Sequence[CategoryRule]) -> str:
    """Bars of how often the best design of a seed is of which category, or structure."""
    best = best_run(runs)
    counts = Counter(category_text(run.sequence, rules) for run in runs if run.sequence is not None)
    own = "" if best is None or best.sequence is None else category_text(best.sequence, rules)
    rows = []
    for name, count in counts.most_common(MOST_CATEGORIES):
        share = 100 * count / len(runs)
        mark = ' class="best"' if name == own else ""
        bar = f'<td class="bar"><i style="width:{share:.1f}%"></i></td>'
        head = f'<th scope="row">{escape(name)}</th>'
        rows.append(f'<tr{mark}>{head}{bar}<td class="number">{count:,}</td></tr>')
    left = len(counts) - MOST_CATEGORIES
    more = f'<p class="note">and {counted(left, "other")} more rarely</p>' if left > 0 else ""
    return f'<table class="categories">{"".join(rows)}</table>{more}'
