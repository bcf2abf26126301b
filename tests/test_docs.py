"""Examples in README and docs run, and what they name exists."""

import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import sequence_search

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
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
    how = {"capture_output": True, "text": True, "timeout": 600, "cwd": path.parent}
    done = subprocess.run(command, input=json.dumps(EXAMPLES), check=False, **how)
    assert done.returncode == 0, done.stderr
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(name, failures):
    assert name not in failures, failures[name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def named(page: Path) -> list[str]:
    """What stands in code marks on a line of the page."""
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_named_exist(page):
    for name in named(page):
        found = re.fullmatch(r"(?:python )?(\w+\.py|[\w/]+/[\w*]+\.(?:py|toml))(?:::(\w+))?", name)
        if found is None:
            continue
        path, test = found.groups()
        inside = path if "/" in path else f"**/{path}"
        files = [*ROOT.glob(path), *(ROOT / "src" / "sequence_search").glob(inside)]
        assert files, name
        assert test is None or f"def {test}(" in files[0].read_text(encoding="utf-8"), name


@cache
def modules() -> dict[str, object]:
    """Modules by their name within the package, and each class by its own and in lower case."""
    found = {"sequence_search": sequence_search}
    for info in pkgutil.walk_packages(sequence_search.__path__, "sequence_search."):
        if not info.name.endswith("__main__"):
            found[info.name.removeprefix("sequence_search.")] = importlib.import_module(info.name)
    classes = {
        name: value
        for module in found.values()
        for name, value in inspect.getmembers(module, inspect.isclass)
        if value.__module__.startswith("sequence_search.")
    }
    return {name.lower(): value for name, value in classes.items()} | classes | found


def exists(name: str) -> bool:
    """Whether a dotted name, of a module, a class or an object called as its class, leads somewhere."""
    first, *rest = name.removeprefix("sequence_search.").split(".")
    for owner in (first, first.capitalize()):
        value, at = modules().get(owner), owner
        for part in rest:
            at = f"{at}.{part}"
            known = getattr(value, "__dataclass_fields__", {})
            value = modules().get(at) or getattr(value, part, known.get(part))
        if value is not None:
            return True
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_functions_named_exist(page):
    firsts = {name.split(".")[0] for name in modules()} | {"sequence_search"}
    for name in named(page):
        found = re.match(r"((?:[A-Za-z_]\w*\.)+\w+)(?:$|\()", name)
        if found is not None and found[1].split(".")[0] in firsts and "_ms" not in name:
            assert found[1].endswith((".md", ".py", ".json", ".npz", ".toml")) or exists(found[1]), name


def test_a_name_that_is_gone_is_found():
    assert exists("report.robustness.RobustnessMap.error")
    assert exists("problem.with_term")
    assert not exists("tables.make_table")
    assert not exists("paper.tables.make")
