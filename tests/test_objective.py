import dataclasses
import math

import pytest
import torch

from conftest import random_brain_voxels
from sequence_search.layout import Layout
from sequence_search.objective import (
    TERMS,
    Objective,
    Prepared,
    Term,
    TermError,
    contrast_loss,
    null_loss,
    own_term,
    rf_energy,
    rf_number,
    signal_loss,
    time_to_readout,
)
from sequence_search.sequence import Sequence

# Of the others see test_terms and test_estimation.
NAMES = [name for name, kind in TERMS.items() if not kind.takes_kinds and kind.of != "slopes"]
SIGNAL_TERMS = [name for name in NAMES if TERMS[name].of != "sequence"]
VOXELS = random_brain_voxels(60)
MAGNITUDE = torch.rand(2, 60, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
SEQUENCE = Sequence.from_degrees_ms([[90, 180], [45, 90]], [[0, 0], [0, 0]], [[5, 7], [6, 8]])
# Repeated, so that every term has a value, and each another.
STEADY = Sequence.from_degrees_ms(
    [[90, 180], [45, 90]],
    [[0, 0], [0, 0]],
    [[5, 7, 300], [6, 8, 400]],
    layout=Layout.plain(2, steady=True),
)


def term_of(name, weight=1.0):
    return Term(name, TERMS[name], weight, (0, 1) if name in SIGNAL_TERMS else None)


def weighted_mean(values, keep=slice(None)):
    weight = VOXELS.weight[keep]
    return (values[:, keep] * weight).sum(-1) / weight.sum()


def test_equations_1_and_2():
    torch.testing.assert_close(
        signal_loss(MAGNITUDE, SEQUENCE, VOXELS), weighted_mean((VOXELS.m0 - MAGNITUDE) ** 2)
    )
    torch.testing.assert_close(null_loss(MAGNITUDE, SEQUENCE, VOXELS), weighted_mean(MAGNITUDE**2))


def test_equation_3_is_a_difference_of_tissue_means():
    objective = Objective((Term("contrast", contrast_loss, 30.0, (0, 2)),))
    difference = weighted_mean(MAGNITUDE, VOXELS.tissue == 0) - weighted_mean(MAGNITUDE, VOXELS.tissue == 2)
    signal = torch.complex(MAGNITUDE, torch.zeros_like(MAGNITUDE))
    torch.testing.assert_close(objective(signal, SEQUENCE, VOXELS), -30 * difference**2)


def test_costs_of_the_sequence():
    energy = torch.deg2rad(torch.tensor([[90.0, 180.0], [45.0, 90.0]], dtype=torch.float64)).square().sum(-1)
    torch.testing.assert_close(rf_energy(MAGNITUDE, SEQUENCE, VOXELS), energy)
    assert rf_number(MAGNITUDE, SEQUENCE, VOXELS).tolist() == [2, 2]
    assert time_to_readout(MAGNITUDE, SEQUENCE, VOXELS).tolist() == pytest.approx([0.012, 0.014])


def test_parts_add_up_and_pool_their_tissues():
    objective = Objective((Term("a", signal_loss, 0.75, (0, 1)), Term("b", null_loss, 0.25, (2,))))
    signal = torch.polar(MAGNITUDE, torch.ones_like(MAGNITUDE))
    parts = Prepared(objective, VOXELS).parts(signal, SEQUENCE)
    pooled = VOXELS.tissue != 2
    torch.testing.assert_close(parts["a"], 0.75 * weighted_mean((VOXELS.m0 - MAGNITUDE) ** 2, pooled))
    torch.testing.assert_close(parts["b"], 0.25 * weighted_mean(MAGNITUDE**2, ~pooled))
    torch.testing.assert_close(objective(signal, SEQUENCE, VOXELS), parts["a"] + parts["b"])


def test_a_users_own_term_stands_beside_the_built_in_ones():
    def worst(magnitude, sequence, voxels):
        return -magnitude.min(-1).values

    objective = Objective((Term("null", null_loss, 1.0, (0,)), Term("worst", own_term(worst), 2.0)))
    signal = torch.complex(MAGNITUDE, torch.zeros_like(MAGNITUDE)).requires_grad_()
    objective(signal, SEQUENCE, VOXELS).sum().backward()
    torch.testing.assert_close(
        Prepared(objective, VOXELS).parts(signal, SEQUENCE)["worst"], -2 * MAGNITUDE.min(-1).values
    )
    assert signal.grad[:, VOXELS.tissue != 0].abs().sum() == 4


@pytest.mark.parametrize("name", SIGNAL_TERMS)
def test_gradient_through_a_zero_signal_is_zero_or_finite(name):
    signal = torch.zeros(1, 60, dtype=torch.complex128, requires_grad=True)
    Objective((Term(name, TERMS[name], 1.0, (0, 1)),))(signal, STEADY[:1], VOXELS).sum().backward()
    assert (signal.grad == 0).all()


@pytest.mark.parametrize("name", SIGNAL_TERMS)
def test_signal_terms_match_finite_differences(name):
    objective = Objective((Term(name, TERMS[name], 1.5, (0, 1)),))
    signal = torch.polar(MAGNITUDE, torch.ones_like(MAGNITUDE)).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: objective(s, STEADY, VOXELS), signal)


def test_every_term_differs():
    signal = torch.polar(MAGNITUDE, MAGNITUDE)
    values = {round(float(Objective((term_of(name),))(signal, STEADY, VOXELS)[0]), 9) for name in NAMES}
    assert len(values) == len(NAMES)


def test_terms_of_one_name_are_refused():
    with pytest.raises(ValueError, match="need different names"):
        Objective((Term("a", null_loss, 1.0), Term("a", signal_loss, 1.0)))


def test_the_brighter_tissue_is_told_from_the_darker():
    means = [weighted_mean(MAGNITUDE, VOXELS.tissue == tissue) for tissue in (0, 2)]
    signal = torch.complex(MAGNITUDE, torch.zeros_like(MAGNITUDE))
    for brighter, sign in ((0, 1), (2, -1)):
        objective = Objective((Term("contrast", contrast_loss, 3.0, (0, 2), brighter),))
        difference = sign * (means[0] - means[1])
        torch.testing.assert_close(
            objective(signal, SEQUENCE, VOXELS), -3 * difference * difference.abs(), msg=str(brighter)
        )


def test_the_worst_share_is_of_the_voxels_that_do_worst():
    """By hand: a quarter of four voxels of tissue 0, weights equal, is one of them."""
    voxels = random_brain_voxels(8, weight=1.0, m0=1.0)
    voxels.tissue.copy_(torch.tensor([0, 0, 0, 0, 2, 2, 2, 2]))
    magnitude = torch.tensor([0.9, 0.7, 0.8, 0.6, 0.1, 0.4, 0.2, 0.3], dtype=torch.float64)
    signal = torch.polar(magnitude, magnitude)
    for kind, tissues, brighter, expected in (
        (signal_loss, (0,), None, 3 * 0.4**2),
        (signal_loss, (2, 0), None, 3 * (0.9**2 + 0.8**2) / 2),
        (null_loss, (2,), None, 3 * 0.4**2),
        (contrast_loss, (0, 2), 0, -3 * (0.6 - 0.4) ** 2),
        (contrast_loss, (0, 2), 2, 3 * (0.9 - 0.1) ** 2),
    ):
        objective = Objective((Term("a", kind, 3.0, tissues, brighter, 0.25),))
        assert float(objective(signal, SEQUENCE[0], voxels)) == pytest.approx(expected)


def test_a_worst_share_of_one_is_the_plain_term():
    assert Term("a", null_loss, 1.0, (0,), None, 1.0) == Term("a", null_loss, 1.0, (0,))
    assert Term("a", null_loss, 1.0, (0,)).has_kernel_form
    assert not Term("a", null_loss, 1.0, (0,), None, 0.99).has_kernel_form


def test_a_signed_contrast_adds_signals_of_opposite_sign():
    voxels = random_brain_voxels(2)
    voxels.tissue.copy_(torch.tensor([0, 1]))
    objective = Objective((Term("signed_contrast", TERMS["signed_contrast"], 1.0, (0, 1)),))
    signal = torch.tensor([0.3j, -0.2j], dtype=torch.complex128)
    assert float(objective(signal, SEQUENCE[0], voxels)) == pytest.approx(-(0.5**2))
    assert float(objective(signal.abs() * 1j, SEQUENCE[0], voxels)) == pytest.approx(-(0.1**2))


PADDED = Sequence.stack(
    [Sequence.from_degrees_ms([90], [0], [5]), Sequence.from_degrees_ms([90, 180], [0, 0], [6, 7])]
)


def test_a_users_term_sees_no_padding():
    def last_delay(magnitude, sequence, voxels):
        return sequence.delay[..., -1]

    objective = Objective((Term("te", own_term(last_delay), 1.0),))
    signal = torch.complex(MAGNITUDE, MAGNITUDE)
    assert objective(signal, PADDED, VOXELS).tolist() == pytest.approx([0.005, 0.007])
    assert objective(signal[:0], PADDED[:0], VOXELS).shape == (0,)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda m, s, v: s.delay[..., -2], "term 'mine' raised IndexError: .* of sequences of 1 pulses"),
        (
            lambda m, s, v: m.detach().numpy().sum(-1),
            r"term 'mine' must return a torch tensor \(1,\).*ndarray",
        ),
        (lambda m, s, v: m, r"term 'mine' must return .* got a tensor \(1, 60\)"),
        (lambda m, s, v: m.mean(-1) + 0j, r"term 'mine' must return .* got a complex tensor \(1,\)"),
    ],
)
def test_what_is_wrong_with_a_users_term_is_said_with_its_name(function, message):
    objective = Objective((Term("mine", own_term(function), 1.0),))
    with pytest.raises(TermError, match=message):
        objective(torch.complex(MAGNITUDE, MAGNITUDE), PADDED, VOXELS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a", null_loss, -1.0, (0,)), "weight of term 'a' must be at least 0, got -1"),
        (("a", null_loss, math.inf, (0,)), "weight of term 'a'"),
        (("a", contrast_loss, 1.0, (0, 1, 2)), "needs exactly 2 tissues, got 3"),
        (("a", null_loss, 1.0, (1, 1)), "must differ"),
        (("a", rf_energy, 1.0, (1,)), "takes no tissues"),
        (("a", null_loss, 1.0, (0, 1), 0), "brighter"),
        (("a", contrast_loss, 1.0, (0, 1), 2), "brighter"),
        (("a", null_loss, 1.0, (0,), None, 0.0), "worst_share of term 'a' must be above 0 and at most 1"),
        (("a", null_loss, 1.0, (0,), None, 5.0), "at most 1, as 0.05, got 5"),
        (("a", contrast_loss, 1.0, (0, 1), None, 0.1), "worst_share of term 'a' needs brighter"),
        (("a", rf_energy, 1.0, None, None, 0.1), "terms that have one are signal, null, contrast"),
        (("a", own_term(null_loss), 1.0, None, None, 0.1), "term 'a' has no worst_share"),
    ],
)
def test_terms_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Term(*arguments)


def test_voxels_are_chosen_once_for_terms_of_equal_tissues():
    objective = Objective(tuple(Term(str(i), null_loss, 1.0, (0, 1)) for i in range(3)))
    chosen = [voxels for _, _, voxels in Prepared(objective, VOXELS).selections]
    assert chosen[0] is chosen[1] is chosen[2]


TRAIN = Sequence.from_degrees_ms(
    [[90, 180, 180, 180]] * 2, [[0, 90, 90, 90]] * 2, [[4], [5]], layout=Layout.train(3)
)
SIZES = torch.rand(2, 3, 60, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
ECHOES = torch.polar(SIZES, torch.ones_like(SIZES))


@pytest.mark.parametrize("name", [name for name in SIGNAL_TERMS if name != "snr_efficiency"])
def test_of_several_readouts_a_term_is_the_mean_of_its_values_at_each(name):
    each = torch.stack([Objective((term_of(name),))(ECHOES[:, i], SEQUENCE, VOXELS) for i in range(3)])
    torch.testing.assert_close(Objective((term_of(name),))(ECHOES, TRAIN, VOXELS), each.mean(0))
    named = dataclasses.replace(term_of(name), readouts=(3, 1))
    torch.testing.assert_close(Objective((named,))(ECHOES, TRAIN, VOXELS), each[[0, 2]].mean(0))
    assert not named.has_kernel_form


def test_the_worst_share_is_of_each_readout():
    term = Term("signal", signal_loss, 2.0, (0, 2), worst_share=0.3)
    each = torch.stack([Objective((term,))(ECHOES[:, i], SEQUENCE, VOXELS) for i in range(3)])
    torch.testing.assert_close(Objective((term,))(ECHOES, TRAIN, VOXELS), each.mean(0))


def test_costs_of_the_sequence_do_not_depend_on_its_readouts():
    objective = Objective(tuple(term_of(name) for name in NAMES if name not in SIGNAL_TERMS))
    parts = Prepared(objective, VOXELS).parts(ECHOES, TRAIN)
    assert parts["rf_number"].tolist() == [4, 4]
    assert parts["time_to_readout"].tolist() == pytest.approx([0.024, 0.03])
    assert parts["duration"].tolist() == pytest.approx([0.024, 0.03])


def test_a_users_own_term_gets_the_readouts_that_it_names():
    def first_to_last(magnitude, sequence, voxels):
        return (magnitude[..., 0, :] - magnitude[..., -1, :]).mean(-1)

    objective = Objective((Term("own", own_term(first_to_last), 1.0, readouts=(1, 2)),))
    expected = (ECHOES.abs()[:, 0] - ECHOES.abs()[:, 1]).mean(-1)
    torch.testing.assert_close(objective(ECHOES, TRAIN, VOXELS), expected)


def test_a_readout_that_is_not_there_is_told():
    term = Term("null", null_loss, 1.0, readouts=(2, 4))
    with pytest.raises(ValueError, match="term 'null' names readout 4, and the sequence has 3 readouts"):
        Objective((term,))(ECHOES, TRAIN, VOXELS)
    with pytest.raises(ValueError, match=r"names readout 4, and the sequence has 1 readout$"):
        Objective((term,))(ECHOES[:, 0], SEQUENCE, VOXELS)


@pytest.mark.parametrize(
    ("kind", "readouts", "told"),
    [
        (null_loss, (0, 1), r"different numbers from 1 on, got \[0, 1\]"),
        (null_loss, (1, 1), r"different numbers from 1 on, got \[1, 1\]"),
        (null_loss, (), r"different numbers from 1 on, got \[\]"),
        (rf_energy, (1,), "concerns the sequence, so it takes no readouts"),
    ],
)
def test_readouts_that_are_none_are_refused(kind, readouts, told):
    with pytest.raises(ValueError, match=told):
        Term("a", kind, 1.0, readouts=readouts)
