"""Examples in README and docs run."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = {
    f"{page.name}-{number}": code.replace("range(4)", "range(1)")
    for page in PAGES
    for number, code in enumerate(
        re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    )
}
# A process of its own, as users have it: without the type checks of the other tests.
RUN = """
import json, pathlib, sys, traceback
failures = {}
for name, code in json.load(sys.stdin).items():
    try:
        exec(compile(code, name, "exec"), {"__name__": "__main__"})
    except BaseException:
        failures[name] = traceback.format_exc()
pathlib.Path(sys.argv[1]).write_text(json.dumps(failures))
"""


@pytest.fixture(scope="module")
def failures(tmp_path_factory) -> dict[str, str]:
    """Traceback of each example that fails; all run in one process, each with a namespace of its own."""
    path = tmp_path_factory.mktemp("docs") / "failures.json"
    command = [sys.executable, "-c", RUN, str(path)]
    done = subprocess.run(
        command, input=json.dumps(EXAMPLES), capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(name, failures):
    assert name not in failures, failures[name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
