"""What an export adds to a design: how it is read and encoded, thickness of the slice, repetitions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sequence_search.checks import Fault, number, whole_number
from sequence_search.problem.problem import Problem
from sequence_search.system import System, load_system
from sequence_search.timing import THICKNESS

READOUTS = ("none", "fid", "cartesian", "epi")
IMAGES = {
    "cartesian": 250.0,
    "epi": 1500.0,
}  # readouts of k-space, and bandwidth of a pixel if none is stated [Hz]
OF_IMAGES = ("fov", "matrix", "bandwidth")  # what is of these alone
MOST_LINES = 1024
DEFAULT = "siemens-prisma"


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """What an export adds to a design.

    Attributes
    ----------
    readout : "none", "fid", "cartesian" or "epi"
        A few samples about each readout; many from it on; a line of k-space about it; or all lines of it.
    fov : field of view along x, y and, in 3D, z [m]
    matrix : samples along x, lines along y and, in 3D, along z; even numbers
    slice_thickness : of the slice or slab [m]; None: 5 mm, or in 3D the field of view along z
    bandwidth : of a pixel along x [Hz]; None: 250, or 1500 of "epi"
    turbo : whether each readout of a train is a line of one image, else each is of an image of its own
    dummies : repetitions before the first that is read; None: for five T1
    tr : time from one playing to the next of a design that is played once [s]; None: five T1
    hard_duration : of pulses that are instantaneous in the design [s]; None: 0.5 ms, or what peak B1 asks

    Raises
    ------
    ValueError
        If a value is none.
    """

    readout: str = "none"
    fov: tuple[float, ...] = (0.22, 0.22)
    matrix: tuple[int, ...] = (128, 128)
    slice_thickness: float | None = None
    bandwidth: float | None = None
    turbo: bool = False
    dummies: int | None = None
    tr: float | None = None
    hard_duration: float | None = None

    def __post_init__(self) -> None:
        if self.readout not in READOUTS:
            raise Fault("{readout} must be one of {0}, got '{1}'", ", ".join(READOUTS), self.readout)
        if len(self.fov) not in (2, 3) or len(self.fov) != len(self.matrix):
            message = "{fov} and {matrix} must both have two numbers or, in 3D, three, got {0} and {1}"
            raise Fault(message, len(self.fov), len(self.matrix))
        for lines in self.matrix:
            if whole_number("matrix", lines, 2, MOST_LINES) % 2:
                raise Fault("{matrix} must be of even numbers, got {0}", lines)
        for name in ("slice_thickness", "bandwidth", "tr", "hard_duration"):
            value = getattr(self, name)
            if value is not None and not 0 < number(name, value) < math.inf:
                raise Fault(f"{{{name}}} must be above 0, got {{0}}", f"{value:g}")
        for extent in self.fov:
            if not 0 < number("fov", extent) < math.inf:
                raise Fault("{fov} must be above 0, got {0:m}", extent)
        if self.dummies is not None:
            whole_number("dummies", self.dummies, 0, 10**6)
        if self.turbo and self.readout != "cartesian":
            raise Fault("{turbo} is of {readout} 'cartesian', got '{0}'", self.readout)
        if self.readout == "epi" and len(self.matrix) > 2:
            raise Fault("{readout} 'epi' has two dimensions, got a {matrix} of {0}", len(self.matrix))

    @property
    def is_image(self) -> bool:
        """Whether k-space is sampled."""
        return self.readout in IMAGES

    @property
    def pixel_bandwidth(self) -> float:
        """Bandwidth of a pixel along x [Hz]."""
        return self.bandwidth or IMAGES[self.readout]

    @property
    def lines(self) -> tuple[int, int]:
        """Phase encoding steps along y and z, one in each repetition or echo."""
        if self.readout != "cartesian":
            return 1, 1
        return self.matrix[1], self.matrix[2] if len(self.matrix) == 3 else 1

    @property
    def thickness(self) -> float:
        """Of the slice or slab that pulses select [m]."""
        in_z = self.fov[2] if self.is_image and len(self.fov) == 3 else THICKNESS
        return in_z if self.slice_thickness is None else self.slice_thickness

    @property
    def voxel(self) -> tuple[float, float, float]:
        """Extents over which gradients must dephase; of what is not encoded the slice thickness [m]."""
        if not self.is_image:
            return self.thickness, self.thickness, self.thickness
        sides = [extent / count for extent, count in zip(self.fov, self.matrix, strict=True)]
        x, y, z = [*sides, self.thickness][:3]
        return x, y, z

    @property
    def compared(self) -> tuple[float, float, float]:
        """Extents over which a file is compared with its design: of a voxel, through the whole slab [m]."""
        x, y, _ = self.voxel
        return x, y, self.thickness


def system_for(problem: Problem, system: System | str | None = None) -> System:
    """A scanner or that of a name; if there is none, that of the problem, or a Prisma."""
    if isinstance(system, System):
        return system
    return problem.limits.system or load_system(DEFAULT) if system is None else load_system(system)


def protocol_for(problem: Problem) -> Protocol:
    """What an export adds if nothing else is said, with the slice that the problem states for its scanner."""
    return Protocol(slice_thickness=problem.limits.slice_thickness)


# Options of the command line by field, and how many of their unit make one of ours.
OPTIONS = {
    "readout": ("readout", 1),
    "fov": ("fov_mm", 1e3),
    "matrix": ("matrix", 1),
    "slice_thickness": ("slice_mm", 1e3),
    "bandwidth": ("bandwidth_hz", 1),
    "turbo": ("turbo", 1),
    "dummies": ("dummies", 1),
    "tr": ("repeat_ms", 1e3),
    "hard_duration": ("hard_ms", 1e3),
}


def protocol_of(options: Mapping[str, Any], problem: Problem) -> Protocol:
    """Protocol of options by name, in their units; None is what was not given, see `protocol_for`.

    Raises
    ------
    ValueError
        If a value is none, told by the option.
    """
    fields: dict[str, Any] = {}
    for name, (option, factor) in OPTIONS.items():
        value = options[option]
        if value is None:
            continue
        if factor != 1:
            value = tuple(x / factor for x in value) if isinstance(value, tuple) else value / factor
        elif name == "matrix":
            value = tuple(int(x) if x == int(x) else x for x in value)
        fields[name] = value
    flags = {name: f"--{option.replace('_', '-')}" for name, (option, _) in OPTIONS.items()}
    try:
        found = replace(protocol_for(problem), **fields)
    except Fault as fault:
        raise ValueError(fault.told(flags)) from None
    unused = [flags[name] for name in OF_IMAGES if name in fields and not found.is_image]
    if unused:
        raise ValueError(
            f"--readout must be cartesian or epi with {', '.join(unused)}, got '{found.readout}'"
        )
    return found
