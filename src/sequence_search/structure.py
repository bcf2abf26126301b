"""What each pulse of a sequence does to the pathway that carries the signal: kind of echo, TE, TM and TI."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from sequence_search.coherence import coherence_pathways, dephasing
from sequence_search.layout import HARD, SPOILER, Layout
from sequence_search.phases import wrap
from sequence_search.sections import section, up_to_readout
from sequence_search.sequence import NO_PULSE, Sequence
from sequence_search.sequence_text import duration
from sequence_search.words import counted

PREPARATORY = math.radians(20)  # Table II: earlier pulses below it do not decide the category
NEAR_AXIS = math.radians(20)  # as Tables II and III allow of a refocusing phase
NEAR_ECHO = 4e-3  # so long after an echo dephasing has taken a tenth of the signal; see `coherence`
INVERTS = math.radians(30)  # by which the flip angle of an inversion may differ from 180°


@dataclass(frozen=True, slots=True)
class Structure:
    """Structure of a single sequence; pulses are counted from 0, None or empty is what it does not have.

    Attributes
    ----------
    kind : str or None
        "gradient echo" (a free decay), "spin echo" or "stimulated echo". None: no signal.
    excitation : last pulse that turns Mz without a clock into the transverse plane
    refocusing, storing, idle : pulses after it that conjugate the signal, store it dephased, leave it as is
    refocusing_phases : of the refocusing pulses relative to the excitation, within (-pi, pi] [rad]
    preparation : str or None
        "T2-prepared", or "T2-prepared inversion": pulses before the excitation excite, refocus and store at
        least half of Mz. "inversion-prepared" or "saturation-prepared": the pulse before the excitation, with
        none but preparatory ones, below 20°, between, is nearer to 180° or to 90°.
    preparing : the pulses that do
    te : transverse time from the excitation to the readout, or to the echo if that is not near [s]
    tm, ti : time stored after the excitation; from the (last pulse of the) inversion to the excitation [s]
    off_echo : signed time from the echo to the readout [s]; 0 within 4 ms and a quarter of transverse time
    te_counts, ti_counts : how often TE and TI contain each delay of the sequence
    """

    kind: str | None = None
    excitation: int | None = None
    refocusing: tuple[int, ...] = ()
    storing: tuple[int, ...] = ()
    idle: tuple[int, ...] = ()
    refocusing_phases: tuple[float, ...] = ()
    preparation: str | None = None
    preparing: tuple[int, ...] = ()
    te: float | None = None
    tm: float | None = None
    ti: float | None = None
    off_echo: float = 0.0
    te_counts: tuple[int, ...] = ()
    ti_counts: tuple[int, ...] = ()


def find_structure(sequence: Sequence, readout: int | None = None) -> Structure:
    """Structure of a single sequence by the pathway that carries its signal in a typical tissue.

    Of a layout it is that of a readout, the latest if not given, reached from equilibrium, by what its
    crushers and spoilers leave; pulses turn by their nominal flip angles.
    """
    given = sequence.detach().without_padding().to("cpu").turn_first_to_zero()
    readout = int(given.readout_times.argmax()) if readout is None else readout
    single = up_to_readout(given, readout)
    orders = _largest(single)
    if orders is None:
        return Structure()
    delays, before = single.delay.double().numpy(), np.append(0, orders[:-1])
    clock, transverse = (np.append(0, np.cumsum(part * delays)) for part in (orders, abs(orders)))
    excites = (before == 0) & (orders != 0)
    first = int(np.flatnonzero(excites & _is_refocused(clock, transverse)[:-1])[-1])
    tau, te = float(clock[-1] - clock[first]), float(transverse[-1] - transverse[first])
    changes = (before * orders == -1, (before != 0) & (orders == 0), before == orders)
    behind = np.arange(len(orders)) > first
    refocusing, storing, idle = (tuple(np.flatnonzero(change & behind).tolist()) for change in changes)
    is_echo = bool((orders[first:] == -1).any())
    off_echo = tau if is_echo and not _is_refocused(tau, te) else 0.0
    preparation, preparing = _preparation(single, first)
    is_inverted = preparation is not None and "inversion" in preparation
    place, last = np.arange(len(orders)), preparing[-1] if preparing else first
    in_ti = (place >= last) & (place < first)
    in_te = np.where(place < first, 0, abs(orders) - (orders if off_echo else 0))
    return Structure(
        kind=("stimulated echo" if storing else "spin echo") if is_echo else "gradient echo",
        excitation=first,
        refocusing=refocusing,
        storing=storing,
        idle=idle,
        refocusing_phases=tuple(wrap(single.phase - single.phase[first])[list(refocusing)].tolist()),
        preparation=preparation,
        preparing=preparing,
        te=te - off_echo,
        tm=float(delays[first:].sum()) - te if storing else None,
        ti=float(delays[preparing[-1] : first].sum()) if is_inverted else None,
        off_echo=off_echo,
        te_counts=_in_delays(in_te, given.layout, readout),
        ti_counts=_in_delays(in_ti, given.layout, readout) if is_inverted else (),
    )


def _in_delays(counts: np.ndarray, layout: Layout | None, readout: int) -> tuple[int, ...]:
    """How often a time contains each delay, by how often it contains each interval up to a readout."""
    if layout is None:
        return tuple(counts.astype(int).tolist())
    read = layout.readouts[readout]
    rows = np.array([*layout.multiples[: read.pulse], read.multiples])
    return tuple((counts @ rows).tolist())


def describe(sequence: Sequence) -> str:
    """Structure of any single sequence in words, such as "3 RF: spin echo, inversion-prepared".

    Pulses below 3° are dropped beforehand, unless all are. Of a layout it also says what is played: kinds of
    pulse, gradients, readouts, TR.
    """
    whole = sequence.detach().without_padding()
    cleaned = whole.drop_small_pulses().without_padding()
    if not len(cleaned.delay) and (whole.flip_angle.abs() >= NO_PULSE).any():
        cleaned = whole
    flips, found = cleaned.flip_angle.abs().tolist(), find_structure(cleaned)
    if found.kind is None:
        parts = ["no signal"]
    else:
        before = [flip for i, flip in enumerate(flips[: found.excitation]) if i not in found.preparing]
        n_preparatory = sum(flip < PREPARATORY for flip in before)
        n_large, n_idle = len(before) - n_preparatory, len(found.idle)
        counts = {"preparatory": n_preparatory, "large before": n_large, "idle": n_idle}
        parts = [_echo_text(found)] + ([found.preparation] if found.preparation else [])
        parts += [f"{count} {what}" for what, count in counts.items() if count]
    played = [] if cleaned.layout is None else _played(cleaned, cleaned.layout)
    return "; ".join([f"{len(flips)} RF: {', '.join(parts)}", *played])


def _played(sequence: Sequence, layout: Layout) -> list[str]:
    """As ["invert, excite, 8 refocus", "spoiler, crushers, 8 readouts, TR 3 s"]."""
    runs = [(kind, len(list(alike))) for kind, alike in itertools.groupby(layout.kinds)]
    kinds = [kind if count == 1 else f"{count} {kind}" for kind, count in runs]
    n_spoilers, n_readouts = layout.gradients.count(SPOILER), len(layout.readouts)
    parts = {
        "spoiler" if n_spoilers == 1 else f"{n_spoilers} spoilers": n_spoilers > 0,
        "crushers": any(moment not in (0, SPOILER) for moment in layout.gradients),
        counted(n_readouts, "readout"): n_readouts > 1,
        f"TR {duration(1e3 * float(sequence.tr))}": layout.steady,
    }
    groups = [kinds if set(layout.kinds) != {HARD} else [], [part for part, has in parts.items() if has]]
    return [", ".join(group) for group in groups if group]


def _echo_text(found: Structure) -> str:
    text, phases = str(found.kind), found.refocusing_phases
    if len(phases) > 1:
        text += f" train of {len(phases)} refocusing pulses"
        if all(abs(math.cos(phase)) <= math.sin(NEAR_AXIS) for phase in phases):
            text += " (CPMG)"
        elif all(abs(math.sin(phase)) <= math.sin(NEAR_AXIS) for phase in phases):
            text += " (CP)"
    if found.off_echo:
        side = "after" if found.off_echo > 0 else "before"
        text += f" read {1e3 * abs(found.off_echo):.3g} ms {side} its echo"
    return text


def _largest(single: Sequence) -> np.ndarray | None:
    """Orders of the largest pathway of the excitation with the largest signal; None without signal."""
    pathways = coherence_pathways(single)
    pathways = pathways[(pathways.orders[:, -1:] == 1).any(1) & (pathways.moment == 0)]
    if not len(pathways.orders):
        return None
    # Parts that recovered in several delays count by their size, so that no null of the typical T1 hides an
    # inversion recovery. Rounded, that equal ones are told apart by their orders.
    signal = pathways.amplitude * dephasing(pathways.clock)
    excitation = (pathways.orders != 0).argmax(1)
    of_excitation = np.zeros((pathways.source.max() + 1, pathways.orders.shape[1]), np.complex128)
    np.add.at(of_excitation, (pathways.source, excitation), signal)
    weight = abs(of_excitation).sum(0).round(12)
    if not weight.any():
        return None
    is_of_largest = excitation == weight.argmax()
    orders, group = np.unique(pathways.orders[is_of_largest], axis=0, return_inverse=True)
    largest = np.bincount(group.ravel(), abs(signal[is_of_largest])).round(12).argmax()
    chosen: np.ndarray = orders[largest]
    return chosen


def _preparation(single: Sequence, excitation: int) -> tuple[str | None, tuple[int, ...]]:
    head = section(single, range(excitation))
    pathways = coherence_pathways(head, t1=math.inf, t2=math.inf)
    is_stored = (pathways.transverse_time > 0) & (pathways.orders[:, -1:] == 0).all(1)
    is_stored &= pathways.moment == 0
    stored = pathways[is_stored & _is_refocused(pathways.clock, pathways.transverse_time)]
    mz = float(stored.amplitude.real.sum())
    if abs(mz) >= 0.5:
        pulses = np.flatnonzero(np.diff(stored.orders[0], prepend=0))
        return "T2-prepared inversion" if mz < 0 else "T2-prepared", tuple(pulses.tolist())
    flips = head.flip_angle.tolist()
    last = max((i for i, flip in enumerate(flips) if flip >= PREPARATORY), default=None)
    quarters = 0 if last is None else round(flips[last] / (math.pi / 2))
    name = {1: "saturation-prepared", 2: "inversion-prepared"}.get(quarters)
    return name, () if last is None or name is None else (last,)


def _is_refocused(clock: np.ndarray | float, transverse_time: np.ndarray | float) -> np.ndarray:
    return np.asarray(np.abs(clock) <= np.minimum(NEAR_ECHO, np.asarray(transverse_time) / 4))


def uses(sequence: Sequence) -> tuple[str, ...]:
    """What each pulse of a single sequence is for, by its place and flip angle, in Pulseq's words.

    The "excitation" makes what is read. Before it a pulse of 150° to 210° is an "inversion", unless it
    refocuses within a T2 preparation. After it one that conjugates what is read, or excites what was stored
    of it, is a "refocusing", as are the further pulses of a train of echoes. Where a spoiler stands between
    two readouts the second begins anew. All else is a "preparation".
    """
    single = sequence.detach().without_padding().to("cpu")
    layout = single.layout
    if layout is None:
        return _uses_to_readout(single)
    found: tuple[str, ...] = ()
    for number in single.readout_times.argsort().tolist():
        read, done = layout.readouts[number], len(found)
        if done and SPOILER not in layout.gradients[done - 1 : read.pulse]:
            found += ("refocusing",) * (read.pulse + 1 - done)
        elif done <= read.pulse:
            found += _uses_to_readout(section(up_to_readout(single, number), range(done, read.pulse + 1)))
    return found + ("preparation",) * (layout.n_rf - len(found))


def same_structure(first: Sequence, second: Sequence) -> bool:
    """Whether two single sequences are read alike and have pulses for the same purposes, by `uses`."""
    return first.n_readouts == second.n_readouts and uses(first) == uses(second)


def _uses_to_readout(single: Sequence) -> tuple[str, ...]:
    found, n_rf = find_structure(single), len(single.flip_angle)
    excitation = n_rf if found.excitation is None else found.excitation
    is_t2_prepared = found.preparation is not None and found.preparation.startswith("T2")
    refocused = found.preparing if is_t2_prepared else ()

    def use(pulse: int, flip: float) -> str:
        if pulse < excitation:
            inverts = abs(flip - math.pi) <= INVERTS and pulse not in refocused
            return "inversion" if inverts else "preparation"
        if pulse == excitation:
            return "excitation"
        return "preparation" if pulse in (*found.storing, *found.idle) else "refocusing"

    return tuple(use(pulse, flip) for pulse, flip in enumerate(single.flip_angle.abs().tolist()))
