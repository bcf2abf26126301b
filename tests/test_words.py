import math

from sequence_search.words import bounds_text, counted, decimals_of, enumerated


def test_plurals():
    assert counted(1, "seed") == "1 seed"
    assert counted(0, "seed") == "0 seeds"
    assert counted(9_658_341, "point") == "9,658,341 points"


def test_lists_in_words():
    assert enumerated(["a"]) == "a"
    assert enumerated(["a", "b"]) == "a and b"
    assert enumerated(iter(["a", "b", "c"])) == "a, b and c"


def test_decimals_tell_small_numbers_from_nothing():
    assert [decimals_of(each, 3, 3) for each in (0.4, -0.0421, 1.23e-4, 0.0)] == [3, 4, 6, 3]
    assert decimals_of(1e-20, 3, 3) == 12
    assert decimals_of(math.inf, 3, 3) == decimals_of(math.nan, 3, 3) == 3


def test_bounds_in_words():
    assert bounds_text(None, 40.0) == "at most 40"
    assert bounds_text(2.0, None) == "at least 2"
    assert (bounds_text(3.0, 3.0), bounds_text(20.0, 40.5)) == ("exactly 3", "20 to 40.5")
