"""A document of HTML in one file, which asks nothing of the network."""

from __future__ import annotations

import json
from functools import cache
from html import escape
from importlib import resources
from typing import Any

BUNDLE = resources.files("sequence_search.page") / "bundle"
# Nothing may be asked for; what runs and how it looks stands in the page.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def document(title: str, body: str, data: dict[str, Any]) -> str:
    """A whole page.

    Parameters
    ----------
    title : plain text
    body : HTML, in which all text of the user's is escaped
    data : for the scripts of the page, see `frontend/src/main.tsx`
    """
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(title)}</title>
<style>{bundled("page.css")}</style>
</head>
<body>
<main>
{body}
</main>
<script type="application/json" id="data">{inside_script(data)}</script>
<script>{bundled("page.js")}</script>
</body>
</html>
"""


def inside_script(data: dict[str, Any]) -> str:
    """JSON in which nothing ends the script element that it stands in.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


@cache
def bundled(name: str) -> str:
    """Text of a file that `make frontend` built."""
    return (BUNDLE / name).read_text(encoding="utf-8")
