import math

import pytest

from sequence_search.extras import MissingExtraError, imported


def test_a_library_that_is_there_is_imported():
    assert imported("math", "pulseq", "export") is math


def test_one_that_is_missing_is_named_with_its_extra():
    with pytest.raises(
        MissingExtraError, match=r"^export needs none_such: pip install 'sequence-search\[pulseq\]'"
    ):
        imported("none_such.part", "pulseq", "export")
