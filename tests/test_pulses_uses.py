import itertools
import re

import pytest

from sequence_search.checks import Fault
from sequence_search.pulses.kinds import Hard
from sequence_search.pulses.shapes import HyperbolicSecant, Sinc
from sequence_search.pulses.uses import ANY, in_order, stated_uses

LETTERS = {"excitation": "e", "refocusing": "r", "inversion": "i", "preparation": "p"}
ORDERS = [re.compile(r"[ip]*e[er]*" + "r" * n_refocusing) for n_refocusing in range(4)]
KINDS = (
    frozenset({"excitation"}),
    frozenset({"refocusing"}),
    frozenset({"inversion"}),
    frozenset({"excitation", "preparation"}),
)


def may_stand(uses, order):
    """Whether pulses with these uses can be read as a word of that order."""
    words = itertools.product(*([LETTERS[use] for use in each] for each in uses))
    return any(order.fullmatch("".join(word)) for word in words)


@pytest.mark.parametrize("n_refocusing", range(4))
@pytest.mark.parametrize(("n_before", "n_after"), [(0, 0), (1, 0), (0, 1), (2, 2)])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_kinds_are_set_right_with_the_fewest_changes(count, n_before, n_after, n_refocusing):
    before, after, order = (ANY,) * n_before, (ANY,) * n_after, ORDERS[n_refocusing]

    def fits(kinds):
        return may_stand((*before, *(KINDS[kind] for kind in kinds), *after), order)

    words = list(itertools.product(range(len(KINDS)), repeat=count))
    right = [word for word in words if fits(word)]
    for word in words:
        ordered = in_order(word, KINDS, n_before, n_after, n_refocusing=n_refocusing)
        changes = [sum(map(int.__ne__, word, other)) for other in right]
        if right:
            assert ordered in right
            assert sum(map(int.__ne__, word, ordered)) == min(changes)
        else:  # too few pulses are no train
            assert ordered == word


def test_none_of_several_kinds_that_fit_is_preferred():
    uses = (frozenset({"inversion"}), *[frozenset({"excitation"})] * 2)
    assert in_order((0,), uses) == (1,)
    assert in_order((3, 0), (*uses, frozenset({"refocusing"}))) == (2, 1)


def test_without_a_statement_a_fixed_amplitude_inverts_and_others_are_for_anything():
    hs = HyperbolicSecant(duration=8e-3, peak_b1=1200.0, bandwidth=1000.0)
    assert hs.uses == {"inversion"}
    stated = HyperbolicSecant(
        duration=8e-3, peak_b1=1200.0, bandwidth=1000.0, use=["refocusing", "inversion"]
    )
    assert stated.use == ("refocusing", "inversion")
    assert stated.uses == {"inversion", "refocusing"}
    assert Sinc(duration=2e-3, time_bandwidth=4).uses == Hard(duration=1e-3).uses == ANY
    assert Hard(duration=1e-3, use="excitation").uses == {"excitation"}


@pytest.mark.parametrize(
    "wrong", ["excite", [], ["excitation", "excitation"], 3, ["saturation"], [["excitation"]]]
)
def test_what_is_no_use_is_refused(wrong):
    with pytest.raises(Fault, match=r"one of \"excitation\", \"refocusing\", \"inversion\", \"preparation\""):
        stated_uses(wrong)
