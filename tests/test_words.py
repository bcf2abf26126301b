from sequence_search.words import counted, enumerated


def test_plurals():
    assert counted(1, "seed") == "1 seed"
    assert counted(0, "seed") == "0 seeds"
    assert counted(9_658_341, "point") == "9,658,341 points"


def test_lists_in_words():
    assert enumerated(["a"]) == "a"
    assert enumerated(["a", "b"]) == "a and b"
    assert enumerated(iter(["a", "b", "c"])) == "a, b and c"
