from explanation_cases import play
from sequence_search.explanation.wording import (
    by_name,
    count_text,
    flips_text,
    plural,
    signed,
    small_by_name,
    time_text,
    train_flips_text,
)


def test_numbers_in_words():
    assert by_name({"GM": -0.001, "WM": -0.25}) == "GM 0.00 and WM −0.25"
    assert (signed(0.5, plus="+"), signed(-0.5, 1, plus="+"), signed(-0.0, plus="+")) == (
        "+0.50",
        "−0.5",
        "0.00",
    )
    assert [time_text(t) for t in (6.2e-3, 0.4441, 2.60494)] == ["6.2 ms", "444 ms", "2.605 s"]


def test_flip_angles_in_words():
    sequence = play([10.5, 22.5, 88.4, *[130] * 5], [0] * 8, [5] * 8)
    assert flips_text(sequence, tuple(range(8))) == "10.5°-22.5°-88°-5 × 130°"


def test_the_first_pulses_of_a_train_are_told_apart_from_the_others():
    sequence = play([90, 138, 101, *[96] * 6], [0] * 9, [5] * 9)
    assert train_flips_text(sequence, tuple(range(1, 9))) == "138°-101°, then 6 × 96°"
    assert train_flips_text(sequence, tuple(range(3, 9))) == "6 × 96°"
    assert train_flips_text(sequence, (0, 1, 2)) == "90°-138°-101°"


def test_small_numbers_are_words():
    assert [count_text(each) for each in (2, 7, 8)] == ["two", "seven", "8"]


def test_several_blocks_of_a_kind():
    assert plural("partial saturation") == "partial saturations"
    assert plural("inversion opposed by a T2 preparation") == "inversions opposed by a T2 preparation"


def test_what_is_suppressed_is_told_from_nothing():
    assert small_by_name({"GM": 0.4231, "CSF": 0.00431, "air": 0.0}) == "GM 0.42, CSF 0.0043 and air 0.00"
