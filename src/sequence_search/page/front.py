"""A trade-off front in a page: the figure, and its points as designs to play with."""

from __future__ import annotations

from html import escape

from sequence_search.analysis.front import Front
from sequence_search.page.pictures import picture
from sequence_search.report.tradeoff import front_figure


def front_section(front: Front, first: int) -> str:
    """HTML of a front.

    Parameters
    ----------
    first : number of its first point's sequence among those of the page
    """
    drawn = picture(front_figure(front), f"Loss against {front.cost.label}")
    knee, rows = front.knee, ""
    for number, each in enumerate(front.front, start=first):
        mark = " (knee)" if each is knee else ""
        rows += (
            f'<tr><th scope="row">{each.cost * front.cost.factor:.4g}{mark}</th><td>{each.loss:.6f}</td>'
            f"<td>{escape(each.kind)}</td>"
            f'<td><button type="button" data-play="{number}">Play with it</button></td></tr>'
        )
    head = "".join(
        f'<th scope="col">{escape(name)}</th>' for name in (front.cost.axis, "loss without it", "design")
    )
    note = f"Each point is polished within its cost; the search that it begins with: {front.verdict}."
    return f"""<h3>What {escape(front.cost.label)} buys</h3>
<div class="pair"><div>{drawn}</div>
<div class="scroll" tabindex="0" role="group" aria-label="Points of the front">
<table><thead><tr>{head}<td></td></tr></thead>{rows}</table><p class="note">{escape(note)}</p></div></div>"""
