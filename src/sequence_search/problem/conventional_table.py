"""``[conventional]`` of a problem file."""

from __future__ import annotations

from sequence_search.problem.conventional import Conventional
from sequence_search.problem.limits_table import FixedTable
from sequence_search.problem.table import key
from sequence_search.problem.units import Time


class ConventionalTable(FixedTable):
    """``[conventional]``, the textbook's sequence; each list has one entry for each pulse."""

    makes = Conventional
    tr: Time = key("tr_ms", "repetition time, where that of [sequence] is a range")
    name: str = key(None, "what it is called")
    source: str = key(None, "where its numbers are from")
