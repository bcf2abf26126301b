"""A design as a Pulseq file: pulses, gradients and readouts within the limits of a scanner."""

from sequence_search.export.build import pulseq
from sequence_search.export.protocol import Protocol

__all__ = ["Protocol", "pulseq"]
