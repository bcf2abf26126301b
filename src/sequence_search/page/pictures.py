"""Figures inside a page: as images that ask nothing of the network."""

from __future__ import annotations

import base64
import io
import re
from html import escape
from urllib.parse import quote

import matplotlib
from matplotlib.figure import Figure

from sequence_search.report.drawing import METADATA, without_missing_glyphs

SAFE = " !$'()*+,/:;=?@[]^`{|}"  # what neither an address nor an attribute in double quotes reads as its own


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
        figure.savefig(
            file, format=kind, dpi=dpi or 72, metadata=METADATA[f".{kind}"], transparent=not in_colours
        )
    look = "figure colours" if in_colours else "figure"
    if kind == "svg":
        packed = _svg(file.getvalue())
    else:
        packed = f"png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
    return f'<img class="{look}" alt="{escape(says)}" src="data:image/{packed}">'


def _svg(written: bytes) -> str:
    """Coordinates to a hundredth of a point, and text in place of base64: two thirds of the size."""
    text = re.sub(r'( (?:d|x|y)=")([^"]*)', _shortened, written.decode("utf-8"))
    text = text[text.index("<svg") :].replace("\n", " ")
    return f"svg+xml,{quote(text, safe=SAFE)}"


def _shortened(found: re.Match[str]) -> str:
    return found[1] + re.sub(r"(\.\d\d)\d+", r"\1", found[2])
