import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequence_search.layout import Layout, Readout
from sequence_search.sequence import Sequence
from sequence_search.structure import describe, find_structure, uses


def play(
    flips: list[float], phases: list[float] | None = None, delays: list[float] | None = None
) -> Sequence:
    """Degrees and ms; without phases all but the first are 180°, without delays all are 6.2 ms."""
    phases = phases or [0.0, *[180.0] * (len(flips) - 1)]
    return Sequence.from_degrees_ms(flips, phases, delays or [6.2] * len(flips))


def test_a_cpmg_echo():
    sequence = play([90, 180, 180], [0, 90, 90], [10, 20, 10])
    found = find_structure(sequence)
    assert describe(sequence) == "3 RF: spin echo train of 2 refocusing pulses (CPMG)"
    assert (found.excitation, found.refocusing) == (0, (1, 2))
    assert found.te == pytest.approx(40e-3)


def test_a_readout_long_after_its_echo():
    sequence = play([90, 180], None, [6.2, 500])
    assert describe(sequence) == "2 RF: spin echo read 494 ms after its echo"
    assert find_structure(sequence).te == pytest.approx(12.4e-3)
    assert find_structure(sequence).off_echo == pytest.approx(493.8e-3)


def test_a_readout_before_its_echo():
    sequence = play([90, 180], None, [20, 12])
    assert describe(sequence) == "2 RF: spin echo read 8 ms before its echo"
    assert find_structure(sequence).te == pytest.approx(40e-3)


def test_a_stimulated_echo():
    sequence = play([90, 90, 90], None, [10, 50, 10])
    found = find_structure(sequence)
    assert describe(sequence) == "3 RF: stimulated echo"
    assert (found.excitation, found.refocusing, found.storing, found.idle) == (0, (), (1,), ())
    assert (found.te, found.tm) == (pytest.approx(20e-3), pytest.approx(50e-3))


@pytest.mark.parametrize("n_refocusing", [2, 3, 4, 5])
@pytest.mark.parametrize(
    ("phase", "turn", "name"),
    [(90, 0, " (CPMG)"), (-75, 0, " (CPMG)"), (0, 0, " (CP)"), (0, 180, " (CP)"), (45, 0, ""), (0, 90, "")],
)
def test_trains(n_refocusing, phase, turn, name):
    sequence = play(
        [88, *[172] * n_refocusing],
        [0, *[phase + turn * i for i in range(n_refocusing)]],
        [8, *[16] * (n_refocusing - 1), 8],
    )
    found = find_structure(sequence)
    text = f"{n_refocusing + 1} RF: spin echo train of {n_refocusing} refocusing pulses{name}"
    assert describe(sequence) == text
    assert found.te == pytest.approx(n_refocusing * 16e-3)


def test_a_train_of_low_flip_angles_is_one_though_its_pathways_are_many():
    # The sum of all echoes is the signal; each alone is smaller than the free decay after the last pulse.
    sequence = play([90, *[120] * 11], [0, *[90] * 11], [5, *[10] * 10, 5])
    assert describe(sequence) == "12 RF: spin echo train of 11 refocusing pulses (CPMG)"


def test_a_train_of_equal_delays_is_read_between_echoes():
    expected = "5 RF: spin echo train of 4 refocusing pulses read 6.2 ms after its echo"
    assert describe(play([87, 174, 175, 174, 175], [0, 45, 90, 0, 45])) == expected


@pytest.mark.parametrize("off_ms", [-3, 0.2, 3])
def test_a_few_ms_off_balance_are_a_spin_echo(off_ms):
    sequence = play([89, 177], None, [19, 19 + off_ms])
    assert describe(sequence) == "2 RF: spin echo"
    assert find_structure(sequence).te == pytest.approx((38 + off_ms) / 1e3)


def test_of_short_delays_few_ms_are_no_balance():
    assert describe(play([90, 180], None, [1, 4])) == "2 RF: spin echo read 3 ms after its echo"


def test_a_prepared_spin_echo():
    found = find_structure(play([7, 178, 5, 89, 176], [0, 10, 20, 50, -100], [10, 400, 50, 6.2, 6.4]))
    assert (found.preparing, found.excitation, found.refocusing) == ((1,), 3, (4,))
    assert found.ti == pytest.approx(0.450)
    assert found.te == pytest.approx(12.6e-3)
    assert found.refocusing_phases == (pytest.approx(math.radians(-150)),)


def test_a_prepared_gradient_echo():
    found = find_structure(play([176, 89], None, [3743.8, 6.2]))
    assert found.ti == pytest.approx(3.7438)
    assert found.te == pytest.approx(6.2e-3)
    assert (found.refocusing, found.refocusing_phases) == ((), ())


def test_an_inversion_is_seen_at_the_null_of_the_typical_tissue():
    sequence = play([180, 90], None, [1e3 * math.log(2), 6.2])
    assert describe(sequence) == "2 RF: gradient echo, inversion-prepared"


@pytest.mark.parametrize("flips", [[90, 180], [10, 90, 180], [180, 30, 90, 180], [120, 90]])
def test_without_an_inversion_before_the_excitation_there_is_no_ti(flips):
    found = find_structure(play(flips, None, [3000] * (len(flips) - 2) + [6.2, 6.2]))
    assert found.ti is None
    assert found.te is not None


def test_of_two_inversions_the_last_counts():
    assert find_structure(play([180, 180, 90], None, [1000, 300, 6.2])).ti == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("last_phase", "preparation", "ti"), [(0, "T2-prepared inversion", 2.6), (180, "T2-prepared", None)]
)
def test_a_t2_preparation(last_phase, preparation, ti):
    sequence = play([90, 180, 90, 90, 180], [0, 90, last_phase, 0, 180], [70, 71, 2600, 6.2, 6.2])
    found = find_structure(sequence)
    assert describe(sequence) == f"5 RF: spin echo, {preparation}"
    assert found.preparing == (0, 1, 2)
    assert found.ti == (None if ti is None else pytest.approx(ti))
    assert found.te == pytest.approx(12.4e-3)


def test_what_was_refocused_and_stored_is_excited_afresh():
    sequence = play([90, 180, 90, 90], [0, 90, 180, 0], [20, 20, 5, 6])
    assert describe(sequence) == "4 RF: gradient echo, T2-prepared"
    assert find_structure(sequence).te == pytest.approx(6e-3)


@pytest.mark.parametrize(
    ("flips", "delays", "expected"),
    [
        ([88, 177], [6.2, 6.2], "2 RF: spin echo"),
        ([6, 88, 177], [6.2, 6.2, 6.2], "3 RF: spin echo, 1 preparatory"),
        ([176, 89], [6.2, 6.2], "2 RF: gradient echo, inversion-prepared"),
        ([178, 88, 177], [6.2, 6.2, 6.2], "3 RF: spin echo, inversion-prepared"),
        (
            [40, 8, 178, 6, 88],
            [6.2] * 5,
            "5 RF: gradient echo, inversion-prepared, 2 preparatory, 1 large before",
        ),
        ([90, 90], [3000, 6.2], "2 RF: gradient echo, saturation-prepared"),
        ([30], [6.2], "1 RF: gradient echo"),
        ([90, 10], [5, 5], "2 RF: gradient echo, 1 idle"),
        (
            [90, 180, 180],
            [6.2] * 3,
            "3 RF: spin echo train of 2 refocusing pulses (CP) read 6.2 ms after its echo",
        ),
        ([180], [6.2], "1 RF: no signal"),
        ([180, 180], [6.2, 6.2], "2 RF: no signal"),
        ([0], [6.2], "0 RF: no signal"),
        ([1], [6.2], "1 RF: gradient echo"),
        ([2, 1], [3000, 6.2], "2 RF: gradient echo, 1 preparatory"),
    ],
)
def test_description_of_the_structure(flips, delays, expected):
    assert describe(play(flips, None, delays)) == expected


@pytest.mark.parametrize("flips", [[180], [180, 180], []])
def test_what_has_no_signal_has_no_times(flips):
    found = find_structure(Sequence.from_degrees_ms(flips, [0] * len(flips), [6.2] * len(flips)))
    assert (found.kind, found.te, found.tm, found.ti) == (None, None, None, None)


PULSES = st.lists(
    st.tuples(st.floats(4, 200), st.floats(-180, 180), st.floats(1, 60)), min_size=1, max_size=4
)


@settings(max_examples=40)
@given(pulses=PULSES, turn=st.floats(-180, 180), place=st.integers(0, 4))
def test_mirrored_and_turned_phases_negated_flips_and_a_pulse_of_0_degrees_change_nothing(
    pulses, turn, place
):
    flips, phases, delays = (list(column) for column in zip(*pulses, strict=True))
    sequence = play(flips, phases, delays)
    same = [
        play(flips, [-phase for phase in phases], delays),
        play(flips, [phase + turn for phase in phases], delays),
        play([-flip for flip in flips], [phase + 180 for phase in phases], delays),
    ]
    place = min(place, len(flips))
    split = [*delays[:place], 2.0, *delays[place:]]
    if place:
        split[place - 1 : place + 1] = [delays[place - 1] / 2, delays[place - 1] / 2]
    padded = play([*flips[:place], 0.0, *flips[place:]], [*phases[:place], 77.0, *phases[place:]], split)
    assert {describe(other) for other in [*same, padded]} == {describe(sequence)}
    assert find_structure(padded).te == pytest.approx(find_structure(sequence).te)
    phases = find_structure(sequence).refocusing_phases
    mirrored = find_structure(same[0]).refocusing_phases
    assert [math.cos(phase) for phase in mirrored] == pytest.approx([math.cos(phase) for phase in phases])


@pytest.mark.parametrize(
    ("layout", "told"),
    [
        (Layout.plain(2, gradients=("spoiler", 0)), "2 RF: gradient echo, saturation-prepared; spoiler"),
        (
            Layout.plain(2, gradients=(1, 1), steady=True),
            "2 RF: spin echo read 10 ms after its echo; crushers, TR 20 ms",
        ),
        (
            Layout.train(2, kinds=("excite", "refocus", "refocus")),
            "3 RF: stimulated echo; excite, 2 refocus; 2 readouts",
        ),
        (Layout.plain(1, kinds=("excite",)), "1 RF: gradient echo; excite"),
    ],
)
def test_of_a_layout_it_also_says_what_is_played(layout, told):
    numbers = [90.0] * layout.n_rf, [0.0] * layout.n_rf, [5.0, 15.0, 0.0][: layout.n_delay]
    assert describe(Sequence.from_degrees_ms(*numbers, layout=layout)) == told


def test_the_structure_of_a_layout_is_of_its_crushers_and_its_times_are_in_its_delays():
    flips, phases = [180, 90, 150, 150], [0, 90, 0, 0]
    layout = Layout.train(2, before=("spoiler",), crusher=1, steady=True)
    found = find_structure(Sequence.from_degrees_ms(flips, phases, [700, 6, 1270], layout=layout))
    assert (found.kind, found.excitation, found.refocusing) == ("spin echo", 1, (2, 3))
    assert (found.preparation, found.te, found.ti) == ("inversion-prepared", pytest.approx(0.024), 0.7)
    assert (found.te_counts, found.ti_counts) == ((0, 4, 0), (1, 0, 0))
    # Three pulses without a crusher about the second: its free decay is the largest; crushed, the echo is.
    numbers = [70, 40], [0, 0], [12, 4]
    kinds = [
        find_structure(Sequence.from_degrees_ms(*numbers, layout=layout)).kind
        for layout in (None, Layout.plain(2, gradients=(1, 1)))
    ]
    assert kinds == ["gradient echo", "spin echo"]


def test_a_layout_whose_small_pulse_is_all_it_has_is_described_without():
    layout = Layout.plain(2, gradients=(0, 0), kinds=("hard", "hard"), steady=False)
    assert describe(Sequence.from_degrees_ms([90, 0], [0, 0], [5, 5], layout=layout)) == "1 RF: gradient echo"


EXC, REF, INV, PREP = "excitation", "refocusing", "inversion", "preparation"
PREPARED = Layout.plain(5, gradients=(0, 0, "spoiler", 1, 1))


@pytest.mark.parametrize(
    ("flips", "delays", "layout", "expected"),
    [
        ([60], [5], None, (EXC,)),
        ([90, 180], [10, 10], None, (EXC, REF)),
        ([180, 90, 180], [600, 10, 10], None, (INV, EXC, REF)),
        ([160, 90, 180], [600, 10, 10], Layout.plain(3, gradients=("spoiler", 1, 1)), (INV, EXC, REF)),
        ([90, 80, 170], [600, 10, 10], Layout.plain(3, gradients=("spoiler", 1, 1)), (PREP, EXC, REF)),
        # A T2 preparation ends with the pulse that stores; its 180° refocuses, and inverts nothing.
        ([90, 180, 90, 90, 180], [40, 40, 5, 10, 10], PREPARED, (PREP, PREP, PREP, EXC, REF)),
        # A stimulated echo: the second pulse stores, the third conjugates what it takes from there.
        ([90, 90, 90], [10, 50, 10], Layout.plain(3, gradients=(1, "spoiler", 1)), (EXC, PREP, REF)),
        # Crushers let nothing through but what both conjugate.
        ([90, 180, 180], [10, 20, 10], Layout.plain(3, gradients=(1, 2, 1)), (EXC, REF, REF)),
    ],
)
def test_uses_by_place_and_flip(flips, delays, layout, expected):
    phases = [0.0, *[90.0] * (len(flips) - 1)]
    if layout is PREPARED:
        phases = [0, 90, 180, 0, 90]
    assert uses(Sequence.from_degrees_ms(flips, phases, delays, layout=layout)) == expected


def test_uses_of_an_inversion_prepared_train_that_is_repeated():
    layout = Layout.train(6, before=("spoiler",), crusher=1, steady=True)
    sequence = Sequence.from_degrees_ms(
        [180, 90, *[120] * 6], [0, 0, *[90] * 6], [500, 5, 900], layout=layout
    )
    assert uses(sequence) == (INV, EXC, *[REF] * 6)


def test_what_is_read_after_a_spoiler_was_excited_anew():
    """Two gradient echoes of pulses that each excite, and a pulse that tips back after the last readout."""
    readouts = (Readout(0, (1, 0), 0), Readout(1, (1, 0), 0))
    layout = Layout(((1, 1), (1, 1), (1, 1)), ("spoiler", 0, 0), ("hard",) * 3, readouts)
    assert uses(Sequence.from_degrees_ms([30, 40, 20], [0, 0, 180], [4, 6], layout=layout)) == (
        EXC,
        EXC,
        PREP,
    )


def test_without_a_signal_nothing_is_excited():
    assert uses(Sequence.from_degrees_ms([180], [0], [10])) == (INV,)
    assert uses(Sequence.from_degrees_ms([], [], [])) == ()
