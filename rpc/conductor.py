"""What the conductor is asked to do: orchestrate builds and moves (spec 4.2, 4.3)."""

from __future__ import annotations

from typing import Any

from novasim import exceptions
from novasim.objects import Instance
from novasim.rpc.contract import Contract, cast

# What stops a live migration before it begins; who waits for it is told (spec 6.1).
PRE_CHECK_FAILED = (
    exceptions.NoValidHost, exceptions.ComputeServiceUnavailable, exceptions.InvalidHypervisorType,
    exceptions.UnableToMigrateToSelf, exceptions.DestinationHypervisorTooOld, exceptions.InvalidLocalStorage,
    exceptions.InvalidSharedStorage, exceptions.MigrationPreCheckError)


class Conductor(Contract):
    """The compute_task namespace: any free conductor takes the message."""

    topic = "conductor"
    namespace = "compute_task"
    version = "1.15"
    aliases = {"grizzly": "1.3", "havana": "1.4", "icehouse": "1.6"}

    @cast("1.6", older=("1.4",), raises=PRE_CHECK_FAILED, added={"host_list": "1.15"})
    def migrate_server(self, instance: Instance, scheduler_hint: dict[str, Any], live: bool, rebuild: bool,
                       flavor: dict[str, Any] | None, block_migration: bool | None, disk_over_commit: bool | None,
                       reservations: list[str] | None = None, host_list: list[dict[str, Any]] | None = None) -> None:
        """Move a server to another host: a resize or a cold migration with ``flavor``; agents call it again to have
        a move rescheduled, with the hosts tried so far in scheduler_hint's filter_properties, and in ``host_list``
        those to be tried next. With ``live`` while it runs: to scheduler_hint's ``host``, unasked, or to one that the
        scheduler chooses."""

    @cast("1.12")
    def rebuild_instance(self, instance: Instance, orig_image_ref: str | None, image_ref: str | None,
                         injected_files: list[Any] | None, new_pass: str | None,
                         orig_sys_metadata: dict[str, str] | None, bdms: list[Any] | None, recreate: bool = False,
                         on_shared_storage: bool = False, preserve_ephemeral: bool = False, host: str | None = None,
                         request_spec: dict[str, Any] | None = None) -> None:
        """Have a server made anew from an image: on its host, or, with ``recreate``, on another one, ``host`` or one
        that the scheduler chooses."""

    @cast("1.14", added={"host_list": "1.15"})
    def unshelve_instance(self, instance: Instance, request_spec: dict[str, Any] | None = None,
                          host_list: list[dict[str, Any]] | None = None) -> None:
        """Have a shelved server started; one that was offloaded, where the scheduler likes, or on the
        ``requested_destination`` of the request_spec. Agents call it again to have it tried elsewhere."""

    @cast("1.5", added={"host_lists": "1.15"})
    def build_instances(self, instances: list[Instance], image: dict[str, Any], filter_properties: dict[str, Any],
                        admin_password: str | None, injected_files: list[Any] | None, requested_networks: Any,
                        security_groups: list[str], block_device_mapping: list[Any] | None = None,
                        legacy_bdm: bool = True, host_lists: list[list[dict[str, Any]]] | None = None) -> None:
        """Find hosts for new servers and have them built; agents call it again to have one rescheduled, with the hosts
        to be tried next."""
