"""The widget in Chromium, with a model in the place of Jupyter's."""

import base64
import json
from importlib import resources

import pytest

from page_results import OTHERS, SPIN_ECHO
from sequence_search.page.data import sequence_data
from sequence_search.problem.problem import Problem
from test_page_browser import drive, pytestmark  # noqa: F401

widget = pytest.importorskip("sequence_search.notebook.widget")

# A model as Jupyter gives it, whose state stands in the page; the button is what Python assigns.
NOTEBOOK = """<!doctype html><body style="background: #111; color: #eee"><pre id="told">nothing</pre>
<button>assign</button><div id="output"></div>
<script type="module">
import widget from "data:text/javascript;base64,CODE";
const state = STATE;
const followers = [];
const change = (name, value) => { state[name] = value; followers.forEach((follow) => follow()); };
const model = {
  get: (name) => state[name],
  set: change,
  save_changes: () => { document.querySelector("#told").textContent = JSON.stringify(state._sequence); },
  on: (_, follow) => followers.push(follow),
};
document.querySelector("button").onclick = () => change("_sequence", ASSIGNED);
widget.render({ model, el: document.querySelector("#output") });
</script>"""


def notebook(playground, assigned):
    code = (resources.files("sequence_search.notebook") / "widget.js").read_bytes()
    state = {name: playground.get_state(name)[name] for name in ("_page", "_sequence")}
    values = {
        "CODE": base64.b64encode(code).decode(),
        "STATE": json.dumps(state).replace("</", "<\\/"),
        "ASSIGNED": json.dumps(sequence_data(assigned)),
    }
    page = NOTEBOOK
    for name, value in values.items():
        page = page.replace(name, value)
    return page


def test_a_dragged_delay_reaches_python_and_what_python_assigns_the_page(tmp_path):
    problem = Problem.load("max-signal")
    playground = widget.Playground(problem, OTHERS[1])
    drawn, untold, _, _, told, _, _, flip = drive(
        notebook(playground, SPIN_ECHO),
        tmp_path,
        ["value", "Flip angle of pulse 2 in degrees"],
        ["text", "#told"],
        ["drag", "Delay 2, after pulse 2", 40, 0],
        ["size", 1000],
        ["text", "#told"],
        ["click", "assign"],
        ["size", 1440],
        ["value", "Flip angle of pulse 2 in degrees"],
    )
    assert (float(drawn), untold) == (90, "nothing")
    before = playground.sequence
    playground.set_state({"_sequence": json.loads(told)})
    assert playground.sequence.delay[1] > before.delay[1] + 1e-3
    assert playground.sequence.delay[[0, 2]].tolist() == before.delay[[0, 2]].tolist()
    assert float(flip) == 176
