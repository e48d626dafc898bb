from lockstep_chaos.rows_cost import Cost, median


def test_the_median_is_of_each_part_by_itself():
    costs = [Cost(100, 9, 0.5), Cost(300, 1, 0.1), Cost(200, 5, 2.0)]

    assert median(costs) == Cost(200, 5, 0.5)
    assert str(median(costs)) == "200 B/s 5 packets/s 0.5 % of a core"
