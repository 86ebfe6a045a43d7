"""Which driver, filters and weighers choose hosts, and how current their view of the hosts is.

The names are the present-day ones; those of 2014 are accepted in files as deprecated.
"""

from typing import Any

from oslo_config import cfg

SCHEDULER: list[cfg.Opt] = [
    cfg.StrOpt("driver", default="novasim.scheduler.driver.FilterScheduler",
               deprecated_name="scheduler_driver", deprecated_group="DEFAULT",
               help="The class that chooses hosts: an import path, or a name from the entry points "
                    "novasim.scheduler.drivers. Besides filter_scheduler there is chance_scheduler, which draws any "
                    "host that is up, and caching_scheduler, which reads the hosts every driver_task_period only."),
    cfg.FloatOpt("driver_task_period", default=60.0, min=0.0,
                 deprecated_name="scheduler_driver_task_period", deprecated_group="DEFAULT",
                 help="Seconds for which the caching scheduler works with what it read about the hosts."),
    cfg.IntOpt("max_attempts", default=3, min=1,
               deprecated_name="scheduler_max_attempts", deprecated_group="DEFAULT",
               help="How many hosts are tried for one request, the first included; the scheduler names as many at "
                    "once. A host that another request was faster for does not count. With 1 no other is tried."),
    cfg.FloatOpt("host_refresh_spacing", default=0.0, min=0.0,
                 help="Seconds for which what was read about the hosts may be used again by the next "
                      "request. 0 looks for changed rows before every decision; decisions that wait share "
                      "one look."),
    cfg.FloatOpt("host_reread_interval", default=60.0, min=1.0,
                 help="Seconds after which all hosts are read anew instead of the changed ones only."),
    cfg.IntOpt("decision_reasons", default=200, min=0,
               help="For so many of the hosts that a decision drops it is written why, for os-simulator/decisions; "
                    "each filter has its share. All are counted. A reason costs some microseconds."),
    cfg.FloatOpt("late_commit_window", default=10.0, min=0.0,
                 help="Seconds that a transaction may stay open, or clocks of machines differ, without its "
                      "change of a host being missed until the next reading of all hosts. Room given away "
                      "and never claimed is free again at the first such reading after as many seconds."),
]


def _renamed(kind: type[cfg.Opt], name: str, help_text: str, was: str | None = None,
             **kwargs: Any) -> cfg.Opt:
    return kind(name, help=help_text, deprecated_name=was or name, deprecated_group="DEFAULT", **kwargs)


FILTER_SCHEDULER = [
    _renamed(cfg.MultiStrOpt, "available_filters",
             "Import path of a filter class, or of a function that lists several. May be given many times.",
             was="scheduler_available_filters", default=["novasim.scheduler.filters.all_filters"]),
    _renamed(cfg.ListOpt, "enabled_filters",
             "The filters in use, in the order asked: class names of available_filters, names from the entry points "
             "novasim.scheduler.filters, or import paths.",
             was="scheduler_default_filters",
             default=["RetryFilter", "AvailabilityZoneFilter", "ComputeFilter", "ComputeCapabilitiesFilter",
                      "ImagePropertiesFilter", "RamFilter", "CoreFilter", "DiskFilter", "DifferentHostFilter",
                      "SameHostFilter", "ServerGroupAntiAffinityFilter", "ServerGroupAffinityFilter"]),
    _renamed(cfg.ListOpt, "weight_classes",
             "Import paths of weigher classes, or of functions that return several, or names from the entry points "
             "novasim.scheduler.weighers.",
             was="scheduler_weight_classes", default=["novasim.scheduler.weighers.all_weighers"]),
    _renamed(cfg.IntOpt, "host_subset_size",
             "The host is drawn at random from so many of the best. More than 1 keeps several schedulers "
             "from all choosing the same one.",
             was="scheduler_host_subset_size", default=1, min=1),
    _renamed(cfg.FloatOpt, "ram_weight_multiplier",
             "How much free memory counts. Above 0 spreads servers over hosts, below 0 fills hosts up.",
             default=1.0),
    *(_renamed(cfg.FloatOpt, f"{name}_weight_multiplier", help_text, default=default) for name, default, help_text in (
        ("cpu", 1.0, "How much free virtual CPUs count, above 0 for spreading, below 0 for filling up."),
        ("disk", 1.0, "How much free disk counts, above 0 for spreading, below 0 for filling up."),
        ("io_ops", -1.0, "How much servers count that are being built, moved or imaged; below 0 hosts with few of them "
                         "are preferred."),
        ("num_instances", 0.0, "How much the number of servers counts; below 0 hosts with few are preferred."),
        ("hypervisor_version", 1.0, "How much the version of the hypervisor counts; above 0 newer ones are preferred."),
        ("build_failure", 1e6, "How much builds count that failed on a host since the last that did not."),
        ("cross_cell_move", 1e6, "How much it counts that a host is in the cell that is preferred. There is one cell."),
        ("image_props", 0.0, "How much it counts that servers on a host have images like the one asked for; above 0 "
                             "such hosts are preferred."))),
    *(cfg.FloatOpt(f"{name}_weight_multiplier", default=1.0, min=0.0, help=help_text) for name, help_text in (
        ("pci", "How much it counts that a host has few PCI devices. Simulated ones have none."),
        ("soft_affinity", "How much it counts that a host has other servers of a soft-affinity group."),
        ("soft_anti_affinity", "How much it counts that a host has few other servers of a soft-anti-affinity group."))),
    cfg.ListOpt("image_props_weight_setting", default=[],
                help="Which image properties count for image_props_weight_multiplier and how much: name=weight. Empty: "
                     "all, and the same."),
    cfg.StrOpt("weight_bounds", default="clip", choices=["clip", "widen"],
               help="What becomes of a raw weight outside of its weigher's bounds, such as free memory below 0: it is "
                    "taken for the bound (clip), or moves it (widen, as in 2014)."),
    cfg.BoolOpt("shuffle_best_same_weighed_hosts", default=False,
                help="Hosts that are as good as the best come in an order of chance, not in that of the database."),
    _renamed(cfg.IntOpt, "max_io_ops_per_host",
             "So many servers may be built, moved or imaged on a host at a time (IoOpsFilter).", default=8),
    _renamed(cfg.IntOpt, "max_instances_per_host", "So many servers may be on a host (NumInstancesFilter).",
             default=50, min=1),
    _renamed(cfg.ListOpt, "isolated_hosts", "Hosts that are kept for some images (IsolatedHostsFilter).", default=[]),
    _renamed(cfg.ListOpt, "isolated_images", "Ids of the images that go to isolated hosts only (IsolatedHostsFilter).",
             default=[]),
    _renamed(cfg.BoolOpt, "restrict_isolated_hosts_to_isolated_images",
             "Whether isolated hosts take isolated images only (IsolatedHostsFilter).", default=True),
    _renamed(cfg.StrOpt, "aggregate_image_properties_isolation_namespace",
             "Only keys of aggregates that begin with this and the separator count "
             "(AggregateImagePropertiesIsolation).", default=None),
    _renamed(cfg.StrOpt, "aggregate_image_properties_isolation_separator",
             "What stands between the namespace and the rest of a key.", default="."),
    cfg.StrOpt("image_properties_default_architecture", default=None,
               help="The architecture of images that do not say theirs (ImagePropertiesFilter), such as x86_64."),
    _renamed(cfg.FloatOpt, "cpu_allocation_ratio",
             "Virtual CPUs that may be given away for each CPU of a host (CoreFilter). AggregateCoreFilter takes the "
             "number of the same name in the metadata of a host's aggregates first; likewise the two below.",
             default=16.0, min=0.0),
    _renamed(cfg.FloatOpt, "ram_allocation_ratio",
             "Memory that may be given away as a multiple of a host's (RamFilter).", default=1.5, min=0.0),
    _renamed(cfg.FloatOpt, "disk_allocation_ratio",
             "Disk that may be given away as a multiple of a host's (DiskFilter).", default=1.0, min=0.0),
]


METRICS = [
    cfg.FloatOpt("weight_multiplier", default=1.0, help="How much what monitors measured counts."),
    cfg.ListOpt("weight_setting", default=[],
                help="What counts and how much: name=ratio, such as cpu.percent=-1.0. A host's value is the sum of "
                     "ratio times measurement."),
    cfg.BoolOpt("required", default=True,
                help="A host without one of the measurements makes the request fail; MetricsFilter keeps such hosts "
                     "away. Otherwise its value is weight_of_unavailable."),
    cfg.FloatOpt("weight_of_unavailable", default=-10000.0, help="The value of a host that lacks a measurement."),
]


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    return [("scheduler", SCHEDULER), ("filter_scheduler", FILTER_SCHEDULER), ("metrics", METRICS)]
