"""Which driver, filters and weighers choose hosts, and how current their view of the hosts is.

The names are the present-day ones; those of 2014 are accepted in files as deprecated.
"""

from typing import Any

from oslo_config import cfg

DEFAULT: list[cfg.Opt] = [
    cfg.StrOpt("scheduler_driver", default="novasim.scheduler.driver.FilterScheduler",
               help="The class that chooses hosts: an import path, or a name from the entry points "
                    "novasim.scheduler.drivers."),
]

SCHEDULER: list[cfg.Opt] = [
    cfg.IntOpt("max_attempts", default=3, min=1,
               deprecated_name="scheduler_max_attempts", deprecated_group="DEFAULT",
               help="How many hosts are tried for one request, the first included. With 1 a claim that fails "
                    "is not tried elsewhere."),
    cfg.FloatOpt("host_refresh_spacing", default=0.0, min=0.0,
                 help="Seconds for which what was read about the hosts may be used again by the next "
                      "request. 0 looks for changed rows before every decision; decisions that wait share "
                      "one look."),
    cfg.FloatOpt("host_reread_interval", default=60.0, min=1.0,
                 help="Seconds after which all hosts are read anew instead of the changed ones only."),
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
    _renamed(cfg.ListOpt, "enabled_filters", "Class names of the filters in use, in the order asked.",
             was="scheduler_default_filters",
             default=["RetryFilter", "AvailabilityZoneFilter", "ComputeFilter", "RamFilter", "CoreFilter",
                      "DiskFilter", "DifferentHostFilter", "SameHostFilter", "ServerGroupAntiAffinityFilter",
                      "ServerGroupAffinityFilter"]),
    _renamed(cfg.ListOpt, "weight_classes",
             "Import paths of weigher classes, or of functions that return several.",
             was="scheduler_weight_classes", default=["novasim.scheduler.weighers.all_weighers"]),
    _renamed(cfg.IntOpt, "host_subset_size",
             "The host is drawn at random from so many of the best. More than 1 keeps several schedulers "
             "from all choosing the same one.",
             was="scheduler_host_subset_size", default=1, min=1),
    _renamed(cfg.FloatOpt, "ram_weight_multiplier",
             "How much free memory counts. Above 0 spreads servers over hosts, below 0 fills hosts up.",
             default=1.0),
    cfg.FloatOpt("soft_affinity_weight_multiplier", default=1.0, min=0.0,
                 help="How much it counts that a host has other servers of a soft-affinity group."),
    cfg.FloatOpt("soft_anti_affinity_weight_multiplier", default=1.0, min=0.0,
                 help="How much it counts that a host has few other servers of a soft-anti-affinity group."),
    _renamed(cfg.FloatOpt, "cpu_allocation_ratio",
             "Virtual CPUs that may be given away for each CPU of a host (CoreFilter). AggregateCoreFilter takes the "
             "number of the same name in the metadata of a host's aggregates first; likewise the two below.",
             default=16.0, min=0.0),
    _renamed(cfg.FloatOpt, "ram_allocation_ratio",
             "Memory that may be given away as a multiple of a host's (RamFilter).", default=1.5, min=0.0),
    _renamed(cfg.FloatOpt, "disk_allocation_ratio",
             "Disk that may be given away as a multiple of a host's (DiskFilter).", default=1.0, min=0.0),
]


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    return [(None, DEFAULT), ("scheduler", SCHEDULER), ("filter_scheduler", FILTER_SCHEDULER)]
