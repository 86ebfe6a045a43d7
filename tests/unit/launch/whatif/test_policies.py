import pytest

from novasim import exceptions
from novasim.launch.whatif import policies


@pytest.fixture
def policy_file(tmp_path):
    def write(text, name="mine.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)
    return write


def test_ours_are_known_by_name():
    found = policies.read_all(["spread", "pack"])
    assert [one.config().filter_scheduler.ram_weight_multiplier for one in found] == [1, -1]


def test_options_by_their_names_old_and_new(policy_file):
    policy = policies.read(policy_file("scheduler_default_filters: [RamFilter]\n"
                                       "filter_scheduler.ram_allocation_ratio: 1\nhost_subset_size: 3\n"))
    found = policy.config().filter_scheduler
    assert (policy.name, found.enabled_filters, found.ram_allocation_ratio, found.host_subset_size) == (
        "mine", ["RamFilter"], 1.0, 3)
    assert list(policy.single_filters()) == ["RamFilter"]


@pytest.mark.parametrize(("text", "said"), [
    ("ram_weight_multiplyer: 1", "ram_weight_multiplyer is no option of the scheduler. Did you mean ram_weight_mult"),
    ("zzz: 1", "zzz is no option of the scheduler. There are: .*ram_allocation_ratio"),
    ("ram_allocation_ratio: many", "policy mine: .*ram_allocation_ratio.*many"),
    ("host_subset_size: 0", "policy mine: .*host_subset_size"), ("[1, 2]", "must be names of options"),
    ("a: [", "policy .*mine.yaml: "), ("enabled_filters: [NoFilter]", "NoFilter"),
    ("enabled_filters: [RamFilter]\nscheduler_default_filters: []", "scheduler_default_filters is said twice")])
def test_what_is_wrong_is_named(policy_file, text, said):
    with pytest.raises(exceptions.NovasimException, match=f"(?s){said}"):
        policies.read(policy_file(text))


def test_a_missing_file_and_an_unknown_name():
    with pytest.raises(exceptions.ConfigurationError, match=r"gone\.yaml: No such file"):
        policies.read("gone.yaml")
    with pytest.raises(exceptions.ConfigurationError, match=r"no 'gone'; there are pack, spread"):
        policies.read("gone")


def test_two_policies_of_one_name(policy_file):
    with pytest.raises(exceptions.Invalid, match="two files are called pack"):
        policies.read_all(["pack", policy_file("", "pack.yaml")])
