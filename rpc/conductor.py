"""What the conductor is asked to do: orchestrate builds and moves (spec 4.2, 4.3)."""

from __future__ import annotations

from typing import Any

from novasim.objects import Instance
from novasim.rpc.contract import Contract, cast


class Conductor(Contract):
    """The compute_task namespace: any free conductor takes the message."""

    topic = "conductor"
    namespace = "compute_task"
    version = "1.6"
    aliases = {"grizzly": "1.3", "havana": "1.4", "icehouse": "1.6"}

    @cast("1.6", older=("1.4",))
    def migrate_server(self, instance: Instance, scheduler_hint: dict[str, Any], live: bool, rebuild: bool,
                       flavor: dict[str, Any] | None, block_migration: bool | None, disk_over_commit: bool | None,
                       reservations: list[str] | None = None) -> None:
        """Move a server to another host: a resize or a cold migration with ``flavor``; agents call it again to have
        a move rescheduled, with the hosts tried so far in scheduler_hint's filter_properties."""

    @cast("1.5")
    def build_instances(self, instances: list[Instance], image: dict[str, Any], filter_properties: dict[str, Any],
                        admin_password: str | None, injected_files: list[Any] | None, requested_networks: Any,
                        security_groups: list[str], block_device_mapping: list[Any] | None = None,
                        legacy_bdm: bool = True) -> None:
        """Find hosts for new servers and have them built; agents call it again to have one rescheduled."""
