"""Builds a configuration from the rooms' options.py; nothing in the house reads a global one.

A private ConfigOpts is handed to whoever needs it, so several clusters can live in one process (tests do).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from oslo_config import cfg

from novasim import exceptions, version

OptionGroups = Iterable[tuple[str | None, Sequence[cfg.Opt]]]

OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt("host", default=socket.gethostname(), sample_default="<the name of this machine>",
               help="Name of this machine in the rows of its services. Compute agents take theirs from --host."),
    cfg.StrOpt("state_path", default=".novasim",
               help="Directory of everything that must outlive a process: the SQLite file, the simulated "
                    "hypervisors' own truth, journals and logs."),
    cfg.StrOpt("concurrency", default="eventlet", choices=["eventlet", "threading"],
               help="How a service runs things side by side: greenthreads, or native threads."),
    cfg.BoolOpt("allow_resize_to_same_host", default=False,
                help="Let a resize stay on the host the server is on, when the scheduler finds that best."),
    cfg.BoolOpt("allow_migrate_to_same_host", default=False,
                help="Let a cold migration stay on its host. Has an effect only beside allow_resize_to_same_host."),
    cfg.IntOpt("report_interval", default=10, min=1,
               help="Seconds between two heartbeats of a service."),
    cfg.IntOpt("service_down_time", default=60, min=1,
               help="Seconds without a heartbeat after which a service counts as down. Raised to 2.5 times "
                    "report_interval when set lower than report_interval."),
    cfg.IntOpt("reservation_expire", default=86400, min=1,
               help="Seconds after which a quota reservation that nobody settled is rolled back."),
    cfg.IntOpt("reclaim_instance_interval", default=0, min=0,
               help="Seconds for which a deleted server is kept, powered off, so that it can be restored; the API and "
                    "the compute agents must agree on it. 0: a deleted server is gone at once."),
    cfg.StrOpt("default_availability_zone", default="nova",
               help="The zone of hosts that are in no aggregate with an availability_zone."),
]


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    """The ground floor's own options."""
    return [(None, OPTIONS)]


def _register_messaging_hooks(conf: cfg.ConfigOpts) -> None:
    """oslo.messaging reads its tracing and metrics groups from the configuration it is given, but registers them
    on the global one only; a private one would fail at the first call."""
    from oslo_messaging._metrics import client as metrics
    from oslo_messaging._tracing import client as tracing

    conf.register_opts(tracing.oslo_messaging_tracing, group="oslo_messaging_tracing")
    conf.register_opts(metrics.oslo_messaging_metrics, group="oslo_messaging_metrics")


def build(groups: OptionGroups, args: Sequence[str] = (), files: Sequence[str] | None = None,
          overrides: Mapping[str, Any] | None = None, prog: str = "novasim",
          cli_opts: Sequence[cfg.Opt] = (),
          register: Sequence[Callable[[cfg.ConfigOpts], object]] = ()) -> cfg.ConfigOpts:
    """Make a configuration.

    :param groups: (section, options) of all rooms
    :param args: command line, without the program's name
    :param files: configuration files; None takes those that ``--config-file`` names
    :param overrides: ``{"section.option" or "option": value}``, stronger than files
    :param register: functions of libraries that register options of their own
    :raises ConfigurationError: on a file or value that cannot be read; the text names it
    """
    conf = cfg.ConfigOpts()
    for section, options in [*list_opts(), *groups]:
        conf.register_opts(options, group=section)
    conf.register_cli_opts(cli_opts)
    for library in register:
        library(conf)
    _register_messaging_hooks(conf)
    try:
        conf(list(args), project="novasim", prog=prog, version=version.__version__,
             default_config_files=list(files or []), default_config_dirs=[])
        for name, value in (overrides or {}).items():
            _override(conf, name, value)
    except cfg.Error as error:
        raise exceptions.ConfigurationError(reason=str(error)) from error
    return conf


def _override(conf: cfg.ConfigOpts, name: str, value: Any) -> None:
    section, _, option = name.rpartition(".")
    try:
        conf.set_override(option, value, group=section if section not in ("", "DEFAULT") else None)
    except ValueError as error:
        raise exceptions.ConfigurationError(reason=f"{name}: {error}") from error


def down_after(conf: cfg.ConfigOpts) -> float:
    """Seconds without a heartbeat after which a service is down (spec 8.11)."""
    if conf.service_down_time <= conf.report_interval:
        return float(int(2.5 * conf.report_interval))
    return float(conf.service_down_time)
