"""``[sequence]`` of a problem file."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainValidator

from sequence_search.acquisition import Acquisition
from sequence_search.limits import Range
from sequence_search.problem.table import Table, key
from sequence_search.problem.units import Time, Unit, WholeNumber, range_of, real


def _time(value: object) -> float | Range:
    """A number, or { low, high } where it is searched."""
    return range_of(value) if isinstance(value, dict) else real(value)


TimeOrRange = Annotated[float | Range, PlainValidator(_time), Unit("s")]


class AcquisitionTable(Table):
    """``[sequence]``, how a sequence is repeated and read."""

    makes = Acquisition
    tr: TimeOrRange = key("tr_ms", "repetition time, a number or { low, high }; inf if it is played once")
    spoiling: str = key(None, "what is left in the next repetition")
    echoes: WholeNumber = key(None, "readouts of a train of refocusing pulses")
    readout: Time = key("readout_ms", "duration of each readout")
    free_refocusing: WholeNumber = key(None, "first refocusing pulses with flip angles of their own")
    echo_spacing: TimeOrRange = key("echo_spacing_ms", "from echo to echo, a number or { low, high }")
