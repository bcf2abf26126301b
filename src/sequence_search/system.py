"""What a scanner can play: gradients, slew, rasters, dead times, peak B1."""

from __future__ import annotations

import math
import tomllib
from dataclasses import Field, dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import Any

from sequence_search.checks import Fault, number, whole_number

RASTERS = ("rf_raster_us", "gradient_raster_us", "adc_raster_us", "block_raster_us")
WHOLE = ("adc_samples_divisor", "adc_samples_limit")
TEXT = ("name", "source", "pns_model")
MAY_BE_ZERO = ("rf_dead_time_us", "rf_ringdown_us", "adc_dead_time_us", "adc_samples_limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Limits of a scanner, in the units of a system file, which has the same keys.

    Attributes
    ----------
    max_gradient_mt_m, max_slew_t_m_s : of each axis
    peak_b1_ut : largest B1
    b0_t : main field
    gamma_mhz_t : gyromagnetic ratio over 2 pi
    rf_raster_us, gradient_raster_us, adc_raster_us, block_raster_us : of which all times are whole multiples
    rf_dead_time_us, rf_ringdown_us : before and after each RF pulse
    adc_dead_time_us : before and after each readout
    adc_samples_divisor, adc_samples_limit : of the samples of one readout; a limit of 0 is none
    pns_model : text
        Of peripheral nerve stimulation: a Siemens .asc file, "example" for the made-up scanner that the SAFE
        model comes with, or nothing.
    name, source : who it is, and where its numbers are from

    Raises
    ------
    ValueError
        If a value is none.
    """

    max_gradient_mt_m: float
    max_slew_t_m_s: float
    peak_b1_ut: float
    b0_t: float = 3.0
    gamma_mhz_t: float = 42.577478518
    rf_raster_us: float = 1.0
    gradient_raster_us: float = 10.0
    adc_raster_us: float = 0.1
    block_raster_us: float = 10.0
    rf_dead_time_us: float = 100.0
    rf_ringdown_us: float = 30.0
    adc_dead_time_us: float = 10.0
    adc_samples_divisor: int = 4
    adc_samples_limit: int = 8192
    pns_model: str = ""
    name: str = field(default="own", compare=False)
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for each in fields(self):
            if each.name in TEXT:
                continue
            value = number(each.name, getattr(self, each.name))
            if not (0 <= value < math.inf and (value or each.name in MAY_BE_ZERO)):
                least = "at least" if each.name in MAY_BE_ZERO else "above"
                raise Fault(f"{{{each.name}}} must be {least} 0 and finite, got {{0}}", f"{value:g}")
            nanoseconds = 1e3 * value
            if each.name in RASTERS and abs(nanoseconds - round(nanoseconds)) > 1e-6 * min(nanoseconds, 1):
                raise Fault(
                    f"{{{each.name}}} must be a multiple of 0.001 (in microseconds), got {{0}}", f"{value:g}"
                )
            object.__setattr__(self, each.name, round(value) if each.name in WHOLE else value)

    @property
    def gamma(self) -> float:
        """Gyromagnetic ratio over 2 pi [Hz/T]."""
        return self.gamma_mhz_t * 1e6

    @property
    def max_gradient(self) -> float:
        """Largest gradient of an axis, gamma G / (2 pi) [Hz/m]."""
        return self.max_gradient_mt_m * 1e-3 * self.gamma

    @property
    def max_slew(self) -> float:
        """Largest slew rate of an axis [Hz/m/s]."""
        return self.max_slew_t_m_s * self.gamma

    @property
    def tick(self) -> float:
        """Of which all times between events are multiples: the rasters' least common multiple [s]."""
        rasters = (self.block_raster_us, self.gradient_raster_us, self.rf_raster_us)
        return math.lcm(*(round(1e3 * raster) for raster in rasters)) / 1e9

    @property
    def rf_raster(self) -> float:
        """Length of an RF sample [s]."""
        return self.rf_raster_us * 1e-6


def system_names() -> list[str]:
    """Names of the scanners that are known."""
    return list(_presets())


def load_system(name_or_path: str | Path) -> System:
    """A known scanner by its name, or that of a TOML file.

    Raises
    ------
    ValueError
        If there is none, or it is faulty.
    """
    presets = _presets()
    if str(name_or_path) in presets:
        return system_of(presets[str(name_or_path)] | {"name": str(name_or_path)})
    path = Path(name_or_path)
    if not path.is_file():
        raise ValueError(
            f"{name_or_path}: no such file and no system that is known; known are {', '.join(system_names())}"
        )
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from None
    try:
        return system_of({"name": path.stem} | table, path.parent)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def system_of(table: dict[str, Any], folder: Path = Path()) -> System:
    """A scanner of the table of a system file.

    Parameters
    ----------
    folder : of the file, where a model of nerve stimulation is, whose path becomes an absolute one

    Raises
    ------
    ValueError
        If a key is missing or unknown, or a value is none.
    """
    known = [each.name for each in fields(System)]
    if unknown := [key for key in table if key not in known]:
        raise ValueError(f"unknown key '{unknown[0]}'; known are {', '.join(known)}")
    needed = ("max_gradient_mt_m", "max_slew_t_m_s", "peak_b1_ut")
    if missing := [key for key in needed if key not in table]:
        raise ValueError(f"{', '.join(missing)} missing")
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name in TEXT:
            if not isinstance(value, str):
                raise Fault(f"{{{name}}} must be text, got {{0}}", repr(value))
            is_file = name == "pns_model" and value.endswith(".asc")
            values[name] = str((folder / value).resolve()) if is_file else value
        elif name in WHOLE:
            values[name] = whole_number(name, value, 0, 10**9)
        else:
            values[name] = number(name, value)
    return System(**values)


def system_table(system: System) -> str | dict[str, Any]:
    """As in a problem file: its name, if it is known by that, else the table of a system file."""
    if system.name in system_names() and system == load_system(system.name):
        return system.name
    return {each.name: getattr(system, each.name) for each in fields(System) if _is_stated(system, each)}


def _is_stated(system: System, each: Field[Any]) -> bool:
    return bool(getattr(system, each.name) != each.default)


def _presets() -> dict[str, dict[str, Any]]:
    text = (resources.files("sequence_search") / "systems.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
