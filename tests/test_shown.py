"""What values show of themselves."""

import subprocess
import sys

import pytest

from sequence_search.shown import above


def test_a_function_above_is_found_by_name():
    from sequence_search.notebook.html import html

    assert above("notebook.html", "html") is html
    with pytest.raises(AttributeError, match="htm"):
        above("notebook.html", "htm")


def test_values_load_nothing_that_draws_them_until_asked():
    code = (
        "import sys; from sequence_search import Problem, SearchResult, Sequence;"
        "assert not sys.modules.keys() & {'matplotlib', 'sequence_search.notebook'}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
