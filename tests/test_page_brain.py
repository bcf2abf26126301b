"""Brain images in a page."""

from page_results import SPIN_ECHO
from sequence_search.extras import MissingExtraError
from sequence_search.page import brain
from sequence_search.page.brain import brain_section
from sequence_search.preview import Anatomy
from sequence_search.problem.problem import Problem

PROBLEM = Problem.load("max-signal")


def test_the_design_stands_beside_the_conventional_sequence(monkeypatch):
    import numpy as np

    head = np.zeros((3, 12, 14, 10))
    head[:, 2:10, 2:12, 2:8] = np.random.default_rng(0).dirichlet((1, 1, 1), (8, 10, 6)).transpose(3, 0, 1, 2)
    anatomy = Anatomy(np.diag([8.0, 8, 8, 1]), dict(zip(("GM", "WM", "CSF"), head, strict=True)))
    monkeypatch.setattr(brain, "_template", lambda: anatomy)
    text = brain_section(PROBLEM, SPIN_ECHO)
    assert 'alt="Brain images of best design and of conventional sequence"' in text
    assert 'src="data:image/png;base64,' in text
    named = Problem.from_toml(PROBLEM.to_toml().replace("CSF", "bone"))
    assert "No preview: " in brain_section(named, SPIN_ECHO)
    assert "bone" in brain_section(named, SPIN_ECHO)


def test_without_the_extra_a_line_says_how_to_get_it(monkeypatch):
    def missing():
        raise MissingExtraError("a preview needs nilearn: pip install 'sequence-search[preview]'")

    monkeypatch.setattr(brain, "_template", missing)
    text = brain_section(PROBLEM, SPIN_ECHO)
    assert "pip install &#x27;sequence-search[preview]&#x27;" in text
    assert "<img" not in text
