"""``[pulses.NAME]`` of a problem file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, PlainValidator, model_validator

from sequence_search.acquisition import Acquisition
from sequence_search.checks import Fault, check_type
from sequence_search.layout import HARD
from sequence_search.limits import Limits
from sequence_search.problem.errors import nearest
from sequence_search.problem.table import Table, key
from sequence_search.problem.units import Number, Time, real
from sequence_search.pulses.kinds import Kind, Shaped
from sequence_search.pulses.shapes import SHAPES
from sequence_search.pulses.slices import IN_SEARCH, places_for, slice_error
from sequence_search.pulses.uses import ANY, Uses
from sequence_search.search_space import SearchSpace


def _kind(shape: str, **given: Any) -> Kind:
    """A kind by the name of its shape, which has all keys that it needs and no other."""
    if shape not in SHAPES:
        raise Fault(f"{{shape}} must be one of {', '.join(SHAPES)}, got '{{0}}'", shape)
    known = [each for each in fields(SHAPES[shape]) if each.init]
    names = [each.name for each in known]
    if strange := [name for name in given if name not in names]:
        message = ", ".join(f"{{{name}}}" for name in strange) + " is not of {shape} '{0}'; its keys are "
        raise Fault(message + ", ".join(f"{{{name}}}" for name in names), shape)
    if missing := [each.name for each in known if each.default is MISSING and each.name not in given]:
        what = ", ".join("{file}" if name == "samples" else f"{{{name}}}" for name in missing)
        raise Fault("{shape} '{0}' needs " + what, shape)
    return SHAPES[shape](**given)


def _samples(value: object) -> tuple[complex, ...]:
    """A list of numbers, or of their real and imaginary parts."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of numbers or of [real, imaginary], got {value!r}")
    pairs = [each if isinstance(each, list | tuple) else (each, 0.0) for each in value]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("must be a list of numbers or of [real, imaginary]")
    return tuple(complex(real(first), real(second)) for first, second in pairs)


class PulseTable(Table):
    """``[pulses.NAME]``; which keys there are depends on the shape."""

    makes = staticmethod(_kind)
    shape: str = Field(description="hard, sinc, gauss, slr, hs or samples")
    duration: Time = key("duration_ms", "of the RF alone")
    time_bandwidth: Number = key(None, "product of the duration and the bandwidth across the slice")
    apodisation: str = key(None, "window of a sinc")
    purpose: str = key(None, "for which an slr pulse is designed")
    passband_ripple: Number = key(None, "of an slr pulse, relative to M0")
    stopband_ripple: Number = key(None, "of an slr pulse, relative to M0")
    peak_b1: Number = key("peak_b1_hz", "of a pulse of fixed amplitude, as hs")
    bandwidth: Number = key("bandwidth_hz", "of the sweep of hs")
    file: str = key(None, "samples, a line each: real part, or real and imaginary part; or .npy")
    samples: Annotated[tuple[complex, ...], PlainValidator(_samples)] = key(None, "in place of the file")
    use: Any = key(None, "excitation, refocusing, inversion or preparation in a search, or several of them")
    offset: Number = key("offset_hz", "frequency of the RF, at which the flip angle is reached")
    slice: Annotated[bool, Field(strict=True)] = key(None, "whether it is played on a slice gradient")
    accuracy: Number = key(None, "by which part of M0 the places of a search across the slice may miss it")
    slice_factor: Number = key(None, "width of what it selects relative to the slice")
    rephaser: Time = key("rephaser_ms", "of the slice gradient, on either side")
    raster: Time = key("raster_ms", "length of a step of the waveform")

    @model_validator(mode="before")
    @classmethod
    def _read_file(cls, data: Any, info: Any) -> Any:
        """Samples of a file stand in its place, so that a problem is whole without it."""
        if not isinstance(data, dict) or data.get("shape") != "samples" or "file" not in data:
            return data
        if "samples" in data:
            raise ValueError("samples takes the place of file: state one of them, got both")
        rest = {name: value for name, value in data.items() if name != "file"}
        folder = (info.context or {}).get("folder", Path())
        return rest | {"samples": _read(folder / str(data["file"]), str(data["file"]))}


def check_pulses(pulses: Mapping[str, Kind], chosen: tuple[str, ...]) -> None:
    """Refuse kinds without a name or the accuracy that they state, and chosen names that there are not."""
    for name, kind in pulses.items():
        check_type(kind, Kind)
        if name == HARD or not name.strip():
            message = "a kind of pulse needs a name, and '{0}' is the instantaneous one, got {1}"
            raise Fault(message, HARD, repr(name))
        if isinstance(kind, Shaped) and kind.accuracy is not None:
            _check_accuracy(name, kind, kind.accuracy)
    for name in chosen:
        if name not in pulses and name != HARD:
            raise Fault("{pulses}: pulse '{0}' is not defined" + nearest(name, [HARD, *pulses]), name)


def _check_accuracy(name: str, kind: Shaped, accuracy: float) -> None:
    error = slice_error(kind)
    if error > accuracy:
        count = places_for(kind, accuracy)
        message = (
            "pulses.{0}: accuracy {1:} needs {2} places across the slice, and a search has {3}, right to {4}"
            " of M0: state as much, or a smaller time_bandwidth"
        )
        raise Fault(message, name, accuracy, count, IN_SEARCH, f"{error:.1e}")


def uses_of(pulses: Mapping[str, Kind], names: Iterable[str]) -> tuple[Uses, ...]:
    """What pulses of kinds with these names may be for; instantaneous ones for anything."""
    return tuple(pulses[name].uses if name in pulses else ANY for name in names)


def check_uses(
    space: SearchSpace, limits: Limits, pulses: Mapping[str, Kind], acquisition: Acquisition
) -> None:
    """Refuse a choice of kinds of which no sequence can be; pulses that are given may be for anything.

    Raises
    ------
    ValueError
    """
    uses = frozenset().union(*uses_of(pulses, space.pulses))
    needed = {
        "excitation": limits.head is None and limits.tail is None,
        "refocusing": acquisition.echoes > 1 and limits.tail is None,
    }
    for use, is_needed in needed.items():
        if is_needed and use not in uses:
            message = "{pulses} must have a kind for {0}: none of [{1}] is, state it as the use of one"
            raise Fault(message, use, ", ".join(space.pulses))


def _read(path: Path, name: str) -> list[list[float]]:
    """Real and imaginary parts of the samples of a file."""
    try:
        if path.suffix == ".npy":
            values = np.load(path)
        else:
            columns = np.loadtxt(path, delimiter=",", ndmin=2)
            if columns.shape[1] > 2:
                raise ValueError(f"has {columns.shape[1]} columns")
            values = columns[:, 0] + 1j * (columns[:, 1] if columns.shape[1] == 2 else 0.0)
        values = np.asarray(values, complex)
        if values.ndim != 1:
            raise ValueError(f"has {values.ndim} dimensions")
    except OSError as error:
        raise ValueError(f"file '{name}' cannot be read: {error.strerror or error}") from None
    except (ValueError, EOFError) as error:
        form = "a number a line, or real and imaginary part with a comma, or .npy of one dimension"
        raise ValueError(f"file '{name}' must be {form}: {str(error).partition('; ')[0]}") from None
    return [[value.real, value.imag] for value in values.tolist()]
