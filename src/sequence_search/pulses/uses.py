"""What pulses of a kind may be for, and the orders of kinds that a search proposes.

Pulses for inversion or preparation come first, then one for excitation, then only ones for excitation or
refocusing; those of a train of echoes are for refocusing. This is decided from the kinds alone, before any
flip angle or delay is known.
"""

from __future__ import annotations

from typing import Literal, get_args

from sequence_search.checks import Fault

Use = Literal["excitation", "refocusing", "inversion", "preparation"]  # Pulseq's words
USES: tuple[Use, ...] = get_args(Use)
Uses = frozenset[str]
ANY: Uses = frozenset(USES)
BEFORE, EXCITES, AFTER = map(frozenset, ({"inversion", "preparation"}, USES[:1], USES[:2]))
REFOCUSES: Uses = frozenset({"refocusing"})


def stated_uses(value: object) -> tuple[Use, ...]:
    """One use or several, each once.

    Raises
    ------
    ValueError
        If there is none, one is unknown or stands twice.
    """
    stated = list(value) if isinstance(value, list | tuple) else [value]
    if not stated or any(stated.count(each) > 1 or each not in USES for each in stated):
        known = ", ".join(f'"{use}"' for use in USES)
        raise Fault("{use} must be one of {0}, or a list of different ones, got {1}", known, repr(value))
    return tuple(use for use in USES if use in stated)


def in_order(
    kinds: tuple[int, ...],
    uses: tuple[Uses, ...],
    n_before: int = 0,
    n_after: int = 0,
    *,
    n_refocusing: int = 0,
) -> tuple[int, ...]:
    """Kinds of pulses by place, those as few as can be replaced so that all stand where they may.

    Parameters
    ----------
    kinds : place of the kind of each pulse that is free
    uses : of each kind that may be chosen, by place
    n_before, n_after : pulses that are given before and after these, and may be for anything
    n_refocusing : last pulses that are those of a train of echoes

    Returns
    -------
    tuple of int
        As they are if no kinds of these would stand where they may.
    """
    n_all = n_before + len(kinds) + n_after
    best, least = kinds, len(kinds) + 1
    for excitation in range(n_all - n_refocusing):
        places = [BEFORE] * excitation + [EXCITES] + [AFTER] * (n_all - excitation - 1 - n_refocusing)
        places += [REFOCUSES] * n_refocusing
        wanted = places[n_before : n_before + len(kinds)]
        allowed = [[at for at, each in enumerate(uses) if each & use] for use in wanted]
        if not all(allowed):
            continue
        pairs = zip(kinds, allowed, strict=True)
        # Which of several takes the place follows from what stood there, so that none is preferred.
        chosen = tuple(own if own in fit else fit[own % len(fit)] for own, fit in pairs)
        changed = sum(one != other for one, other in zip(chosen, kinds, strict=True))
        if changed < least:
            best, least = chosen, changed
    return best
