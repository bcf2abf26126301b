"""Designs as cards: what a search found, and the conventional sequence, to compare and to play with."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from sequence_search.classify import category_text
from sequence_search.explanation.comparison import Compared
from sequence_search.page.pictures import picture
from sequence_search.problem.evaluation import Evaluation
from sequence_search.problem.problem import Problem
from sequence_search.report.figures import designs_figure
from sequence_search.sequence import Sequence
from sequence_search.strategies.result import Design, Run, same_family

MOST_CARDS = 12


@dataclass(frozen=True, slots=True)
class Card:
    """A design of the page.

    Attributes
    ----------
    title : plain text
    found : of how many seeds it is the best; None of one that no search found
    """

    title: str
    sequence: Sequence
    evaluation: Evaluation
    category: str
    check_loss: float | None = None
    found: int | None = None


def cards_of(
    problem: Problem, runs: list[Run], compared: tuple[Compared, ...], grid: Design | None = None
) -> list[Card]:
    """Distinct designs of all seeds, best first, then the best of a grid and the conventional sequences."""
    chosen: list[Design] = []
    counts: list[int] = []
    ordered = sorted(
        (design for run in runs for design in run.families),
        key=lambda design: (not design.evaluation.meets_limits, design.loss),
    )
    for design in ordered:
        if len(chosen) == MOST_CARDS:
            break
        if not any(same_family(design.sequence, other.sequence) for other in chosen):
            chosen.append(design)
    for design in chosen:
        best = [run.sequence for run in runs if run.sequence is not None]
        counts.append(sum(same_family(design.sequence, each) for each in best))
    cards = [
        Card(
            f"Design {number}",
            design.sequence,
            design.evaluation,
            category_text(design.sequence, problem.categories),
            design.check_loss,
            count,
        )
        for number, (design, count) in enumerate(zip(chosen, counts, strict=True), start=1)
    ]
    if grid is not None:
        category = category_text(grid.sequence, problem.categories)
        cards.append(
            Card("Best point of the grid", grid.sequence, grid.evaluation, category, grid.check_loss)
        )
    for each in compared[1:]:
        category = category_text(each.sequence, problem.categories)
        cards.append(
            Card(
                each.name[:1].upper() + each.name[1:],
                each.sequence,
                problem.evaluate(each.sequence),
                category,
            )
        )
    return cards


def card_rows(card: Card) -> list[tuple[str, str, float | None]]:
    """Label, text and number of all that is compared; signals first, then the parts of the loss."""
    found = card.evaluation
    rows: list[tuple[str, str, float | None]] = [("loss", f"{found.loss:.6f}", found.loss)]
    if card.check_loss is not None:
        rows.append(("loss on other voxels", f"{card.check_loss:.6f}", card.check_loss))
    rows += [(f"|Mxy| {name}", f"{value:.3f}", value) for name, value in found.signal.items()]
    rows += [(f"part {name}", f"{value:.6f}", value) for name, value in found.terms.items()]
    energy, time = 100 * found.relative_rf_energy, 1e3 * found.time_to_readout
    rows += [("RF energy (% of 90°-180°)", f"{energy:.1f}", energy)]
    rows += [("time to readout (ms)", f"{time:.4g}", time)]
    rows += [("pulses", str(len(card.sequence.flip_angle)), float(len(card.sequence.flip_angle)))]
    rows += [(wish.name, f"{wish.found}: {wish.verdict}", None) for wish in found.wishes]
    return rows


def compared_data(cards: list[Card]) -> list[dict[str, Any]]:
    """What `frontend/src/report/compare.ts` compares."""
    return [
        {
            "title": card.title,
            "category": card.category,
            "rows": [
                {"label": label, "text": text, "number": _number(value)}
                for label, text, value in card_rows(card)
            ],
        }
        for card in cards
    ]


def cards_section(problem: Problem, cards: list[Card]) -> str:
    """All designs, each with its diagram, numbers, a box to compare it and a button to play with it."""
    other = next((card for card in reversed(cards) if card.found is None), None)
    found = "".join(_card(problem, number, card, other) for number, card in enumerate(cards))
    return f"""<h2>Designs to compare</h2>
<p>Distinct local optima of all seeds, best first, and the conventional sequence. Choose two to see them side
by side.</p>
<div class="cards">{found}</div>
<section id="compare" aria-live="polite" aria-label="Two designs side by side"></section>"""


def change_text(loss: float, other: float) -> str:
    """As "−12.3 %", or as a difference where that is beyond ten times the other loss or of another sign."""
    change = loss - other
    tells = loss * other > 0 and abs(change) < 10 * abs(other)
    text = f"{100 * change / abs(other):+.1f}\u00a0%" if tells else f"{change:+.4f}"
    return text.replace("-", "−")


def _card(problem: Problem, number: int, card: Card, other: Card | None) -> str:
    figure = designs_figure([card.sequence], [""], problem.pulses)
    drawn = picture(figure, f"Sequence diagram of {card.title}: {card.sequence}")
    seeds = "" if not card.found else f'<p class="note">best of {card.found:,} of the seeds</p>'
    signals = ", ".join(f"{name} {value:.3f}" for name, value in card.evaluation.signal.items())
    energy, time = 100 * card.evaluation.relative_rf_energy, 1e3 * card.evaluation.time_to_readout
    beside = ""
    if other is not None and card is not other:
        change = change_text(card.evaluation.loss, other.evaluation.loss)
        beside = f", {change} against the {other.title[:1].lower()}{other.title[1:]}"
    loss = f"{card.evaluation.loss:.6f}".replace("-", "−")
    return f"""<article class="card" data-design="{number}">
<h3>{escape(card.title)}</h3>
<p class="category">{escape(card.category)}</p>
<div class="drawn">{drawn}</div>
<p><b>loss {loss}</b>{escape(beside)}</p>
<p class="note">|Mxy| {escape(signals)}; RF energy {energy:.0f} %; {time:.4g} ms to the readout</p>
{seeds}
<p class="controls"><label><input type="checkbox" data-compare="{number}"> compare</label>
<button type="button" data-play="{number}">Play with it</button></p>
</article>"""


def _number(value: float | None) -> float | None:
    return value if value is None or abs(value) < float("inf") else None
