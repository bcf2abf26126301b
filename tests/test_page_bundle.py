"""The bundle of the page that is committed is that of the sources beside it."""

import hashlib
from pathlib import Path

from sequence_search.page.html import bundled

FRONTEND = Path(__file__).parents[1] / "frontend"


def test_it_was_built_from_the_present_sources():
    files = [
        f"src/{path.relative_to(FRONTEND / 'src').as_posix()}" for path in (FRONTEND / "src").rglob("*.*")
    ]
    digest = hashlib.sha256()
    for file in sorted([*files, "package-lock.json"]):
        digest.update(f"{file}\0".encode() + (FRONTEND / file).read_bytes() + b"\0")
    assert bundled("sources.sha256").strip() == digest.hexdigest(), "build it again: make frontend"


def test_it_is_small_and_ends_no_script():
    script, style = bundled("page.js"), bundled("page.css")
    assert len(script) + len(style) < 200_000
    assert "</script" not in script.lower()
    assert "</style" not in style.lower()


def test_it_names_no_address_on_the_network():
    allowed = ("http://www.w3.org/",)  # names of SVG and MathML
    text = bundled("page.js") + bundled("page.css")
    for name in allowed:
        text = text.replace(name, "")
    assert "http://" not in text
    assert "https://" not in text


def test_the_lock_file_names_no_registry():
    assert '"resolved"' not in (FRONTEND / "package-lock.json").read_text()
