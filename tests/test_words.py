from sequence_search.words import counted


def test_plurals():
    assert counted(1, "seed") == "1 seed"
    assert counted(0, "seed") == "0 seeds"
    assert counted(9_658_341, "point") == "9,658,341 points"
