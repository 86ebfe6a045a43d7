"""Which filters are in use, and in which order."""

import pytest

from novasim import exceptions
from novasim.scheduler import filters
from novasim.scheduler.filters.disk import DiskFilter


def test_default_set_and_order(make_conf):
    assert [one.name for one in filters.load(make_conf())] == [
        "RetryFilter", "AvailabilityZoneFilter", "ComputeFilter", "ComputeCapabilitiesFilter",
        "ImagePropertiesFilter", "RamFilter", "CoreFilter", "DiskFilter", "DifferentHostFilter", "SameHostFilter",
        "ServerGroupAntiAffinityFilter", "ServerGroupAffinityFilter"]


def test_the_configured_order_is_kept(make_conf):
    conf = make_conf({"filter_scheduler.enabled_filters": ["DiskFilter", "RetryFilter"]})
    assert [one.name for one in filters.load(conf)] == ["DiskFilter", "RetryFilter"]


def test_an_unknown_name_is_refused(make_conf):
    conf = make_conf({"filter_scheduler.enabled_filters": ["NoSuchFilter"]})
    with pytest.raises(exceptions.SchedulerHostFilterNotFound, match="NoSuchFilter"):
        filters.load(conf)


def test_a_class_by_import_path_beside_the_built_in_ones(make_conf):
    conf = make_conf({
        "filter_scheduler.available_filters": ["novasim.scheduler.filters.all_filters",
                                               "novasim.scheduler.filters.disk.DiskFilter"],
        "filter_scheduler.enabled_filters": ["DiskFilter"]})
    assert [type(one) for one in filters.load(conf)] == [DiskFilter]


@pytest.mark.parametrize("path", ["novasim.scheduler.filters.nothing", "no.such.module.Filter", "plain"])
def test_a_path_that_leads_nowhere_is_named(make_conf, path):
    conf = make_conf({"filter_scheduler.available_filters": [path]})
    with pytest.raises(exceptions.ConfigurationError, match=f"available_filters: {path}"):
        filters.load(conf)
