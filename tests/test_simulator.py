"""The contract of all engines, closed forms first."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import make_voxels, random_brain_voxels
from sequence_search.engines import pathways
from sequence_search.engines.by_name import ENGINES as STEPS
from sequence_search.engines.isochromats import draw_offsets
from sequence_search.engines.simulation import evolve, simulate
from sequence_search.engines.simulator import Simulator
from sequence_search.layout import Layout
from sequence_search.objective import TERMS, Objective, Term
from sequence_search.search_space import Axis, Grid
from sequence_search.sequence import Sequence

EXACT = ["pathways", "configurations", "fused"]
# Without frequencies within the voxel one spin is exact, so that both kinds of engine meet the closed forms.
EVERY = [
    ("pathways", {}),
    ("configurations", {}),
    ("fused", {}),
    ("isochromats", {"n_spins": 1, "draw": "ordered"}),
]
T1, T2, T2_PRIME, SPREAD, B0 = 0.9, 0.08, 0.15, 25.0, 17.0


def degrees(flip, phase, delay_ms):
    return Sequence.from_degrees_ms(flip, phase, delay_ms)


def magnetization(sequence, voxels, engine, **options):
    return Simulator(voxels, engine=engine, options=options).magnetization(sequence)


@pytest.mark.parametrize(("engine", "options"), EVERY)
def test_another_start_than_equilibrium(engine, options):
    # Mz = z before a pulse of flip a: sin(a) |z| of signal, and Mz = 1 + (z cos(a) - 1) E1 after it.
    t, flip, start = 0.02, math.radians(70), torch.tensor([-0.6, 0.0, 0.9], dtype=torch.float64)
    both = Sequence.stack([degrees([70], [30], [t * 1e3]), degrees([20, 50], [30, 30], [0, t * 1e3])])
    simulator = Simulator(make_voxels(3, t1=T1, t2=T2), engine=engine, options=options)
    mxy, mz = simulator.magnetization(both, start)
    close(mxy.abs(), start.abs() * math.sin(flip) * math.exp(-t / T2))
    close(mz, 1 + (start * math.cos(flip) - 1) * math.exp(-t / T1))


def random_sequences(count, n_rf, seed=0, longest=0.1):
    generator = torch.Generator().manual_seed(seed)
    flip, phase, delay = torch.rand((3, count, n_rf), generator=generator, dtype=torch.float64)
    return Sequence(math.pi * flip, 2 * math.pi * phase, longest * delay)


def close(actual, expected, tolerance=1e-12):
    expected = torch.as_tensor(expected, dtype=actual.dtype)
    torch.testing.assert_close(actual, expected.expand_as(actual), atol=tolerance, rtol=0)


@pytest.mark.parametrize(("engine", "options"), EVERY)
def test_free_induction_decay(engine, options):
    t, flip = 0.02, 70.0
    voxels = make_voxels(m0=0.8, t2=T2, b0=B0, b1=1.1)
    signal = simulate(degrees([flip], [30], [t * 1e3]), voxels, engine, **options)
    phase = math.radians(30) - math.pi / 2 + 2 * math.pi * B0 * t
    magnitude = 0.8 * math.sin(math.radians(1.1 * flip)) * math.exp(-t / T2)
    close(signal, magnitude * complex(math.cos(phase), math.sin(phase)))


@pytest.mark.parametrize("engine", EXACT)
def test_free_induction_decay_with_frequencies_within_the_voxel(engine):
    t = 0.013
    signal = simulate(
        degrees([90], [0], [t * 1e3]), make_voxels(t2=T2, t2_prime=T2_PRIME, spread=SPREAD), engine
    )
    x = 2 * math.pi * SPREAD * t
    close(signal, -1j * math.exp(-t / T2 - t / T2_PRIME) * math.sin(x) / x)


@pytest.mark.parametrize("b1", [0.3, 0.8, 1.0, 1.2])
@pytest.mark.parametrize("engine", EXACT)
def test_hahn_echo_refocuses_all_frequencies_for_any_b1(engine, b1):
    # A voxel whose frequencies dephase all other pathways within the echo time.
    te = 0.4
    voxels = make_voxels(t2=T2, t2_prime=5e-3, spread=500.0, b1=b1, b0=B0, t1=T1)
    signal = simulate(degrees([90, 180], [0, 90], [te * 500, te * 500]), voxels, engine)
    expected = math.sin(b1 * math.pi / 2) * math.sin(b1 * math.pi / 2) ** 2 * math.exp(-te / T2)
    close(signal.abs(), expected, 1e-6)


@pytest.mark.parametrize(("engine", "options"), EVERY)
@pytest.mark.parametrize("ti", [0.1, T1 * math.log(2), 2.0])
def test_inversion_recovery_and_its_null(engine, options, ti):
    signal = simulate(degrees([180, 90], [0, 0], [ti * 1e3, 0]), make_voxels(t1=T1, t2=T2), engine, **options)
    close(signal, -1j * (1 - 2 * math.exp(-ti / T1)))


@pytest.mark.parametrize("engine", EXACT)
def test_stimulated_echo(engine):
    # Three pulses a, delays t, tm, t: 1/2 sin^3 a exp(-2t/T2 - tm/T1); all else dephases fully.
    t, tm, flip = 0.05, 0.3, math.radians(75)
    voxels = make_voxels(t1=T1, t2=T2, t2_prime=2e-3)
    sequence = Sequence.from_degrees_ms([75] * 3, [0] * 3, [t * 1e3, tm * 1e3, t * 1e3])
    expected = 0.5 * math.sin(flip) ** 3 * math.exp(-2 * t / T2 - tm / T1)
    close(simulate(sequence, voxels, engine).abs(), expected, 1e-6)


def test_isochromats_meet_the_closed_forms_to_their_sampling_error():
    """With T2' and spread: free decay, Hahn and stimulated echo; 10^5 spins miss by 4 / sqrt(2 10^5)."""
    tolerance = 4 / (2e5) ** 0.5
    t, tm = 0.013, 0.3
    voxels = make_voxels(t1=T1, t2=T2, t2_prime=T2_PRIME, spread=SPREAD)
    x = 2 * math.pi * SPREAD * t
    decay = simulate(degrees([90], [0], [13]), voxels, "isochromats", n_spins=100_000)
    close(decay, -1j * math.exp(-t / T2 - t / T2_PRIME) * math.sin(x) / x, tolerance)
    echo = simulate(degrees([90, 180], [0, 90], [13, 13]), voxels, "isochromats", n_spins=100_000)
    close(echo.abs(), math.exp(-2 * t / T2), tolerance)
    dephased = make_voxels(t1=T1, t2=T2, t2_prime=1e-3)
    stimulated = simulate(degrees([75] * 3, [0] * 3, [13, 300, 13]), dephased, "isochromats", n_spins=100_000)
    expected = 0.5 * math.sin(math.radians(75)) ** 3 * math.exp(-2 * t / T2 - tm / T1)
    close(stimulated.abs(), expected, tolerance)


@pytest.mark.parametrize(("engine", "options"), EVERY)
def test_off_resonance_turns_in_the_sense_of_rf_phase(engine, options):
    # A quarter turn in 1 ms at 250 Hz, followed by the axis of the second pulse: together a pulse of 90°.
    pair = degrees([45, 45], [0, 90], [1, 0])
    for b0, magnitude in ((250.0, 1.0), (-250.0, 0.0)):
        close(simulate(pair, make_voxels(b0=b0), engine, **options).abs(), magnitude, 1e-9)


@pytest.mark.parametrize(("engine", "options"), EVERY)
def test_saturation_recovery_gives_mz(engine, options):
    _, mz = magnetization(degrees([60], [0], [500]), make_voxels(t1=T1, t2=T2), engine, **options)
    close(mz, 1 + (math.cos(math.pi / 3) - 1) * math.exp(-0.5 / T1))


@pytest.mark.parametrize("n_rf", [1, 2, 3, 4, 5])
def test_engines_agree_to_rounding_on_the_same_offsets(n_rf):
    voxels = random_brain_voxels(7)
    offsets = draw_offsets(voxels, 50, "stratified")
    sequence = random_sequences(6, n_rf)
    for exact, sampled in zip(
        magnetization(sequence, voxels, "pathways", offsets=offsets),
        magnetization(sequence, voxels, "isochromats", offsets=offsets),
        strict=True,
    ):
        torch.testing.assert_close(exact, sampled, atol=1e-13, rtol=0)


@pytest.mark.parametrize("n_rf", [1, 2, 3, 4, 5])
def test_many_spins_come_close_to_the_exact_sum(n_rf):
    voxels = random_brain_voxels(3)
    sequence = random_sequences(2, n_rf)
    exact = simulate(sequence, voxels, "pathways")
    sampled = simulate(sequence, voxels, "isochromats", n_spins=100_000)
    # Each component has a standard error of at most 1 / sqrt(2 * 100,000) = 0.0022.
    assert (exact - sampled).abs().max() < 4 * 0.0032


def test_sampling_error_falls_as_the_root_of_the_number_of_spins():
    voxels = make_voxels(400, t2_prime=0.02, spread=30.0)
    sequence = degrees([90], [0], [15])
    exact = simulate(sequence, voxels, "pathways")
    errors = [
        float((simulate(sequence, voxels, "isochromats", n_spins=n) - exact).abs().square().mean().sqrt())
        for n in (64, 1024)
    ]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.25)


@pytest.mark.parametrize("draw", ["independent", "stratified", "ordered"])
def test_offsets_follow_both_distributions(draw):
    voxels = make_voxels(1, t2_prime=0.02, spread=30.0)
    width = 1 / (2 * math.pi * 0.02)
    only_lorentzian = draw_offsets(make_voxels(1, t2_prime=0.02), 20_000, draw)
    assert float(only_lorentzian.abs().median()) == pytest.approx(width, rel=0.05)
    only_uniform = draw_offsets(make_voxels(1, spread=30.0), 20_000, draw)
    assert float(only_uniform.std()) == pytest.approx(30 / 3**0.5, rel=0.02)
    assert not torch.equal(draw_offsets(voxels, 20_000, draw), only_lorentzian)


def test_paired_draws_differ_as_documented():
    voxels = make_voxels(1, t2_prime=0.02, spread=30.0)
    lorentzian, uniform = make_voxels(1, t2_prime=0.02), make_voxels(1, spread=30.0)
    ordered = draw_offsets(voxels, 100, "ordered")
    close(ordered, draw_offsets(lorentzian, 100, "ordered") + draw_offsets(uniform, 100, "ordered"))
    assert (ordered.diff() > 0).all()
    assert (draw_offsets(voxels, 100, "stratified").diff() < 0).any()
    seeds = [draw_offsets(voxels, 100, "independent", torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert torch.equal(seeds[0], seeds[1])
    assert not torch.equal(seeds[0], seeds[2])


def test_bad_engine_options_are_refused():
    voxels, sequence = make_voxels(), degrees([90], [0], [5])
    with pytest.raises(ValueError, match="engine must be one of auto, fused, pathways, isochromats"):
        simulate(sequence, voxels, "epg")
    with pytest.raises(ValueError, match="n_spins must be at least 1"):
        simulate(sequence, voxels, "isochromats", n_spins=0)


# Properties, for every engine that is exact and for a few fixed spins.


def signal_of(engine, sequence, voxels):
    if engine == "isochromats":
        return simulate(sequence, voxels, engine, offsets=draw_offsets(voxels, 8, "stratified"))
    return simulate(sequence, voxels, engine)


ENGINES = [*EXACT, "isochromats"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pulse_of_zero_flip_changes_nothing(engine):
    voxels = random_brain_voxels(5)
    plain = degrees([80, 150], [0, 40], [10, 12])
    padded = degrees([80, 0, 150], [0, 77, 40], [4, 6, 12])
    torch.testing.assert_close(
        signal_of(engine, padded, voxels), signal_of(engine, plain, voxels), atol=1e-14, rtol=0
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_common_phase_turns_the_signal_by_itself(engine):
    voxels = random_brain_voxels(5)
    sequence = random_sequences(4, 4)
    turned = Sequence(sequence.flip_angle, sequence.phase + 0.7, sequence.delay)
    expected = signal_of(engine, sequence, voxels) * torch.exp(torch.tensor(0.7j, dtype=torch.complex128))
    torch.testing.assert_close(signal_of(engine, turned, voxels), expected, atol=1e-14, rtol=0)


@pytest.mark.parametrize("engine", EXACT)
def test_negated_phases_and_offsets_give_the_conjugate(engine):
    voxels = random_brain_voxels(5)
    mirrored_voxels = random_brain_voxels(5)
    mirrored_voxels.b0.neg_()
    sequence = random_sequences(4, 4)
    mirrored = Sequence(sequence.flip_angle, -sequence.phase, sequence.delay)
    # Mirroring y: Mxy becomes -Mxy* because excitation about x gives -i.
    expected = -signal_of(engine, sequence, voxels).conj()
    torch.testing.assert_close(signal_of(engine, mirrored, mirrored_voxels), expected, atol=1e-14, rtol=0)


@pytest.mark.parametrize("engine", ENGINES)
def test_magnitude_never_exceeds_m0(engine):
    voxels = random_brain_voxels(20)
    signal = signal_of(engine, random_sequences(50, 5), voxels)
    assert (signal.abs() <= voxels.m0 * (1 + 1e-12)).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_batched_equals_looped_also_when_padded(engine):
    voxels = random_brain_voxels(6)
    sequences = [random_sequences(1, n_rf, seed)[0] for seed, n_rf in enumerate((3, 1, 5, 2, 3))]
    batched = signal_of(engine, Sequence.stack(sequences), voxels)
    looped = torch.stack([signal_of(engine, each, voxels) for each in sequences])
    torch.testing.assert_close(batched, looped, atol=1e-14, rtol=0)


def test_isochromats_of_a_padded_batch_are_the_same_spins():
    voxels = random_brain_voxels(3)
    sequences = [random_sequences(1, n_rf)[0] for n_rf in (3, 1, 2)]
    generator = torch.Generator().manual_seed(5)
    batched = simulate(Sequence.stack(sequences), voxels, "isochromats", n_spins=16, generator=generator)
    looped = [
        simulate(each, voxels, "isochromats", n_spins=16, generator=torch.Generator().manual_seed(5))
        for each in sequences
    ]
    torch.testing.assert_close(batched, torch.stack(looped))


@pytest.mark.parametrize("engine", ENGINES)
def test_one_simulator_serves_many_sequences(engine):
    voxels = random_brain_voxels(6)
    options = {"n_spins": 8} if engine == "isochromats" else {}
    signal = Simulator(voxels, engine=engine, options=options).signal
    for sequence in (random_sequences(2, 3), random_sequences(1, 2, seed=1)[0]):
        torch.testing.assert_close(signal(sequence), simulate(sequence, voxels, engine, **options))


@pytest.mark.parametrize("engine", ENGINES)
def test_shapes(engine):
    voxels = random_brain_voxels(6)
    deep = random_sequences(6, 2)
    deep = Sequence(*(part.reshape(3, 2, 2) for part in (deep.flip_angle, deep.phase, deep.delay)))
    assert signal_of(engine, deep, voxels).shape == (3, 2, 6)
    assert signal_of(engine, random_sequences(0, 2), voxels).shape == (0, 6)
    nothing = Sequence(*(torch.zeros(0, dtype=torch.float64) for _ in range(3)))
    assert signal_of(engine, nothing, voxels).tolist() == [0] * 6


@pytest.mark.parametrize("engine", ENGINES)
def test_float32_is_kept_and_close(engine):
    voxels, sequence = random_brain_voxels(6), random_sequences(4, 3)
    single = signal_of(engine, sequence.to(torch.float32), voxels.to(dtype=torch.float32))
    assert single.dtype == torch.complex64
    double = signal_of(engine, sequence, voxels)
    torch.testing.assert_close(single.to(torch.complex128), double, atol=2e-5, rtol=0)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["m0", "t1", "t2", "t2_prime", "b1", "b0", "spread"])
def test_every_voxel_property_matters(engine, name):
    sequence = degrees([70, 120, 80], [0, 50, 20], [11, 13, 17])
    base = {"m0": 0.9, "t1": T1, "t2": T2, "t2_prime": T2_PRIME, "b1": 0.9, "b0": B0, "spread": SPREAD}
    before = signal_of(engine, sequence, make_voxels(**base))
    after = signal_of(engine, sequence, make_voxels(**{**base, name: base[name] * 1.1}))
    assert (before - after).abs().max() > 1e-4


# Gradients.


def gradcheck(engine, sequence, voxels, sequence_only=False):
    offsets = {} if engine != "isochromats" else {"n_spins": 5, "draw": "stratified"}
    names = () if sequence_only else ("m0", "t1", "t2", "t2_prime", "b1", "b0", "spread")

    def run(flip, phase, delay, *properties):
        changed = dict(zip(names, properties, strict=True))
        parts = {
            name: changed.get(name, getattr(voxels, name))
            for name in ("m0", "t1", "t2", "t2_prime", "b1", "b0", "spread", "tissue", "weight")
        }
        return simulate(Sequence(flip, phase, delay), type(voxels)(**parts), engine, **offsets)

    inputs = [sequence.flip_angle, sequence.phase, sequence.delay, *(getattr(voxels, n) for n in names)]
    # "configurations" is many small operations: one combination of the derivatives tells.
    fast_mode = engine == "configurations"
    leaves = [part.clone().requires_grad_() for part in inputs]
    return torch.autograd.gradcheck(run, leaves, fast_mode=fast_mode)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n_rf", [1, 2, 3, 5])
def test_gradients_match_finite_differences(engine, n_rf):
    assert gradcheck(engine, random_sequences(2, n_rf), random_brain_voxels(2))
    # Without derivatives by voxel properties the fused kernel does not pass on to the pathways.
    assert gradcheck(engine, random_sequences(2, n_rf), random_brain_voxels(2), sequence_only=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_gradients_at_a_zero_flip(engine):
    sequence = degrees([0, 120, 0], [10, 50, 20], [11, 13, 17])
    assert gradcheck(engine, sequence, random_brain_voxels(2), sequence_only=True)


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize(
    "delays", [[16, 16], [10, 10], [10, 30, 20], [100, 200, 300], [20, 1000, 20], [6.2] * 5, [7.1, 3.3, 10.4]]
)
def test_gradients_where_echoes_refocus(engine, delays):
    # |tau| has a kink at tau = 0: its derivative is 0 there, which central differences give as well. In
    # floating point most of these sums miss 0 by rounding.
    n_rf = len(delays)
    sequence = degrees([90, 170, 120, 100, 80][:n_rf], [0, 90, 40, 20, 10][:n_rf], delays)
    assert gradcheck(engine, sequence, random_brain_voxels(2))
    assert gradcheck(engine, sequence, random_brain_voxels(2), sequence_only=True)


@pytest.mark.parametrize("engine", EXACT)
def test_gradients_are_finite_at_zero_signal(engine):
    for flips in ([0.0, 0.0], [180.0, 0.0]):
        sequence = degrees(flips, [0, 0], [10, 10])
        parts = [
            part.clone().requires_grad_() for part in (sequence.flip_angle, sequence.phase, sequence.delay)
        ]
        loss = simulate(Sequence(*parts), make_voxels(3, b1=0.0, t1=T1, t2=T2), engine).abs().sum()
        loss.backward()
        assert loss == 0
        assert all(torch.isfinite(part.grad).all() for part in parts)


@pytest.mark.parametrize("engine", EXACT)
@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 90.0, 180.0, 360.0]), st.floats(-360, 360), st.sampled_from([1e-4, 5, 1e5])
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([0.0, 1.0, 3.0]),
    st.sampled_from([1e-3, 0.1, math.inf]),
)
def test_extreme_inputs_stay_finite(engine, pulses, b1, t2_prime):
    sequence = degrees(*zip(*pulses, strict=True))
    parts = [part.requires_grad_() for part in (sequence.flip_angle, sequence.phase, sequence.delay)]
    voxels = make_voxels(2, b1=b1, t1=1.0, t2=0.1, t2_prime=t2_prime, b0=50.0, spread=30.0)
    signal = simulate(sequence, voxels, engine)
    signal.abs().sum().backward()
    assert torch.isfinite(signal.abs()).all()
    assert all(torch.isfinite(part.grad).all() for part in parts)


NOT_A_NUMBER = ["flip_angle", "phase", "delay", "b1", "b0", "t1", "t2", "t2_prime", "m0", "spread"]
# Infinite times and a limit that exists are left out.
INFINITE = ["flip_angle", "phase", "b1", "b0"]


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize(
    ("name", "value"), [(n, math.nan) for n in NOT_A_NUMBER] + [(n, math.inf) for n in INFINITE]
)
def test_what_is_not_a_number_does_not_become_one(engine, name, value):
    sequence, voxels = degrees([80, 150, 60], [0, 40, 10], [10, 12, 8]), random_brain_voxels(3)
    target = getattr(sequence, name) if hasattr(sequence, name) else getattr(voxels, name)
    target[0] = value
    signal = simulate(sequence, voxels, engine)
    assert not torch.isfinite(signal.abs()[0])


def test_second_derivatives_are_refused_by_the_kernel_and_given_by_the_pathways():
    voxels, sequence = random_brain_voxels(3), degrees([80, 150], [0, 40], [10, 12])

    def total(flip, engine):
        return simulate(Sequence(flip, sequence.phase, sequence.delay), voxels, engine).abs().sum()

    with pytest.raises(RuntimeError, match="for higher ones take engine='pathways'"):
        torch.autograd.functional.hessian(lambda flip: total(flip, "auto"), sequence.flip_angle)
    hessian = torch.autograd.functional.hessian(lambda flip: total(flip, "pathways"), sequence.flip_angle)
    assert (hessian.abs() > 1e-6).all()


def test_a_change_in_place_before_the_backward_pass_is_noticed():
    flip = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    rest = degrees([1, 1], [0, 40], [10, 12])
    loss = simulate(Sequence(flip, rest.phase, rest.delay), random_brain_voxels(3), "fused").abs().sum()
    with torch.no_grad():
        flip.mul_(0.5)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


# Magnetisation over time.


@pytest.mark.parametrize("engine", ["pathways", "isochromats"])
def test_evolution_ends_at_the_signal_and_starts_at_equilibrium(engine):
    voxels, sequence = random_brain_voxels(4), degrees([80, 150], [0, 40], [10, 12])
    options = {} if engine == "pathways" else {"n_spins": 8}
    times = torch.tensor([0.0, 5e-3, 10e-3, 22e-3], dtype=torch.float64)
    mxy, mz = evolve(sequence, voxels, times, engine, **options)
    assert mxy.shape == (4, 4)
    torch.testing.assert_close(voxels.m0 * mxy[-1], simulate(sequence, voxels, engine, **options))
    flip = math.radians(80) * voxels.b1
    torch.testing.assert_close(mz[0], torch.cos(flip))
    torch.testing.assert_close(mxy[0].abs(), torch.sin(flip).abs())


def test_evolution_is_that_of_a_free_decay_between_pulses():
    voxels = make_voxels(t2=T2)
    times = torch.linspace(0, 9e-3, 7, dtype=torch.float64)
    mxy, _ = evolve(degrees([90, 180], [0, 90], [10, 10]), voxels, times)
    torch.testing.assert_close(mxy.abs()[:, 0], torch.exp(-times / T2))


def test_evolution_goes_on_after_the_readout():
    mxy, _ = evolve(degrees([90], [0], [10]), make_voxels(t2=T2), torch.tensor([0.03], dtype=torch.float64))
    close(mxy.abs(), math.exp(-0.03 / T2))


@pytest.mark.parametrize("delays", [[100, 200, 300], [6.2, 7.1, 9.3]])
def test_evolution_at_a_pulse_is_just_after_it_whatever_the_rounding(delays):
    sequence, voxels = degrees([90, 150, 90], [0, 90, 0], delays), make_voxels(t1=T1, t2=T2)
    times = sequence.delay.cumsum(-1)[:2]
    at, after = (evolve(sequence, voxels, each)[0] for each in (times, times + 1e-9))
    close(at, after, 1e-6)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_what_the_cpu_gives():
    voxels, sequence = random_brain_voxels(50), random_sequences(6, 4)
    on_gpu = simulate(sequence.to("cuda"), voxels.to("cuda"))
    assert on_gpu.device.type == "cuda"
    torch.testing.assert_close(on_gpu.cpu(), simulate(sequence, voxels), atol=1e-12, rtol=0)
    layout = Layout.plain(4, gradients=(1, "spoiler", 1, 1))
    crushed = Sequence(*sequence.columns().values(), layout=layout)
    on_gpu = simulate(crushed.to("cuda"), voxels.to("cuda"))
    torch.testing.assert_close(on_gpu.cpu(), simulate(crushed, voxels), atol=1e-12, rtol=0)
    with pytest.raises(ValueError, match="runs on the CPU only"):
        simulate(sequence.to("cuda"), voxels.to("cuda"), "fused")


# The steps of the torch engines, with what no sequence plays yet: crushers, other starts, several readouts.

# Isochromats stand evenly over the voxel: 1/n from the closed form.
STEP_ENGINES = [("pathways", {}, 1e-14), ("isochromats", {"offsets": torch.zeros(1, 2000).double()}, 2e-3)]
A, B = math.radians(75), math.radians(130)


def played(engine, options, voxels, *steps, mz=1.0):
    """Mxy and Mz after steps: a flip angle and phase [rad], a delay [s], or whole cycles of a crusher."""
    machine = STEPS[engine](voxels, **options)
    delays = torch.tensor([[0.0]], dtype=torch.float64)
    state, readings = machine.start(delays, mz), []
    for step in steps:
        if step == "read":
            readings.append(tuple(part[0, 0] for part in machine.read(state)))
        elif isinstance(step, int):
            state = machine.crush(state, step)
        elif isinstance(step, tuple):
            flip, phase = (torch.tensor([value], dtype=torch.float64) for value in step)
            state = machine.pulse(state, flip, phase)
        else:
            state = machine.wait(state, torch.tensor([step], dtype=torch.float64))
    return readings


@pytest.mark.parametrize(("engine", "options", "tolerance"), STEP_ENGINES)
def test_a_crushed_spin_echo_is_the_refocused_pathway_alone(engine, options, tolerance):
    voxels, te = make_voxels(t2=T2, b0=B0), 0.02
    steps = ((A, 0.0), te / 2, 1, (B, 1.1), 1, te / 2, "read")
    ((mxy, _),) = played(engine, options, voxels, *steps)
    expected = math.sin(A) * math.sin(B / 2) ** 2 * math.exp(-te / T2)
    assert float(mxy.abs()) == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(("engine", "options", "tolerance"), STEP_ENGINES)
def test_a_crushed_stimulated_echo(engine, options, tolerance):
    voxels, t, mixing = make_voxels(t1=T1, t2=T2, b0=B0), 0.01, 0.3
    right = (math.pi / 2, 0.0)
    # The moment of the mixing time spoils all but what was stored by the second pulse.
    steps = (right, t, 1, right, mixing, 5, right, 1, t, "read")
    ((mxy, _),) = played(engine, options, voxels, *steps)
    expected = 0.5 * math.exp(-2 * t / T2 - mixing / T1)
    assert float(mxy.abs()) == pytest.approx(expected, abs=tolerance)


def test_ernst_from_the_mz_of_two_starts():
    # Mz at the end of TR is a + b Mz at its start, where the transverse part is spoiled: in the steady state
    # (1 - E1) / (1 - cos(flip) E1).
    tr, flip = 0.03, math.radians(35)
    ends = [
        float(played("pathways", {}, make_voxels(t1=T1), (flip, 0.0), tr, 1, "read", mz=start)[0][1])
        for start in (0.0, 1.0)
    ]
    e1 = math.exp(-tr / T1)
    assert ends[0] / (1 - (ends[1] - ends[0])) == pytest.approx(
        (1 - e1) / (1 - math.cos(flip) * e1), abs=1e-15
    )


@pytest.mark.parametrize(("engine", "options", "tolerance"), STEP_ENGINES)
def test_two_readouts_of_a_train(engine, options, tolerance):
    voxels = make_voxels(t2=T2)
    half, right, whole = 0.005, (math.pi / 2, 0.0), (math.pi, math.pi / 2)
    steps = (right, half, whole, half, "read", half, whole, half, "read")
    signals = [abs(complex(mxy)) for mxy, _ in played(engine, options, voxels, *steps)]
    assert signals == pytest.approx([math.exp(-0.01 / T2), math.exp(-0.02 / T2)], abs=1e-14)


def test_trains_too_long_to_follow_are_refused():
    train = degrees([90] + [170] * 14, [0] * 15, [5] * 15)
    with pytest.raises(ValueError, match=r"at most 13 pulses, .* got 15: take engine='isochromats'"):
        simulate(train, make_voxels())
    assert simulate(train, make_voxels(), "isochromats").shape == (1,)
    voxels = make_voxels()[[0] * 1000]
    with pytest.raises(ValueError, match=r"got 1\.8e\+08 for 12 pulses, 1000 voxels .* fewer voxels"):
        simulate(train.map(lambda part: part[:12]), voxels)


def test_a_grid_of_many_pulses_is_cut_to_what_can_be_followed(monkeypatch):
    axis, delay = Axis(0.3, 0.1, 2), Axis(0.01)
    grid = Grid((axis,) * 5, (delay,) * 5, (delay,) * 5)
    objective = Objective((Term("null", TERMS["null"], 1.0),))
    monkeypatch.setattr(pathways, "MAX_AMPLITUDES", 2 * 3**4)  # two sequences
    losses = Simulator(make_voxels(), objective, "pathways").grid_losses(grid)(0, 6)
    expected = Simulator(make_voxels(), objective).loss(grid.sequences(np.arange(6)))
    close(torch.from_numpy(losses), expected)


WORST = Objective(
    (
        Term("signal", TERMS["signal"], 1.3, (1, 2), worst_share=0.2),
        Term("null", TERMS["null"], 0.7, (0,), worst_share=0.05),
        Term("contrast", TERMS["contrast"], 2.0, (0, 2), 2, 0.3),
        Term("rf_energy", TERMS["rf_energy"], 0.01),
    )
)


def test_engines_agree_on_the_worst_share_and_its_gradient():
    sequence, voxels = random_sequences(3, 3), random_brain_voxels(60)
    (loss, slopes), (other_loss, other_slopes) = (
        Simulator(voxels, WORST, engine).loss_and_gradient(sequence) for engine in ("pathways", "fused")
    )
    close(loss, other_loss)
    for name, slope in slopes.columns().items():
        torch.testing.assert_close(slope, getattr(other_slopes, name), atol=1e-10, rtol=1e-8)


@pytest.mark.parametrize("engine", EXACT)
def test_gradients_of_the_worst_share_match_finite_differences(engine):
    simulator = Simulator(random_brain_voxels(60), WORST, engine)
    sequence = random_sequences(2, 2)
    inputs = [part.clone().requires_grad_() for part in sequence.columns().values()]
    assert torch.autograd.gradcheck(lambda *parts: simulator.loss(Sequence(*parts)), inputs)


def test_a_grid_of_two_pulses_knows_the_worst_share():
    axis, delay, zero = Axis(0.3, 0.1, 2), Axis(0.01), Axis(0.0)
    grid, voxels = Grid((axis,) * 2, (zero,) * 2, (delay,) * 2), random_brain_voxels(60)
    expected = Simulator(voxels, WORST).loss(grid.sequences(np.arange(4)))
    close(torch.from_numpy(Simulator(voxels, WORST).grid_losses(grid)(0, 4)), expected)


# Layouts; what "configurations" gives for them is tested with it.

CRUSHED = Layout.plain(2, gradients=(1, 1), steady=True)


def crushed_echo(flips=(80, 155)):
    return Sequence.from_degrees_ms(flips, [0, 90], [10, 10, 480], layout=CRUSHED)


@pytest.mark.parametrize(("engine", "options"), [("pathways", {}), ("isochromats", {"n_spins": 1})])
def test_a_layout_that_an_engine_does_not_play_is_refused(engine, options):
    simulator = Simulator(random_brain_voxels(60), WORST, engine, options)
    told = f"engine '{engine}' plays no layout .* take 'auto' or 'configurations'"
    with pytest.raises(ValueError, match=told):
        simulator.signal(crushed_echo())
    with pytest.raises(ValueError, match=told):
        simulator.magnetization(crushed_echo())
    with pytest.raises(ValueError, match=told):
        simulator.evolve(crushed_echo(), torch.tensor([0.001], dtype=torch.float64))
    with pytest.raises(ValueError, match=told):
        simulator.loss_and_gradient(crushed_echo())


TRAIN = Sequence.from_degrees_ms([80, 130, 120], [0, 90, 70], [5], layout=Layout.train(2, crusher=1))
OF_READOUTS = Objective((*WORST.terms, Term("second", TERMS["signal"], 1.0, (1,), readouts=(2,))))


@pytest.mark.parametrize("engine", ["auto", "fused", "configurations"])
@pytest.mark.parametrize(("sequence", "objective"), [(crushed_echo(), WORST), (TRAIN, OF_READOUTS)])
def test_a_layout_has_a_signal_a_loss_and_a_gradient(sequence, objective, engine):
    other = sequence.with_columns({"flip_angle": 0.8 * sequence.flip_angle})
    both, voxels = Sequence.stack([sequence, other]), random_brain_voxels(60)
    simulator = Simulator(voxels, objective, engine)
    close(simulator.signal(both), simulate(both, voxels, "configurations"), 1e-13)
    loss, slopes = simulator.loss_and_gradient(both)
    close(loss, torch.stack(list(simulator.parts(both).values())).sum(0))
    inputs = [part.clone().requires_grad_() for part in both.columns().values()]

    def losses(*parts):
        return simulator.loss(Sequence(*parts, layout=both.layout))

    assert torch.autograd.gradcheck(losses, inputs, fast_mode=engine == "configurations")
    expected = torch.autograd.grad(losses(*inputs).sum(), inputs)
    for slope, derivative in zip(slopes.columns().values(), expected, strict=True):
        torch.testing.assert_close(slope, derivative, atol=1e-12, rtol=1e-10)
