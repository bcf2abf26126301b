"""``[limits]`` of a problem file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, PlainValidator

from sequence_search.limits import FixedPulses, Limits, SignalLimits
from sequence_search.problem.table import Table, key
from sequence_search.problem.units import Degrees, Limit, Number, TimeLimit, Unit, WholeNumber
from sequence_search.system import System, load_system, system_names, system_of


def _system(value: object, info: Any) -> System:
    """A scanner by its name, by its file beside that of the problem, or as the table of such a file."""
    folder = (info.context or {}).get("folder", Path())
    if isinstance(value, dict):
        return system_of(value, folder)
    path = folder / str(value)
    if not isinstance(value, str) or (value not in system_names() and not path.is_file()):
        known = ", ".join(system_names())
        raise ValueError(f"must be one of {known}, or a TOML file beside the problem, got {value!r}")
    return load_system(value if value in system_names() else path)


SystemKey = Annotated[System, PlainValidator(_system)]


class SignalLimitsTable(Table):
    """``[limits.signal.NAME]``."""

    makes = SignalLimits
    mean: Limit = key(None, "of |Mxy| over the voxels of the tissue")
    percentile_95: Limit = key(None, "above which 5 % of its voxels lie")

    def make(self, *name: str) -> SignalLimits:
        """The limits, of a tissue by its name."""
        made: SignalLimits = super().make(*(name or ("tissue",)))
        return made


class FixedTable(Table):
    """``[limits.head]`` and ``[limits.tail]``; each list has one entry for each pulse."""

    makes: ClassVar[Any] = FixedPulses
    flip_angle: Annotated[tuple[Number, ...], Unit("rad")] = Field(alias="flip_deg")
    phase: Annotated[tuple[Number, ...], Unit("rad")] = Field(alias="phase_deg")
    delay: Annotated[tuple[Number, ...], Unit("s")] = Field(alias="delay_ms")
    pulses: tuple[str, ...] = key(None, "kind of each pulse")
    gradients: tuple[str, ...] = key(None, "none, crusher or spoiler after each pulse")


class LimitsTable(Table):
    """``[limits]``; a number is at most."""

    makes = Limits
    time_to_readout: TimeLimit = key("time_to_readout_ms", "from the first pulse")
    te: TimeLimit = key("te_ms", "echo time")
    te_readout: WholeNumber = key(None, "of several readouts the one that TE is of, from 1")
    ti: TimeLimit = key("ti_ms", "inversion time")
    relative_rf_energy: Limit = key(None, "relative to 90°-180°")
    max_flip: Degrees = key("max_flip_deg", "largest flip angle")
    n_rf: Limit = key(None, "number of pulses")
    signal: dict[str, SignalLimitsTable] = key(None, "of a tissue")
    system: SystemKey = key(None, "scanner: a name or a TOML file beside this one")
    slice_thickness: Annotated[Number, Unit("m")] = key("slice_mm", "thickness of the slice there")
    head: FixedTable = key(None, "the first pulses, as they are")
    tail: FixedTable = key(None, "the last pulses, as they are")

    def make(self, *name: str) -> Limits:
        """The limits, of whichever tissues they name."""
        given = {key: getattr(self, key) for key in self.model_fields_set}
        if "signal" in given:
            given["signal"] = tuple(table.make(tissue) for tissue, table in given["signal"].items())
        for part in given.keys() & {"head", "tail"}:
            given[part] = given[part].make()
        return Limits(**given)
