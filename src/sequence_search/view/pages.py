"""The pages of the server: those of files, with what follows a study, and one to state a task."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Any

from sequence_search.page.html import POLICY, bundled, document, inside_script
from sequence_search.page.playground import HOW, section
from sequence_search.page.task import task_words
from sequence_search.problem.problem import Problem

LIVE = '<section id="live" aria-label="The search"></section>'
# No other page may frame these, nothing but the bundle runs, and only this server is asked.
_HASH = "'sha256-{}'".format(base64.b64encode(hashlib.sha256(bundled("page.js").encode()).digest()).decode())
SERVED_POLICY = (
    f"default-src 'none'; script-src {_HASH}; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def served(page: str, live: dict[str, Any]) -> str:
    """A page as of a file, made to follow a search: `live` is for `frontend/src/live/start.tsx`."""
    meta = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
    data = f'<script type="application/json" id="live-data">{inside_script(live)}</script>'
    return (
        page.replace(meta, "", 1)
        .replace("<main>", f"<main>\n{LIVE}", 1)
        .replace("</main>", f"</main>\n{data}", 1)
    )


def waiting_page(problem: Problem | None, live: dict[str, Any]) -> str:
    """Of a study that has no report yet, or none that can be read."""
    title = "A study" if problem is None else problem.title
    words = "" if problem is None else f'<p class="lead">{escape(task_words(problem))}</p>'
    body = f"""<h1>{escape(title)}</h1>
{words}
<p class="note">The report stands here as soon as a seed has ended and the report is written.</p>"""
    return served(document(title, body, {}), live)


def task_page(live: dict[str, Any]) -> str:
    """To state a task, play with it and search."""
    body = f"""<h1>State a task, play, search</h1>
<p class="lead">Choose a problem or state your own. Play with its conventional sequence, and let a search
find a better one.</p>
<section id="task" aria-label="Task"><p>This needs JavaScript.</p></section>
<h2 id="play">Playground</h2>
<p>{HOW}</p>
{section()}"""
    return served(document("State a task, play, search", body, {}), live)
