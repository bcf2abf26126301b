from limit_cases import limited
from paper_runs import run
from sequence_search.paper.found import found_table

SHORT, LONG = ([88, 177], [0, 180], [10, 10]), ([88, 177], [0, 180], [12, 12])


def test_designs_that_miss_a_limit_count_only_where_nothing_meets_all():
    problem = limited("[limits]\nte_ms = { low = 22 }\n")
    short, long = run(0, *SHORT, problem=problem), run(1, *LONG, problem=problem)
    assert short.loss < long.loss
    for runs, seed in (([short, long], 1), ([short], 0)):
        table = found_table(problem, runs)
        assert [row.cells["seed"].ours[0].mean for row in table.rows] == [seed]
        assert table.n_runs == len(runs)
