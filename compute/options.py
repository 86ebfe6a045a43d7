"""What an agent is and how often it looks around."""

from oslo_config import cfg, types

# The one monitor there is: the load of a host's CPUs, as its hypervisor says it.
CPU_MONITOR = "cpu.virt_driver"
COMPUTE: list[cfg.Opt] = [
    cfg.StrOpt("profile", default="medium",
               help="Shape of the hosts: the name of a file in etc/novasim/profiles, or the path of one."),
    cfg.StrOpt("my_ip", default="127.0.0.1", help="Address of the hosts' hypervisors; dest_host of migrations."),
    cfg.IntOpt("resize_confirm_window", default=0, min=0,
               help="Seconds after which a finished resize or migration is confirmed by itself. 0: never."),
    cfg.IntOpt("reserved_host_memory_mb", default=512, min=0, help="MB of each host kept for the host itself."),
    cfg.IntOpt("reserved_host_disk_mb", default=0, min=0, help="MB of disk of each host kept for the host itself."),
    cfg.IntOpt("reserved_host_cpus", default=0, min=0, help="vCPUs of each host kept for the host itself."),
    cfg.IntOpt("update_resources_interval", default=60, min=-1,
               help="Seconds between two audits of the resources of a process's hosts. -1: never."),
    cfg.ListOpt("compute_monitors", default=[], item_type=types.String(choices=[CPU_MONITOR]),
                help="What is measured on the hosts at each such audit, for MetricsFilter and MetricsWeigher. "
                     "cpu.virt_driver: cpu.percent, cpu.user.percent, cpu.kernel.percent, cpu.iowait.percent and "
                     "cpu.idle.percent, as parts of 1, and cpu.frequency in MHz. Empty: nothing."),
    cfg.IntOpt("resize_confirm_interval", default=60, min=-1,
               help="Seconds between two looks for moves to be confirmed by themselves. -1: never."),
    cfg.IntOpt("shelved_offload_time", default=0, min=-1,
               help="Seconds after which a shelved server is taken off its host. 0: at once; -1: only when an admin "
                    "asks for it."),
    cfg.IntOpt("shelved_poll_interval", default=3600, min=-1,
               help="Seconds between two looks for shelved servers to be taken off their hosts. -1: never."),
    cfg.IntOpt("max_concurrent_live_migrations", default=1, min=0,
               help="How many servers of one host are live-migrated at a time; others wait as queued. 0: any number."),
    cfg.IntOpt("live_migration_downtime", default=500, min=1,
               help="Milliseconds for which a guest may stand still at the end of a live migration. Once what is left "
                    "of its memory can be copied in that time, it is handed over."),
    cfg.IntOpt("live_migration_completion_timeout", default=800, min=0,
               help="Seconds for each GiB of memory and copied disk, of which at least 2 are counted, after which a "
                    "live migration that is not done is ended as live_migration_timeout_action says. 0: never."),
    cfg.StrOpt("live_migration_timeout_action", default="abort", choices=["abort", "force_complete"],
               help="Whether a live migration that takes too long is given up, or brought to its end at the cost of "
                    "the guest."),
    cfg.IntOpt("sync_power_state_interval", default=600, min=-1,
               help="Seconds between two comparisons of power states with the hypervisors. -1: never."),
    cfg.BoolOpt("resume_guests_state_on_host_boot", default=False,
                help="Start the guests at the start of a compute service that ran when it ended and are off now. "
                     "Without it their servers are stopped by the next comparison of power states."),
    cfg.IntOpt("running_deleted_instance_poll_interval", default=1800, min=-1,
               help="Seconds between two searches for guests and copies that belong to no server. -1: never."),
]
SIMULATOR: list[cfg.Opt] = [
    cfg.StrOpt("fleet",
               help="Name by which the table of simulated hosts knows a compute process. Each must have one of its own "
                    "and keep it. Default: the first name of --host."),
    cfg.StrOpt("stages", default="instant",
               help="What operations of the hypervisors cost and how they end: the name of a file in "
                    "etc/novasim/stages, or the path of one."),
    cfg.StrOpt("faults_file", deprecated_name="fault_rules",
               help="YAML file of fault rules that are in force from the start, in all processes of the cluster."),
    cfg.IntOpt("seed", help="Seed of all chance of a process. Without it each run differs."),
    cfg.BoolOpt("journal", default=True,
                help="Keep a journal of every hop of every request, for the resource os-simulator/journal."),
]


CONSOLEAUTH: list[cfg.Opt] = [
    cfg.IntOpt("token_ttl", default=600, min=0, help="Seconds for which the token of a remote console is good."),
]


def _base_url(name: str, default: str, what: str) -> cfg.Opt:
    return cfg.StrOpt(name, default=default, help=f"URL of {what}, as it is told to users; the token is added to it. "
                                                  "The simulator has no such proxy.")


# By group.
_PROXIES: dict[str, list[cfg.Opt]] = {
    "vnc": [_base_url("novncproxy_base_url", "http://127.0.0.1:6080/vnc_auto.html", "the proxy of VNC consoles")],
    "spice": [_base_url("html5proxy_base_url", "http://127.0.0.1:6082/spice_auto.html", "the proxy of SPICE consoles"),
              _base_url("spice_direct_proxy_base_url", "http://127.0.0.1:13002/nova",
                        "the proxy of SPICE consoles that viewers connect to directly")],
    "rdp": [_base_url("html5_proxy_base_url", "http://127.0.0.1:6083/", "the proxy of RDP consoles")],
    "serial_console": [_base_url("base_url", "ws://127.0.0.1:6083/", "the proxy of serial consoles")],
    "mks": [_base_url("mksproxy_base_url", "http://127.0.0.1:6090/mks.html", "the proxy of MKS consoles")],
}


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    return [(None, COMPUTE), ("simulator", SIMULATOR), ("consoleauth", CONSOLEAUTH), *_PROXIES.items()]


def reserved(conf: cfg.ConfigOpts) -> dict[str, int]:
    """What each host keeps for itself, by the sizes of a claim."""
    return {"memory_mb": conf.reserved_host_memory_mb, "disk_gb": conf.reserved_host_disk_mb // 1024,
            "vcpus": conf.reserved_host_cpus}
