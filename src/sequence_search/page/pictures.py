"""Figures inside a page: as images that ask nothing of the network."""

from __future__ import annotations

import base64
import io
from html import escape

import matplotlib
from matplotlib.figure import Figure

from sequence_search.report.drawing import METADATA, without_missing_glyphs


def picture(figure: Figure, says: str, *, dpi: int | None = None, in_colours: bool = False) -> str:
    """An image element of a figure; the same figure gives the same bytes.

    Parameters
    ----------
    says : what it shows, for those who do not see it
    dpi : of a PNG; an SVG if not given
    in_colours : whether colours stand for numbers, so that a dark page must not turn them
    """
    kind = "svg" if dpi is None else "png"
    file = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "sequence-search"}), without_missing_glyphs():
        figure.savefig(file, format=kind, dpi=dpi or 72, metadata=METADATA[f".{kind}"], transparent=True)
    packed = base64.b64encode(file.getvalue()).decode("ascii")
    subtype = "svg+xml" if kind == "svg" else kind
    look = "figure colours" if in_colours else "figure"
    return f'<img class="{look}" alt="{escape(says)}" src="data:image/{subtype};base64,{packed}">'
