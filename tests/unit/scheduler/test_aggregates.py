import pytest


@pytest.mark.parametrize(("values", "least"), [
    ([], 1.5), (["2"], 2.0), (["9.0", "16.0"], 9.0), (["16.0", "9.0"], 9.0), (["-1"], -1.0),
    (["2", "x"], 1.5), (["nan"], 1.5), (["inf"], 1.5), ([""], 1.5)])
@pytest.mark.spec("12.1/12")
def test_least_is_the_smallest_number_of_a_hosts_aggregates(make_fleet, values, least):
    hosts = make_fleet({}, {}, aggregates=[((2,), {"ratio": value}) for value in values])
    assert hosts.aggregates.least("ratio", 1.5).tolist() == [1.5, least]


def test_a_key_is_told_with_the_rows_that_have_it(make_fleet):
    hosts = make_fleet({}, {}, {}, aggregates=[((1, 3), {"a": "x", "ab": "z"}), ((2, 77), {"a": "y"})])
    told = hosts.aggregates
    assert [(value, rows.tolist()) for value, rows in told.said("a")] == [("x", [0, 2]), ("y", [1])]
    assert sorted(value for value, _ in told.said_under("a")) == ["x", "y", "z"]
    assert told.said("b") == []


def test_an_aggregate_without_hosts_says_nothing(make_fleet):
    hosts = make_fleet({}, aggregates=[((), {"availability_zone": "east", "ratio": "9"})])
    assert hosts.zone_name(0, "nova") == "nova"
    assert hosts.aggregates.least("ratio", 1.0).tolist() == [1.0]
