"""What can be told of a Pulseq file from its text: its version, sections and shapes, before it is read."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from sequence_search.playback.events import PulseqError

SECTIONS = (
    "VERSION",
    "DEFINITIONS",
    "BLOCKS",
    "RF",
    "GRADIENTS",
    "TRAP",
    "ADC",
    "SHAPES",
    "EXTENSIONS",
    "SIGNATURE",
)
EXTENSIONS = ("TRIGGERS", "LABELSET", "LABELINC")
# What other files may have, in words.
REFUSED = {
    "DELAYS": "soft delays, whose length is chosen at the scanner",
    "ROTATIONS": "rotations of its gradients",
    "RF_SHIMS": "shims of several transmit channels",
}
VERSIONS = ("1.4", "1.5")


def read_text(path: Path) -> tuple[str, str]:
    """Text of a file and the version of its format, as "1.5.0".

    Raises
    ------
    PulseqError
        If it cannot be read, is no text, no Pulseq file, of another version, or has a section that is not
        understood.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise PulseqError(f"{path} is no Pulseq file: it is not text") from None
    except OSError as error:
        raise PulseqError(f"{path} cannot be read: {error.strerror}") from None
    lines = [line.strip() for line in text.splitlines()]
    if "[VERSION]" not in lines:
        raise PulseqError(f"{path} is no Pulseq file: it has no section [VERSION]")
    version = _version(text, path)
    for line in lines:
        _check_section(line, path)
    if "[BLOCKS]" not in lines:
        raise PulseqError(f"{path} is cut off: it has no section [BLOCKS]")
    return text, version


def is_changed(text: str) -> bool:
    """Whether the signature of a file is of another text."""
    body, found, signature = text.replace("\r\n", "\n").partition("\n[SIGNATURE]\n")
    stated = re.search(r"^Hash\s+([0-9a-fA-F]{32})\s*$", signature, re.MULTILINE)
    if not found or stated is None:
        return False
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest() != stated[1].lower()


def check_shapes(sequence: Any, path: Path) -> None:
    """Refuse a shape with fewer or more samples than it states, in a `pypulseq.Sequence`.

    A shape of n samples is stored as they are, or as their differences, of which a value that stands twice
    is followed by how often it is repeated besides.
    """
    for number, (count, *data) in sequence.shape_library.data.items():
        if count == len(data):
            continue
        found, at = 0, 0
        while at < len(data):
            twice = at + 1 < len(data) and data[at] == data[at + 1]
            if twice and at + 2 >= len(data):
                break
            found, at = (found + 2 + int(data[at + 2]), at + 3) if twice else (found + 1, at + 1)
        if found != count:
            raise PulseqError(
                f"{path} is damaged or cut off: shape {int(number)} must have {int(count)}"
                " samples, and has not"
            )


def _version(text: str, path: Path) -> str:
    section = text.partition("[VERSION]")[2].partition("[")[0]
    parts = dict(re.findall(r"^\s*(major|minor|revision)\s+(\d+)", section, re.MULTILINE))
    if len(parts) < 3:
        raise PulseqError(f"{path} is no Pulseq file: [VERSION] must have major, minor and revision")
    version = f"{parts['major']}.{parts['minor']}.{parts['revision']}"
    if version.rpartition(".")[0] not in VERSIONS:
        raise PulseqError(f"{path} must be of the format {' or '.join(VERSIONS)}, got {version}")
    return version


def _check_section(line: str, path: Path) -> None:
    if line.startswith("["):
        name = line.strip("[]")
        if name not in SECTIONS:
            raise PulseqError(f"{path} has a section [{name}], which is not understood")
    elif line.startswith("extension "):
        name = [*line.split(), ""][1]
        if name not in EXTENSIONS:
            what = REFUSED.get(name, f"an extension {name}")
            raise PulseqError(f"{path} has {what}, which is not understood")
