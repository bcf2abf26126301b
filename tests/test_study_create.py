from sequence_search.study.create import differences


def test_differences_are_told_by_their_place():
    stored = {"options": {"steps": 5, "rate": 0.1}, "terms": [{"weight": 1}], "old": 1, "same": (1, 2)}
    given = {"options": {"steps": 6, "rate": 0.1}, "terms": [{"weight": 2}], "new": {"a": 1}, "same": [1, 2]}
    assert list(differences(stored, given)) == [
        "options.steps: 5 in the study, 6 asked for",
        "terms[1].weight: 1 in the study, 2 asked for",
        "old: 1 in the study, nothing asked for",
        "new: nothing in the study, {a = 1} asked for",
    ]
    assert list(differences(stored, stored)) == []


def test_lists_are_compared_element_by_element_also_of_different_lengths():
    stored = {"wait_ranges_ms": [[1.0, 10.0], [10.0, 100.0]]}
    given = {"wait_ranges_ms": [[1.0, 20.0], [10.0, 100.0], [100.0, 1000.0]]}
    assert list(differences(stored, given)) == [
        "wait_ranges_ms[1][2]: 10 in the study, 20 asked for",
        "wait_ranges_ms[3]: nothing in the study, [100, 1000] asked for",
    ]


def test_long_values_are_cut():
    [line] = differences({"tissue": {"t1_ms": [float(number) for number in range(99)]}}, {})
    assert line.startswith("tissue: {t1_ms = [0, 1, 2, 3")
    assert line.endswith("… in the study, nothing asked for")
    assert len(line) < 110
