import copy
import dataclasses
import json
import math
from dataclasses import dataclass, field

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conftest import random_brain_voxels
from sequence_search.engines.simulation import simulate
from sequence_search.layout import SPOILER, Layout
from sequence_search.sequence import Column, Sequence


def single(flip, phase, delay):
    return Sequence.from_degrees_ms(flip, phase, delay)


def test_units():
    sequence = single([90, 180], [0, -90], [6.2, 12.4])
    torch.testing.assert_close(sequence.flip_angle, torch.tensor([math.pi / 2, math.pi], dtype=torch.float64))
    torch.testing.assert_close(sequence.phase, torch.tensor([0, -math.pi / 2], dtype=torch.float64))
    torch.testing.assert_close(sequence.delay, torch.tensor([6.2e-3, 12.4e-3], dtype=torch.float64))


def test_printed_form():
    printed = str(single([88.4, 176.7, 5], [0, 180, -30.4], [6.2, 3340, 6.25]))
    assert printed == "88.4°(0°) –6.2 ms– 176.7°(180°) –3.34 s– 5°(-30°) –6.25 ms– readout"


def test_a_batch_prints_a_line_for_each():
    batch = Sequence.stack([single([90], [0], [5]), single([90, 180], [0, 0], [5, 5])])
    assert str(batch).splitlines() == ["90°(0°) –5 ms– readout", "90°(0°) –5 ms– 180°(0°) –5 ms– readout"]


def test_counts_and_costs_ignore_padding():
    batch = Sequence.stack([single([90], [0], [5]), single([90, 180], [0, 0], [5, 7])])
    assert batch.n_rf.tolist() == [1, 2]
    expected = [(math.pi / 2) ** 2, (math.pi / 2) ** 2 + math.pi**2]
    torch.testing.assert_close(batch.rf_energy, torch.tensor(expected, dtype=torch.float64))
    torch.testing.assert_close(batch.time_to_readout, torch.tensor([5e-3, 12e-3], dtype=torch.float64))


@given(
    st.lists(st.tuples(st.floats(0, 360), st.floats(-180, 180), st.floats(0, 1e4)), min_size=1, max_size=6)
)
def test_dict_round_trip(pulses):
    sequence = single(*zip(*pulses, strict=True))
    again = Sequence.from_dict(sequence.to_dict())
    for name in ("flip_angle", "phase", "delay"):
        torch.testing.assert_close(getattr(again, name), getattr(sequence, name), rtol=1e-11, atol=1e-15)


def test_dict_of_wrong_keys_is_refused():
    with pytest.raises(ValueError, match="keys"):
        Sequence.from_dict({"flip": [1.0], "phase_deg": [0.0], "delay_ms": [1.0]})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([90], [0, 0], [5]), "one number for each pulse, got 1, 2, 1"),
        (([90], [0], [-1]), "delay_ms must be at least 0"),
        (([math.nan], [0], [1]), "flip_deg must be finite"),
        (([90], [math.inf], [1]), "phase_deg must be finite"),
    ],
)
def test_bad_numbers_are_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        single(*columns)


def test_a_column_that_does_not_exist_is_refused():
    with pytest.raises(TypeError, match="Sequence has no column present"):
        Sequence.from_degrees_ms([90, 180], [0, 0], [6, 7], present=[True, False])


def test_stack_refuses_nothing_and_batches():
    with pytest.raises(ValueError, match="at least one"):
        Sequence.stack([])
    with pytest.raises(ValueError, match="single ones"):
        Sequence.stack([single([[90]], [[0]], [[5]])])


def test_a_single_sequence_is_not_indexed():
    with pytest.raises(IndexError, match="no batch"):
        single([90], [0], [5])[0]


def test_indexing_keeps_the_pulses():
    batch = Sequence.stack([single([90], [0], [5]), single([80, 180], [0, 0], [5, 7])])
    assert batch[1].without_padding().to_dict() == single([80, 180], [0, 0], [5, 7]).to_dict()
    assert batch[0].without_padding().to_dict() == single([90], [0], [5]).to_dict()
    with pytest.raises(ValueError, match="index it first"):
        batch.to_dict()


def test_small_pulses_leave_their_delay_to_the_pulse_before():
    sequence = single([90, 2.9, 180, 3.0], [0, 10, 20, 30], [5, 6, 7, 8]).drop_small_pulses()
    assert sequence.to_dict() == single([90, 180, 3], [0, 20, 30], [11, 7, 8]).to_dict()


def test_time_before_the_first_pulse_that_counts_is_dropped():
    sequence = single([1, 2, 90, 180], [0, 10, 20, 30], [5, 6, 7, 8]).drop_small_pulses()
    assert sequence.to_dict() == single([90, 180], [20, 30], [7, 8]).to_dict()


def test_dropping_every_pulse_leaves_none():
    assert single([1, 2], [0, 0], [5, 6]).drop_small_pulses().flip_angle.shape == (0,)


def test_dropping_in_a_batch_pads():
    batch = single([[90, 1], [90, 180]], [[0, 0], [0, 0]], [[5, 6], [5, 6]]).drop_small_pulses()
    assert batch.n_rf.tolist() == [1, 2]
    torch.testing.assert_close(batch.time_to_readout, torch.tensor([11e-3, 11e-3], dtype=torch.float64))


def test_small_negative_flips_are_kept_by_their_size():
    assert single([90, -20], [0, 0], [5, 5]).drop_small_pulses().n_rf == 2


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        ([30, 210], [0, 180]),
        ([0, -90, 45], [0, 90, -45]),
        ([170, -170, 10], [0, 20, -160]),
        ([0, 0, -30], [0, 0, -30]),
        ([0, -180], [0, 180]),
    ],
)
def test_standard_phases(phases, expected):
    n_rf = len(phases)
    standard = single([90] * n_rf, phases, [5] * n_rf).standardize_phases()
    torch.testing.assert_close(
        torch.rad2deg(standard.phase), torch.tensor(expected, dtype=torch.float64), atol=1e-9, rtol=0
    )


def test_standard_phases_make_negative_flips_positive():
    standard = single([-90, 180], [0, 0], [5, 5]).standardize_phases()
    assert standard.to_dict()["flip_deg"] == [90, 180]
    assert standard.to_dict()["phase_deg"] == [0, 180]


def test_merged_events_are_differentiable():
    delay = torch.tensor([[1.0, 2.0, 3.0, 4.0]], dtype=torch.float64, requires_grad=True)
    flip = torch.ones_like(delay)
    merged = Sequence.from_events(
        torch.tensor([[False, True, False, True]]), flip_angle=flip, phase=flip, delay=delay
    )
    assert merged.delay.tolist() == [[5.0, 4.0]]
    merged.delay[0, 0].backward()
    assert delay.grad.tolist() == [[0.0, 1.0, 1.0, 0.0]]


def test_dtype_and_padding_survive_to():
    batch = Sequence.stack([single([90], [0], [5]), single([90, 180], [0, 0], [5, 7])]).to(torch.float32)
    assert batch.delay.dtype == torch.float32
    assert batch.n_rf.tolist() == [1, 2]


def test_an_index_never_reaches_the_pulses():
    batch = single([[90, 180], [45, 90], [1, 2]], [[0, 0]] * 3, [[5, 6]] * 3)
    with pytest.raises(IndexError):
        batch[:, 0]
    assert batch[1:].batch_shape == (2,)
    assert batch[torch.tensor([True, False, True])].flip_angle.shape == (2, 2)


def test_what_stands_in_padding_does_not_matter():
    batch = single([[90, 180], [45, 90]], [[0, 0]] * 2, [[5, 6]] * 2)
    present = torch.tensor([[True, False], [True, True]])
    spoilt = [part.clone() for part in (batch.flip_angle, batch.phase, batch.delay)]
    for part in spoilt:
        part[0, 1] = math.nan
    padded = Sequence(*spoilt, present)
    assert padded.rf_energy.isfinite().all()
    assert padded.time_to_readout.tolist() == pytest.approx([0.005, 0.011])
    assert padded.drop_small_pulses().time_to_readout.tolist() == pytest.approx([0.005, 0.011])
    assert padded.standardize_phases()[0].without_padding().to_dict() == single([90], [0], [5]).to_dict()


def test_absent_pulses_stand_at_the_end():
    flip = torch.ones(1, 3, dtype=torch.float64)
    with pytest.raises(ValueError, match="absent pulses must stand at the end"):
        Sequence(flip, flip, flip, torch.tensor([[True, False, True]]))


def test_equal_sequences_are_equal_whatever_stands_in_padding():
    echo = single([90, 180], [0, 0], [5, 7])
    assert copy.deepcopy(echo) == echo
    assert hash(copy.deepcopy(echo)) == hash(echo)
    assert echo != single([90, 180], [0, 0], [5, 8])
    assert echo != single([90], [0], [5])
    first, second = (Sequence.stack([single([90], [0], [5]), echo]) for _ in range(2))
    second.flip_angle[0, 1] = math.nan
    assert first == second
    assert hash(first) == hash(second)


def test_repr_is_a_line_in_degrees_and_ms():
    echo = single([90, 180], [0, 0], [5, 7])
    assert repr(echo) == "<Sequence 90°(0°) –5 ms– 180°(0°) –7 ms– readout>"
    assert repr(Sequence.stack([echo, echo])) == f"<Sequence batch (2,), first {echo}>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Crushed(Sequence):
    """One more column."""

    COLUMNS = (*Sequence.COLUMNS, Column("moment", "moment_cycles", lambda x: x, lambda x: x, padding=-1.0))

    moment: torch.Tensor = field(kw_only=True)


def crushed(*flips_deg):
    count = len(flips_deg)
    return Crushed.from_degrees_ms(
        flips_deg, [30.0] * count, [5.0] * count, moment_cycles=range(1, count + 1)
    )


BATCH = Crushed.stack([crushed(90, 2, 180), crushed(80)])


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (BATCH[0], [1, 2, 3]),
        (BATCH[1].without_padding(), [1]),
        (BATCH[:, None][1, 0].without_padding(), [1]),
        (BATCH.flat()[0], [1, 2, 3]),
        (BATCH.detach()[0], [1, 2, 3]),
        (BATCH.to(torch.float32)[0], [1, 2, 3]),
        (BATCH.drop_small_pulses()[0].without_padding(), [1, 3]),
        (BATCH.standardize_phases()[0], [1, 2, 3]),
        (BATCH.turn_first_to_zero()[0], [1, 2, 3]),
        (next(iter(BATCH.by_pulse_number()))[1][0], [1]),
        (Crushed.from_dict(BATCH[0].to_dict()), [1, 2, 3]),
        (copy.deepcopy(BATCH)[0], [1, 2, 3]),
    ],
    ids=lambda value: None if isinstance(value, Crushed) else str(value),
)
def test_every_operation_keeps_one_more_column(changed, expected):
    assert type(changed) is Crushed
    assert changed.moment.tolist() == expected


def test_one_more_column_is_padded_and_compared():
    assert BATCH.moment[1].tolist() == [1, -1, -1]
    assert BATCH.drop_small_pulses().moment[1].tolist() == [1, -1]
    other = dataclasses.replace(BATCH, moment=BATCH.moment + 1)
    assert other != BATCH


FID = Layout.plain(1, steady=True)  # a pulse, a readout, the rest of the TR
TRAIN = Layout.train(3, before=(SPOILER,), crusher=1, steady=True)  # TI, half the echo spacing, rest


def train(ti=100, half=4, rest=876):
    return Sequence.from_degrees_ms(
        [180, 90, 150, 150, 150], [0, 90, 0, 0, 0], [ti, half, rest], layout=TRAIN
    )


def test_times_of_a_layout():
    # 180 - 100 - 90 - 4 - 150 - 4 R 4 - 150 - 4 R 4 - 150 - 4 R 876: TR 1 s
    sequence = train()
    assert (1e3 * sequence.intervals).tolist() == pytest.approx([100, 4, 8, 8, 880])
    assert (1e3 * sequence.readout_times).tolist() == pytest.approx([108, 116, 124])
    assert float(sequence.time_to_readout) == pytest.approx(0.124)
    assert float(sequence.tr) == float(sequence.duration) == pytest.approx(1)
    assert sequence.n_rf == 5


def test_times_without_a_layout():
    batch = Sequence.stack([single([90], [0], [5]), single([90, 180], [0, 0], [5, 7])])
    assert batch.intervals is batch.delay
    assert batch.readout_times.tolist() == [[0.005], [0.012]]
    assert batch.tr.tolist() == [math.inf] * 2
    assert batch.duration.tolist() == batch.time_to_readout.tolist()


def test_times_are_differentiable():
    delay = torch.tensor([0.1, 0.004, 0.8], dtype=torch.float64, requires_grad=True)
    sequence = dataclasses.replace(train(), delay=delay)
    (by_tr,) = torch.autograd.grad(sequence.tr, delay)
    (by_time,) = torch.autograd.grad(sequence.time_to_readout, delay)
    assert by_tr.tolist() == [1, 6, 1]
    assert by_time.tolist() == [1, 6, 0]


def test_a_plain_layout_is_none():
    assert single([90, 180], [0, 0], [5, 5]) == Sequence.from_degrees_ms(
        [90, 180], [0, 0], [5, 5], layout=Layout.plain(2)
    )


def test_equality_and_hash_count_the_layout():
    columns = [90, 180], [0, 0], [5, 5]
    crushed, spoiled = (
        Sequence.from_degrees_ms(*columns, layout=Layout.plain(2, gradients=gradients))
        for gradients in [(1, 1), (SPOILER, 0)]
    )
    assert len({crushed, spoiled, single(*columns), copy.deepcopy(crushed)}) == 3
    assert crushed != spoiled != single(*columns)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (
            ([90], [0], [5]),
            r"flip_deg \[\*batch, 1\], .*, delay_ms \[\*batch, 2\], got \(1,\), \(1,\)",
        ),
        (([90, 90], [0, 0], [5, 6]), "with a layout of 1 pulses and 2 delays"),
        (([90], [0], [[5, 6]]), r"got \(1,\), \(1,\), \(1, 2\)"),
    ],
)
def test_shapes_that_are_not_those_of_the_layout_are_told(columns, told):
    with pytest.raises(ValueError, match=told):
        Sequence.from_degrees_ms(*columns, layout=FID)


def test_a_layout_of_other_pulses_is_refused():
    told = r"must be flip_angle \[\*batch, 1\], .*, delay \[\*batch, 2\], got \(2, 5\), \(2, 5\), \(2, 3\)"
    with pytest.raises(ValueError, match=told):
        dataclasses.replace(BOTH, layout=FID)


def test_a_layout_has_no_absent_pulses():
    with pytest.raises(ValueError, match="present must be None"):
        dataclasses.replace(train(), present=torch.ones(5, dtype=torch.bool))


def test_the_layout_is_read_again():
    sequence = train()
    again = Sequence.from_dict(json.loads(json.dumps(sequence.to_dict())))
    assert again == sequence
    assert again.layout == TRAIN
    assert "layout" not in single([90], [0], [5]).to_dict()


def test_a_spoiler_lets_no_phase_pass():
    layout = Layout.plain(4, gradients=(SPOILER, 0, SPOILER, 0))
    spoiled = Sequence.from_degrees_ms([90, -80, 40, 90], [10, 20, 50, 70], [9, 3, 9, 4], layout=layout)
    turned = spoiled.turn_first_to_zero()
    assert turned.phase.rad2deg().tolist() == pytest.approx([0, 0, -150, 0])
    voxels = random_brain_voxels(5)
    signals = [simulate(each, voxels).abs() for each in (spoiled, turned)]
    torch.testing.assert_close(*signals, rtol=0, atol=1e-12)


def test_a_mirror_behind_a_spoiler_is_standardised_to_one():
    layout = Layout.plain(3, gradients=(SPOILER, 0, 0))
    for last in (-23, 37):
        mirror = Sequence.from_degrees_ms([90, 90, 60], [0, 7, last], [9, 3, 4], layout=layout)
        assert mirror.standardize_phases().phase.rad2deg().tolist() == pytest.approx([0, 0, 30])


BOTH = Sequence.stack([train(), train(200)])


@pytest.mark.parametrize(
    "changed",
    [
        BOTH[0],
        BOTH[None].flat()[0],
        BOTH.detach()[0],
        BOTH.to(torch.float32)[0],
        BOTH.turn_first_to_zero()[0],
        BOTH.standardize_phases()[0],
        BOTH.drop_small_pulses()[0],
        next(iter(BOTH.by_pulse_number()))[1][0],
        BOTH[0].without_padding(),
        BOTH.with_columns({"phase": BOTH.phase + 1})[0],
    ],
)
def test_every_operation_keeps_the_layout(changed):
    assert changed.layout == TRAIN
    assert (1e3 * changed.intervals).tolist() == pytest.approx([100, 4, 8, 8, 880])


def test_stack_tells_how_layouts_differ():
    crushed = Sequence.from_degrees_ms([90], [0], [5], layout=Layout.plain(1, gradients=(1,)))
    with pytest.raises(ValueError, match=r"one layout, got gradients \(0,\) and \(1,\): stack"):
        Sequence.stack([single([90], [0], [5]), crushed])


def test_repetitions_play_the_same_pulses_and_delays():
    sequence = Sequence.from_degrees_ms([30], [10], [5, 95], layout=FID).repeat(3)
    assert sequence.layout == FID.repeat(3)
    assert sequence.to_dict()["flip_deg"] == [30] * 3
    assert sequence.to_dict()["phase_deg"] == [10] * 3
    assert float(sequence.time_to_readout) == pytest.approx(0.205)
    with pytest.raises(ValueError, match="steady layout"):
        single([90], [0], [5]).repeat(2)


def test_small_pulses_of_a_layout_leave_their_delay_to_the_pulse_before():
    layout = Layout.plain(3, gradients=(1, 1, 2))
    sequence = Sequence.from_degrees_ms([90, 1, 180], [0, 10, 20], [5, 6, 11], layout=layout)
    left = Sequence.from_degrees_ms([90, 180], [0, 20], [11, 11], layout=Layout.plain(2, gradients=(2, 2)))
    assert sequence.drop_small_pulses() == left
    assert Sequence.stack([sequence] * 2).drop_small_pulses() == Sequence.stack([left] * 2)


def test_what_a_small_pulse_alone_stands_for_keeps_it():
    kept = Sequence.from_degrees_ms([1], [0], [5, 95], layout=FID)
    assert kept.drop_small_pulses().n_rf == 0
    layout = Layout.plain(2, gradients=(SPOILER, 0))
    sequence = Sequence.from_degrees_ms([90, 1], [0, 0], [5, 95], layout=layout)
    assert sequence.drop_small_pulses() == sequence
    adiabatic = Layout.plain(2, kinds=("invert", "hard"))
    sequence = Sequence.from_degrees_ms([0, 1], [0, 0], [5, 95], layout=adiabatic)
    assert sequence.drop_small_pulses().layout == Layout.plain(1, kinds=("invert",))


def test_a_batch_of_a_layout_drops_the_same_pulses_of_all():
    layout = Layout.plain(3, gradients=(1, 1, 2))
    flips, phases, delays = [[90, 1, 180], [90, 10, 180]], [[0] * 3] * 2, [[5, 6, 11]] * 2
    batch = Sequence.from_degrees_ms(flips, phases, delays, layout=layout)
    with pytest.raises(ValueError, match="same small pulses"):
        batch.drop_small_pulses()


def test_a_layout_is_printed():
    assert repr(BOTH) == (
        "<Sequence batch (2,), first 180°(0°) –100 ms |spoiler|– 90°(90°) –4 ms |crusher|–"
        " [150°(0°) –4 ms |crusher|– readout ×3, ESP 8 ms] –876 ms– TR 1 s>"
    )


def test_how_often_the_time_to_readout_contains_each_delay():
    assert BOTH.counts_to_readout.tolist() == [[1, 6, 0]] * 2
    padded = Sequence.stack([single([90], [0], [5]), single([90, 180], [0, 0], [5, 7])])
    assert padded.counts_to_readout.tolist() == [[1, 0], [1, 1]]
