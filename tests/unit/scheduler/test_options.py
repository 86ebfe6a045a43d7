"""Options under their present-day names, and the names of 2014 in files."""

import pytest

from novasim import exceptions
from novasim.scheduler import filters


def test_defaults(make_conf):
    conf = make_conf()
    assert conf.scheduler.max_attempts == 3
    assert (conf.filter_scheduler.cpu_allocation_ratio, conf.filter_scheduler.ram_allocation_ratio,
            conf.filter_scheduler.disk_allocation_ratio) == (16.0, 1.5, 1.0)
    assert conf.default_availability_zone == "nova"


def test_names_of_2014_are_accepted_in_files(make_conf, tmp_path):
    path = tmp_path / "old.conf"
    path.write_text("""[DEFAULT]
scheduler_max_attempts = 7
scheduler_default_filters = RamFilter,DiskFilter
scheduler_host_subset_size = 4
scheduler_driver = nova.scheduler.chance.ChanceScheduler
scheduler_driver_task_period = 5
scheduler_available_filters = nova.scheduler.filters.all_filters
max_io_ops_per_host = 3
max_instances_per_host = 4
isolated_hosts = a,b
isolated_images = i
restrict_isolated_hosts_to_isolated_images = false
aggregate_image_properties_isolation_namespace = ns
aggregate_image_properties_isolation_separator = :
ram_allocation_ratio = 2.5
ram_weight_multiplier = -1
""")
    conf = make_conf(files=[str(path)])
    assert conf.scheduler.max_attempts == 7
    assert conf.filter_scheduler.enabled_filters == ["RamFilter", "DiskFilter"]
    assert conf.filter_scheduler.host_subset_size == 4
    assert (conf.scheduler.driver, conf.scheduler.driver_task_period) == ("nova.scheduler.chance.ChanceScheduler", 5.0)
    assert [one.name for one in filters.load(conf)] == ["RamFilter", "DiskFilter"]
    assert (conf.filter_scheduler.max_io_ops_per_host, conf.filter_scheduler.max_instances_per_host) == (3, 4)
    assert (conf.filter_scheduler.isolated_hosts, conf.filter_scheduler.isolated_images,
            conf.filter_scheduler.restrict_isolated_hosts_to_isolated_images) == (["a", "b"], ["i"], False)
    assert (conf.filter_scheduler.aggregate_image_properties_isolation_namespace,
            conf.filter_scheduler.aggregate_image_properties_isolation_separator) == ("ns", ":")
    assert conf.filter_scheduler.ram_allocation_ratio == 2.5
    assert conf.filter_scheduler.ram_weight_multiplier == -1.0


@pytest.mark.parametrize("name", ["scheduler.max_attempts", "filter_scheduler.host_subset_size"])
def test_values_below_one_are_refused(make_conf, name):
    with pytest.raises(exceptions.ConfigurationError, match="greater than or equal to 1"):
        make_conf({name: 0})
