"""What is played: RF pulses and the delays after them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

SMALL_PULSE_DEG = 3.0  # Sec. II.E: pulses below 3° are removed before evaluation


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """A batch of RF pulse sequences; a wait lengthens the delay of the pulse before it.

    Attributes
    ----------
    flip_angle, phase : tensor [*batch, n_rf], rad
    delay : tensor [*batch, n_rf], s
        From the centre of pulse i to the centre of pulse i+1, or to the readout for the last.
    present : bool tensor [*batch, n_rf] or None
        False marks the padding of a batch of sequences with different numbers of pulses: neither
        rotation nor delay. None: all present.

    Raises
    ------
    ValueError
        If the shapes differ.
    """

    flip_angle: Float[Tensor, "*batch n_rf"]
    phase: Float[Tensor, "*batch n_rf"]
    delay: Float[Tensor, "*batch n_rf"]
    present: Bool[Tensor, "*batch n_rf"] | None = None

    def __post_init__(self) -> None:
        parts = [self.flip_angle, self.phase, self.delay] + ([] if self.present is None else [self.present])
        if self.flip_angle.ndim == 0 or any(part.shape != self.flip_angle.shape for part in parts):
            shapes = ", ".join(str(tuple(part.shape)) for part in parts)
            raise ValueError(
                f"flip_angle, phase, delay and present must share one shape [*batch, n_rf], got {shapes}"
            )

    @classmethod
    def from_degrees_ms(
        cls, flip_deg: Any, phase_deg: Any, delay_ms: Any, *, dtype: torch.dtype = torch.float64
    ) -> Sequence:
        """One sequence, or a batch of equal pulse number, from nested lists, arrays or tensors.

        Parameters
        ----------
        flip_deg, phase_deg : array-like [*batch, n_rf], degrees
        delay_ms : array-like [*batch, n_rf], ms, each >= 0
        dtype : torch.dtype

        Raises
        ------
        ValueError
            If the shapes differ, a number is not finite or a delay is negative.
        """
        flip, phase, delay = (torch.as_tensor(part, dtype=dtype) for part in (flip_deg, phase_deg, delay_ms))
        if not flip.shape == phase.shape == delay.shape:
            counts = (flip.shape[-1:], phase.shape[-1:], delay.shape[-1:])
            given = ", ".join(str(count.numel()) for count in counts)
            raise ValueError(f"flip_deg, phase_deg and delay_ms need one number for each pulse, got {given}")
        for name, part in (("flip_deg", flip), ("phase_deg", phase), ("delay_ms", delay)):
            if not torch.isfinite(part).all():
                raise ValueError(f"{name} must be finite, got {part.tolist()}")
        if (delay < 0).any():
            raise ValueError(f"delay_ms must be at least 0, got {delay.tolist()}")
        return cls(torch.deg2rad(flip), torch.deg2rad(phase), delay / 1e3)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Sequence:
        """Read what `to_dict` wrote.

        Raises
        ------
        ValueError
            If a key is missing or unknown, or a value is refused by `from_degrees_ms`.
        """
        expected = {"flip_deg", "phase_deg", "delay_ms"}
        if set(data) != expected:
            raise ValueError(f"a sequence has the keys {sorted(expected)}, got {sorted(data)}")
        return cls.from_degrees_ms(**data)

    @classmethod
    def stack(cls, sequences: list[Sequence]) -> Sequence:
        """Batch of single sequences [n_sequences, n_rf], padded to the longest.

        Raises
        ------
        ValueError
            If the list is empty or one of its members is a batch.
        """
        if not sequences or any(s.flip_angle.ndim != 1 for s in sequences):
            raise ValueError("stack needs at least one sequence, and single ones: index a batch first")
        sequences = [s.without_padding() for s in sequences]
        counts = torch.tensor([len(s.flip_angle) for s in sequences], device=sequences[0].flip_angle.device)
        flip, phase, delay = (
            torch.nn.utils.rnn.pad_sequence([getattr(s, name) for s in sequences], batch_first=True)
            for name in ("flip_angle", "phase", "delay")
        )
        present = torch.arange(flip.shape[-1], device=counts.device) < counts[:, None]
        return cls(flip, phase, delay, None if bool(present.all()) else present)

    def to_dict(self) -> dict[str, list[float]]:
        """Plain degrees and milliseconds of a single sequence, for JSON.

        Raises
        ------
        ValueError
            If this is a batch.
        """
        single = self.without_padding()
        columns = {
            "flip_deg": torch.rad2deg(single.flip_angle),
            "phase_deg": torch.rad2deg(single.phase),
            "delay_ms": single.delay * 1e3,
        }
        # Twelve digits undo the rounding of the conversion: 6.2 ms reads 6.2, not 6.200000000000001.
        return {
            name: [float(f"{value:.12g}") for value in column.tolist()] for name, column in columns.items()
        }

    @property
    def batch_shape(self) -> torch.Size:
        """Shape of the batch; empty for a single sequence."""
        return self.flip_angle.shape[:-1]

    @property
    def n_rf(self) -> Int[Tensor, "*batch"]:
        """Number of pulses, the RF number loss of Sec. II.D."""
        return self._mask().sum(-1)

    @property
    def rf_energy(self) -> Float[Tensor, "*batch"]:
        """Sum of squared flip angles [rad²], the RF energy loss of Sec. II.D."""
        return torch.where(self._mask(), self.flip_angle, 0.0).square().sum(-1)

    @property
    def time_to_readout(self) -> Float[Tensor, "*batch"]:
        """Time from the first pulse to the readout [s]."""
        return torch.where(self._mask(), self.delay, 0.0).sum(-1)

    def __getitem__(self, index: Any) -> Sequence:
        """Part of the batch; the pulses of a sequence are not indexed."""
        if not self.batch_shape:
            raise IndexError(
                "a single sequence has no batch to index; its pulses are in flip_angle, phase, delay"
            )
        rows = torch.arange(self.batch_shape.numel(), device=self.delay.device).reshape(self.batch_shape)[
            index
        ]
        n_rf = self.delay.shape[-1]
        flip, phase, delay = (
            part.reshape(-1, n_rf)[rows] if n_rf else part.new_zeros(*rows.shape, 0)
            for part in (self.flip_angle, self.phase, self.delay)
        )
        return Sequence(
            flip, phase, delay, None if self.present is None else self.present.reshape(-1, n_rf)[rows]
        )

    def to(self, *args: Any, **kwargs: Any) -> Sequence:
        """Copy on another device or in another dtype, as `torch.Tensor.to`."""
        flip, phase, delay = (part.to(*args, **kwargs) for part in (self.flip_angle, self.phase, self.delay))
        return Sequence(flip, phase, delay, None if self.present is None else self.present.to(flip.device))

    def detach(self) -> Sequence:
        """Copy without gradient history."""
        return Sequence(self.flip_angle.detach(), self.phase.detach(), self.delay.detach(), self.present)

    def without_padding(self) -> Sequence:
        """Single sequence without absent pulses.

        Raises
        ------
        ValueError
            If this is a batch.
        """
        if self.batch_shape:
            raise ValueError(
                f"expected a single sequence, got a batch {tuple(self.batch_shape)}: index it first"
            )
        if self.present is None:
            return self
        return Sequence(self.flip_angle[self.present], self.phase[self.present], self.delay[self.present])

    def drop_small_pulses(self, below_deg: float = SMALL_PULSE_DEG) -> Sequence:
        """Remove pulses with a flip angle under 3°, as Sec. II.E does before evaluation.

        A removed pulse leaves its delay to the pulse before it. If it was the first, the time before
        the new first pulse is dropped, because nothing was excited yet.
        """
        keep = self._mask() & (self.flip_angle.abs() >= math.radians(below_deg))
        return merge_delays(self.flip_angle, self.phase, torch.where(self._mask(), self.delay, 0.0), keep)

    def standardize_phases(self) -> Sequence:
        """First phase 0, all within (-180°, 180°], second not negative: the three steps of Sec. II.E.

        Beforehand a negative flip angle becomes a positive one with the phase turned by 180°, which is
        the same rotation. Negating all phases mirrors the response in b0, so that magnitudes averaged
        over a b0 range symmetric about 0 are kept.
        """
        turned = torch.where(self.flip_angle < 0, self.phase + math.pi, self.phase)
        delay = torch.where(self._mask(), self.delay, 0.0)
        packed = merge_delays(self.flip_angle.abs(), turned, delay, self._mask())
        if packed.flip_angle.shape[-1] == 0:
            return packed
        phase = _wrap(packed.phase - packed.phase[..., :1])
        if phase.shape[-1] > 1:
            phase = torch.where(phase[..., 1:2] < 0, _wrap(-phase), phase)
        return Sequence(packed.flip_angle, phase, packed.delay, packed.present)

    def _mask(self) -> Bool[Tensor, "*batch n_rf"]:
        return torch.ones_like(self.flip_angle, dtype=torch.bool) if self.present is None else self.present

    def __str__(self) -> str:
        """As ``88.4°(0°) –6.2 ms– 176.7°(180°) –6.2 ms– readout``; one line for each of a batch."""
        if self.batch_shape:
            return "\n".join(str(self[i]) for i in range(self.batch_shape[0]))
        columns = self.to_dict().values()
        return (
            "".join(
                f"{_short(flip, 1)}°({_short(phase, 0)}°) –{_duration(delay)}– "
                for flip, phase, delay in zip(*columns, strict=True)
            )
            + "readout"
        )


def merge_delays(
    flip_angle: Float[Tensor, "*batch events"],
    phase: Float[Tensor, "*batch events"],
    delay: Float[Tensor, "*batch events"],
    is_pulse: Bool[Tensor, "*batch events"],
) -> Sequence:
    """Sequence of the events that are pulses; the delay of any other event goes to the pulse before it.

    Time before the first pulse is dropped. Differentiable.

    Parameters
    ----------
    flip_angle, phase : tensor [*batch, events], rad
    delay : tensor [*batch, events], s
    is_pulse : bool tensor [*batch, events]
    """
    count = is_pulse.sum(-1, keepdim=True)
    n_rf = int(count.max()) if count.numel() else 0
    # Pulse number of each event, 1-based; events before the first pulse land in slot 0, cut off below.
    slot = is_pulse.cumsum(-1)
    slots = flip_angle.new_zeros((*flip_angle.shape[:-1], n_rf + 1))
    flips, phases = (
        slots.scatter_add(-1, slot, torch.where(is_pulse, part, 0.0))[..., 1:] for part in (flip_angle, phase)
    )
    delays = slots.scatter_add(-1, slot, delay)[..., 1:]
    present = torch.arange(n_rf, device=count.device) < count
    return Sequence(flips, phases, delays, None if bool(present.all()) else present)


def _wrap(angle: Tensor) -> Tensor:
    """Angle in (-pi, pi]."""
    return math.pi - torch.remainder(math.pi - angle, 2 * math.pi)


def _short(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _duration(delay_ms: float) -> str:
    return f"{_short(delay_ms, 1)} ms" if delay_ms < 999.95 else f"{_short(delay_ms / 1e3, 3)} s"
