import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from kernel_cases import KINDS
from sequence_search.engines import arrangement, fused
from sequence_search.engines.arrangement import Arrangement, table_of
from sequence_search.engines.simulator import Simulator
from sequence_search.layout import SPOILER, Layout, Readout
from sequence_search.objective import (
    TERMS,
    Objective,
    Term,
    contrast_loss,
    null_loss,
    signal_loss,
    signed_contrast_loss,
    time_to_readout,
)
from sequence_search.problem.library import builtin_problems
from sequence_search.problem.problem import Problem
from sequence_search.sequence import Sequence
from sequence_search.voxels import Voxels


def make_loss(objective, voxels, engine="auto"):
    return Simulator(voxels, objective, engine).loss_and_gradient


def random_batch(*shape, mask=None):
    generator = torch.Generator().manual_seed(0)
    flip, phase, delay = torch.rand((3, *shape), generator=generator, dtype=torch.float64)
    return Sequence(3 * flip, 6 * phase, 0.1 * delay, mask)


def assert_same(first, second, tolerance=1e-10):
    torch.testing.assert_close(first[0], second[0], atol=tolerance, rtol=tolerance)
    for name in ("flip_angle", "phase", "delay"):
        torch.testing.assert_close(
            getattr(first[1], name), getattr(second[1], name), atol=tolerance, rtol=tolerance
        )


def test_tables_of_more_kinds_serve_for_fewer(monkeypatch):
    """Made once for each kind, whatever is played next."""
    made = []
    monkeypatch.setattr(arrangement, "table_of", lambda *of: made.append(of[0]) or table_of(*of))
    problem = Problem.load("spin-echo-2d")
    echo = Sequence.from_degrees_ms([90, 150], [0, 90], [10, 10])
    echo = problem.played(echo, kinds=("excite", "refocus"))
    every = Sequence.from_degrees_ms([180, 90, 150], [0, 0, 90], [500, 10, 10])
    every = problem.played(every, kinds=("invert", "excite", "refocus"))
    simulator = problem.simulator(problem.voxels(4))
    simulator.signal(every)
    signal = simulator.signal(echo)
    assert len(made) == 3
    assert torch.equal(signal, problem.simulator(problem.voxels(4)).signal(echo))


@pytest.mark.parametrize("name", builtin_problems())
def test_kernel_and_autograd_agree(name):
    problem = Problem.load(name)
    voxels = problem.voxels(33)
    mask = torch.arange(4) < torch.tensor([1, 2, 3, 4, 3, 2, 1])[:, None]
    sequence = random_batch(7, 4, mask=mask)
    fused, torch_only = (make_loss(problem.objective, voxels, engine) for engine in ("fused", "pathways"))
    assert_same(fused(sequence), torch_only(sequence))


def test_pooled_tissues_weights_and_every_kind_of_term():
    problem = Problem.load("max-signal")
    voxels = problem.voxels(20)
    voxels.weight.copy_(torch.rand(60, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    objective = Objective(
        (
            Term("a", signal_loss, 0.7, (0, 2)),
            Term("b", null_loss, 0.2, (1,)),
            Term("c", contrast_loss, 3.0, (2, 0)),
            Term("d", contrast_loss, 1.5, (1, 0)),
            Term("e", time_to_readout, 2.0),
            Term("f", signal_loss, 0.1),
        )
    )
    sequence = random_batch(5, 3)
    assert_same(make_loss(objective, voxels)(sequence), make_loss(objective, voxels, "pathways")(sequence))


SIGNED = Term("signed", signed_contrast_loss, 1.5, (0, 2))


@pytest.mark.parametrize(
    "others",
    [
        (),
        (Term("signal", signal_loss, 0.7), Term("null", null_loss, 0.2, (1,))),
        (Term("also", signed_contrast_loss, 0.4, (1, 0)), Term("contrast", contrast_loss, 3.0, (2, 0))),
    ],
)
@pytest.mark.parametrize("n_rf", [1, 2, 3, 6])
def test_a_signed_contrast_takes_one_pass_of_the_kernel(n_rf, others):
    voxels = Problem.load("gm-wm").voxels(20)
    voxels.weight.copy_(torch.rand(60, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    objective = Objective((SIGNED, *others))
    sequence = random_batch(n_rf, n_rf, mask=torch.ones(n_rf, n_rf).tril().bool())
    assert Simulator(voxels, objective).has_kernel_loss
    loss, gradient = make_loss(objective, voxels)(sequence)
    expected, slopes = make_loss(objective, voxels, "pathways")(sequence)
    torch.testing.assert_close(loss, expected, atol=1e-12, rtol=1e-12)
    for name, slope in slopes.columns().items():
        scale = max(1.0, slope.abs().max().item())
        torch.testing.assert_close(gradient.columns()[name], slope, atol=1e-12 * scale, rtol=0)


def test_a_signed_contrast_has_a_slope_where_a_signal_passes_through_zero():
    # After one pulse S = -i sin(b1 flip): the loss is -(sin(flip / 2) - sin(flip))², whose slope at 180° is
    # -2 (1 - 0) (0 + 1), though |S| of the second voxel has a kink there.
    voxels = Voxels(t1=torch.ones(2), t2=1.0, b1=torch.tensor([0.5, 1.0]), tissue=torch.tensor([0, 2]))
    sequence = Sequence(*torch.tensor([[math.pi], [0.3], [0.0]], dtype=torch.float64))
    loss, gradient = make_loss(Objective((replace(SIGNED, weight=1.0),)), voxels)(sequence)
    assert loss.item() == pytest.approx(-1, abs=1e-12)
    assert gradient.flip_angle.item() == pytest.approx(-2, abs=1e-12)
    assert gradient.phase.item() == pytest.approx(0, abs=1e-12)


def test_a_tissue_without_weight_spoils_no_gradient():
    problem = Problem.load("max-signal")
    voxels = problem.voxels(8)
    voxels.weight[voxels.tissue == 1] = 0.0
    objective = Objective((Term("s", signal_loss, 1.0, (0,)), Term("c", contrast_loss, 0.5, (0, 2))))
    sequence = random_batch(3, 2)
    assert_same(make_loss(objective, voxels)(sequence), make_loss(objective, voxels, "pathways")(sequence))


def test_gradients_do_not_need_autograd_switched_on():
    problem = Problem.load("gm-wm")
    sequence = random_batch(3, 2)
    loss_and_gradient = make_loss(problem.objective, problem.voxels(8), "pathways")
    with torch.no_grad():
        without = loss_and_gradient(sequence)
    assert_same(without, loss_and_gradient(sequence))


@pytest.mark.parametrize("shape", [(3,), (2, 2, 3), (0, 3)])
def test_any_batch_shape(shape):
    problem = Problem.load("gm-wm")
    voxels = problem.voxels(8)
    sequence = random_batch(*shape)
    result = make_loss(problem.objective, voxels)(sequence)
    assert result[0].shape == shape[:-1]
    assert result[1].delay.shape == shape
    assert_same(result, make_loss(problem.objective, voxels, "pathways")(sequence))


def test_tensors_need_not_be_contiguous_or_double():
    problem = Problem.load("gm-wm")
    voxels = problem.voxels(8)
    sequence = random_batch(4, 3)
    turned = Sequence(
        *(part.T.contiguous().T for part in (sequence.flip_angle, sequence.phase, sequence.delay))
    )
    evaluate = make_loss(problem.objective, voxels)
    assert_same(evaluate(turned), evaluate(sequence), 0.0)
    in_single = make_loss(problem.objective, voxels.to(dtype=torch.float32))
    loss, gradient = in_single(sequence.to(torch.float32))
    assert loss.dtype == gradient.delay.dtype == torch.float32
    torch.testing.assert_close(loss.double(), evaluate(sequence)[0], atol=1e-5, rtol=1e-5)


def test_results_do_not_depend_on_torchs_threads():
    problem = Problem.load("gm-wm")
    evaluate = make_loss(problem.objective, problem.voxels(700))
    sequence = random_batch(6, 4)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(evaluate(sequence))
    finally:
        torch.set_num_threads(before)
    assert_same(*results, 0.0)


def test_a_term_without_voxels_is_refused():
    problem = Problem.load("gm-wm")
    loss = make_loss(problem.objective, problem.voxels(8).of_tissues((0, 2)))
    with pytest.raises(ValueError, match="term 'signal' needs voxels of tissue 1"):
        loss(random_batch(2, 3))


def test_a_contrast_is_between_two_tissues_in_either_way():
    problem = Problem.load("gm-wm")
    objective = Objective((Term("all", contrast_loss, 1.0),))
    for engine in ("auto", "pathways"):
        with pytest.raises(ValueError, match="term 'all' needs voxels of exactly two tissues, got 3"):
            make_loss(objective, problem.voxels(8), engine)(random_batch(2, 3))


def test_many_pulses_go_through_torch_as_in_simulate():
    problem = Problem.load("max-signal")
    sequence = random_batch(1, 11)
    none = Sequence(0 * sequence.flip_angle, sequence.phase, sequence.delay)
    quick = problem.voxels(1).of_tissues((0,))
    arrangement = Arrangement(quick, {}, 8)
    assert fused.can_run(random_batch(1, 10), arrangement)
    assert not fused.can_run(none, arrangement)


def test_mixed_dtypes_keep_their_own():
    problem = Problem.load("gm-wm")
    sequence = random_batch(2, 3)
    mixed = Sequence(sequence.flip_angle.float(), sequence.phase, sequence.delay)
    loss, gradient = make_loss(problem.objective, problem.voxels(8))(mixed)
    assert (loss.dtype, gradient.flip_angle.dtype, gradient.delay.dtype) == (
        torch.float64,
        torch.float32,
        torch.float64,
    )


LAYOUTS = (
    Layout.plain(3, gradients=(SPOILER, 1, 1), steady=True),
    Layout.plain(2, steady=True),
    Layout.train(3, before=(0,), crusher=1, steady=True),
    Layout.train(4),
)


def of_layout(layout, *batch):
    generator = torch.Generator().manual_seed(2)
    flip, phase = torch.rand((2, *batch, layout.n_rf), generator=generator, dtype=torch.float64)
    delay = torch.rand((*batch, layout.n_delay), generator=generator, dtype=torch.float64)
    return Sequence(3 * flip, 6 * phase, 0.005 + 0.1 * delay, layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("batch", [(), (2, 3)])
def test_signals_of_a_layout_are_those_of_the_reference(layout, batch):
    voxels, sequence = Problem.load("gm-wm").voxels(9), of_layout(layout, *batch)
    assert fused.can_run(sequence, Arrangement(voxels, {}, 8))
    expected = Simulator(voxels, engine="configurations").signal(sequence)
    torch.testing.assert_close(Simulator(voxels).signal(sequence), expected, atol=1e-13, rtol=0)


@pytest.mark.parametrize(
    ("name", "layout"),
    [*itertools.product(["gm-wm"], LAYOUTS[:2]), *itertools.product(["max-signal", "csf-null-w1"], LAYOUTS)],
)
def test_loss_and_gradient_of_a_layout_are_those_of_the_reference(layout, name):
    problem, sequence = Problem.load(name), of_layout(layout, 2, 3)
    voxels = problem.voxels(33)
    simulator = Simulator(voxels, problem.objective)
    assert fused.takes_one_pass(sequence.layout, simulator._arrangement, simulator._encoding)
    reference = Simulator(voxels, problem.objective, "configurations")
    assert_same(simulator.loss_and_gradient(sequence), reference.loss_and_gradient(sequence))


def test_a_contrast_of_several_readouts_goes_through_autograd():
    problem, sequence = Problem.load("gm-wm"), of_layout(LAYOUTS[3], 2)
    simulator = Simulator(problem.voxels(9), problem.objective)
    assert simulator.array_loss(LAYOUTS[3]) is None
    reference = Simulator(problem.voxels(9), problem.objective, "configurations")
    assert_same(simulator.loss_and_gradient(sequence), reference.loss_and_gradient(sequence))


def test_complex_contrasts_of_a_layout_go_through_autograd():
    voxels, sequence = Problem.load("gm-wm").voxels(9), of_layout(LAYOUTS[0], 2)
    objective = Objective((SIGNED,))
    simulator = Simulator(voxels, objective)
    assert not fused.takes_one_pass(sequence.layout, simulator._arrangement, simulator._encoding)
    reference = Simulator(voxels, objective, "configurations")
    assert_same(simulator.loss_and_gradient(sequence), reference.loss_and_gradient(sequence))


def test_what_the_kernel_does_not_know_is_left_to_others():
    arrangement = Arrangement(Problem.load("gm-wm").voxels(2), {"sinc": KINDS["sinc"]}, 8)
    assert not fused.can_run(of_layout(Layout.plain(2, kinds=("hard", "slice")), 1), arrangement)
    assert not fused.can_run(of_layout(Layout.plain(12, gradients=(0,) * 11 + (1,)), 1), arrangement)
    sequence = of_layout(Layout.plain(2, kinds=("hard", "sinc")), 1)
    assert fused.can_run(sequence, arrangement)
    beyond = replace(sequence, flip_angle=sequence.flip_angle + 2 * math.pi)
    assert not fused.can_run(beyond, arrangement)


@pytest.mark.parametrize("n_places", [8, 5])
@pytest.mark.parametrize("kinds", [("sinc", "hard"), ("slice", "slice"), ("hs", "slice")], ids="-".join)
def test_pulses_that_take_time_are_those_of_the_reference(kinds, n_places):
    # Between the nodes of tables, to 1e-6 of a pulse; eight places in one pass, five through autograd.
    problem = Problem.load("gm-wm")
    layout = Layout.plain(2, gradients=(1, 1), kinds=kinds, steady=True)
    voxels, sequence = problem.voxels(5), of_layout(layout, 2)
    simulator, reference = (
        Simulator(voxels, problem.objective, engine, kinds=KINDS, n_places=n_places)
        for engine in ("fused", "configurations")
    )
    one_pass = fused.takes_one_pass(sequence.layout, simulator._arrangement, simulator._encoding)
    assert one_pass == ("slice" not in kinds or n_places == 8)
    torch.testing.assert_close(simulator.signal(sequence), reference.signal(sequence), atol=3e-6, rtol=0)
    assert_same(simulator.loss_and_gradient(sequence), reference.loss_and_gradient(sequence), 1e-4)
    loss, slopes = simulator.loss_and_gradient(sequence)
    free = sequence.map(lambda part: part.clone().requires_grad_())
    torch.testing.assert_close(simulator.loss(free).detach(), loss, atol=1e-13, rtol=0)
    expected = torch.autograd.grad(simulator.loss(free).sum(), [*free.columns().values()])
    for slope, other in zip(slopes.columns().values(), expected, strict=True):
        torch.testing.assert_close(slope, other, atol=1e-10, rtol=1e-10)


def test_a_flip_angle_that_is_no_number_ends_no_other_sequence():
    problem, layout = Problem.load("gm-wm"), Layout.plain(2, gradients=(1, 1), kinds=("sinc", "slice"))
    simulator = Simulator(problem.voxels(5), problem.objective, kinds=KINDS)
    good = of_layout(layout, 3)
    flip = good.flip_angle.clone()
    flip[1, 0] = math.nan
    loss, slopes = simulator.loss_and_gradient(replace(good, flip_angle=flip))
    expected = simulator.loss_and_gradient(good)[0]
    assert loss.isnan().tolist() == [False, True, False]
    assert (loss[::2] == expected[::2]).all()
    assert slopes.flip_angle[::2].isfinite().all()
    assert simulator.signal(replace(good, flip_angle=flip)).isnan().any(-1).tolist() == [False, True, False]


def test_a_flip_angle_beyond_the_tables_is_told_whatever_else_is_no_number():
    problem, layout = (
        Problem.load("gm-wm"),
        Layout.plain(3, gradients=(1, 1, 1), kinds=("hard", "sinc", "slice")),
    )
    of_arrays = Simulator(problem.voxels(2), problem.objective, kinds=KINDS).array_loss(layout)
    flip = np.array([[9.0, 1.0, math.nan], [1.0, 2.0, math.radians(-370)]])
    message = "must be at most 360°, got 370° of pulse 3, 'slice'"
    with pytest.raises(ValueError, match=message):
        of_arrays((flip, np.zeros((2, 3)), np.full((2, 3), 0.02)))


@pytest.mark.parametrize("steady", [False, True])
def test_the_last_readout_is_the_latest_in_whatever_order_they_stand(steady):
    """Of two in one interval the delays of each sequence say which."""
    readouts = Readout(2, (1, 0, 0)), Readout(2, (0, 0, 1)), Readout(0, (0, 1, 0), 1)
    layout = Layout(((1, 1, 0), (0, 2, 1), (1, 0, 1)), (1, 2, 0), ("sinc",) * 3, readouts, steady)
    names = "time_to_readout", "duration", "b1_rms"
    objective = Objective(tuple(Term(name, TERMS[name], 0.1 + i) for i, name in enumerate(names)))
    simulator = Simulator(Problem.load("gm-wm").voxels(3), objective, kinds=KINDS)
    assert simulator.array_loss(layout) is not None
    sequence = of_layout(layout, 8)
    counts = sequence.counts_to_readout
    assert (counts != counts[0]).any()
    loss, slopes = simulator.loss_and_gradient(sequence)
    free = sequence.map(lambda part: part.clone().requires_grad_())
    of_terms = sum(
        term.weight * term.kind(torch.zeros(8, 3, dtype=torch.float64), free, simulator.voxels, **options)
        for term, options in zip(objective.terms, ({}, {}, {"kinds": KINDS}), strict=True)
    )
    torch.testing.assert_close(loss, of_terms.detach(), rtol=1e-12, atol=0)
    by_delay = torch.autograd.grad(of_terms.sum(), free.delay)[0]
    torch.testing.assert_close(slopes.delay, by_delay, rtol=1e-9, atol=1e-9)
