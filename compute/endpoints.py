"""The agents' side of rpc/compute.py: one line a method, to the file that plays it."""

from __future__ import annotations

from typing import Any

from novasim.compute import (
    crash_dump,
    deferred_delete,
    evacuate,
    insight,
    lifecycle,
    live_migrate,
    power,
    rebuild,
    remote_consoles,
    resize,
    shelve,
    snapshot,
)
from novasim.compute.agents import Agents
from novasim.context import RequestContext
from novasim.objects import Instance, Migration


class PowerEndpoints:
    """What leaves a server where and what it is."""

    def __init__(self, agents: Agents):
        self._agents = agents

    def start_instance(self, ctxt: RequestContext, instance: Instance) -> None:
        power.run(self._agents, ctxt, instance, "start_instance")

    def stop_instance(self, ctxt: RequestContext, instance: Instance) -> None:
        power.run(self._agents, ctxt, instance, "stop_instance")

    def reboot_instance(self, ctxt: RequestContext, instance: Instance, block_device_info: Any,
                        reboot_type: str) -> None:
        power.run(self._agents, ctxt, instance, "reboot_instance")

    def pause_instance(self, ctxt: RequestContext, instance: Instance) -> None:
        power.run(self._agents, ctxt, instance, "pause_instance")

    def unpause_instance(self, ctxt: RequestContext, instance: Instance) -> None:
        power.run(self._agents, ctxt, instance, "unpause_instance")

    def suspend_instance(self, ctxt: RequestContext, instance: Instance) -> None:
        power.run(self._agents, ctxt, instance, "suspend_instance")

    def resume_instance(self, ctxt: RequestContext, instance: Instance) -> None:
        power.run(self._agents, ctxt, instance, "resume_instance")

    def rescue_instance(self, ctxt: RequestContext, instance: Instance, rescue_password: str | None,
                        rescue_image_ref: str | None) -> None:
        power.run(self._agents, ctxt, instance, "rescue_instance")

    def unrescue_instance(self, ctxt: RequestContext, instance: Instance) -> None:
        power.run(self._agents, ctxt, instance, "unrescue_instance")

    def set_admin_password(self, ctxt: RequestContext, instance: Instance, new_pass: str) -> None:
        power.run(self._agents, ctxt, instance, "set_admin_password")

    def soft_delete_instance(self, ctxt: RequestContext, instance: Instance, reservations: list[str] | None) -> None:
        deferred_delete.soft_delete_instance(self._agents, ctxt, instance)

    def restore_instance(self, ctxt: RequestContext, instance: Instance) -> None:
        deferred_delete.restore_instance(self._agents, ctxt, instance)


class InsightEndpoints:
    """Who asks waits for the answer."""

    _agents: Agents

    def get_console_output(self, ctxt: RequestContext, instance: Instance, tail_length: int | None) -> str:
        return insight.get_console_output(self._agents, ctxt, instance, tail_length)

    def _get_console(self, ctxt: RequestContext, console_type: str, instance: Instance) -> dict[str, str]:
        return remote_consoles.get_console(self._agents, ctxt, instance, console_type)

    get_vnc_console = get_spice_console = get_rdp_console = get_serial_console = get_mks_console = _get_console

    def get_diagnostics(self, ctxt: RequestContext, instance: Instance) -> dict[str, int]:
        return insight.get_diagnostics(self._agents, ctxt, instance)

    def get_instance_diagnostics(self, ctxt: RequestContext, instance: Instance) -> dict[str, Any]:
        return insight.get_instance_diagnostics(self._agents, ctxt, instance)

    def trigger_crash_dump(self, ctxt: RequestContext, instance: Instance) -> None:
        crash_dump.trigger_crash_dump(self._agents, ctxt, instance)


class ImageEndpoints:
    """The Images part of the contract."""

    _agents: Agents

    def rebuild_instance(self, ctxt: RequestContext, instance: Instance, orig_image_ref: str | None,
                         image_ref: str | None, injected_files: list[Any] | None, new_pass: str | None,
                         orig_sys_metadata: dict[str, str] | None, bdms: list[Any] | None, recreate: bool,
                         on_shared_storage: bool, preserve_ephemeral: bool, migration: Migration | None,
                         scheduled_node: str | None, limits: dict[str, float] | None) -> None:
        if recreate and migration is not None:
            evacuate.rebuild_instance(self._agents, ctxt, instance, migration)
            return
        rebuild.rebuild_instance(self._agents, ctxt, instance)

    def snapshot_instance(self, ctxt: RequestContext, instance: Instance, image_id: str) -> None:
        snapshot.snapshot_instance(self._agents, ctxt, instance, image_id)

    def backup_instance(self, ctxt: RequestContext, instance: Instance, image_id: str, backup_type: str,
                        rotation: int) -> None:
        snapshot.backup_instance(self._agents, ctxt, instance, image_id, backup_type, rotation)

    def shelve_instance(self, ctxt: RequestContext, instance: Instance, image_id: str | None) -> None:
        shelve.shelve_instance(self._agents, ctxt, instance, image_id)

    def shelve_offload_instance(self, ctxt: RequestContext, instance: Instance) -> None:
        shelve.shelve_offload_instance(self._agents, ctxt, instance)

    def unshelve_instance(self, ctxt: RequestContext, instance: Instance, image: dict[str, Any] | None,
                          filter_properties: dict[str, Any] | None, node: str | None,
                          host_list: list[dict[str, Any]] | None = None) -> None:
        shelve.unshelve_instance(self._agents, ctxt, instance, filter_properties or {}, node, host_list)


class LiveMigrationEndpoints:
    """What moves a server while it runs."""

    _agents: Agents

    def live_migration(self, ctxt: RequestContext, instance: Instance, dest: str, block_migration: bool,
                       migration: Migration) -> None:
        live_migrate.live_migration(self._agents, ctxt, instance, block_migration, migration)

    def pre_live_migration(self, ctxt: RequestContext, instance: Instance, migration: Migration) -> None:
        live_migrate.pre_live_migration(self._agents, ctxt, instance, migration)

    def do_live_migration(self, ctxt: RequestContext, instance: Instance, migration: Migration) -> None:
        live_migrate.do_live_migration(self._agents, ctxt, instance, migration)

    def post_live_migration_at_destination(self, ctxt: RequestContext, instance: Instance,
                                           migration: Migration) -> None:
        live_migrate.post_live_migration_at_destination(self._agents, ctxt, instance, migration)

    def rollback_live_migration_at_destination(self, ctxt: RequestContext, instance: Instance,
                                               migration: Migration) -> None:
        live_migrate.rollback_live_migration_at_destination(self._agents, ctxt, instance)

    def live_migration_force_complete(self, ctxt: RequestContext, instance: Instance, migration: Migration) -> None:
        live_migrate.live_migration_force_complete(self._agents, ctxt, instance, migration)

    def live_migration_abort(self, ctxt: RequestContext, instance: Instance, migration: Migration) -> None:
        live_migrate.live_migration_abort(self._agents, ctxt, instance, migration)


class ComputeEndpoints(PowerEndpoints, InsightEndpoints, ImageEndpoints, LiveMigrationEndpoints):
    """``ctxt.addressed_host`` says which of the agents is meant."""

    def run_instance(self, ctxt: RequestContext, instance: Instance, request_spec: dict[str, Any],
                     filter_properties: dict[str, Any], requested_networks: Any, injected_files: list[Any] | None,
                     admin_password: str | None, is_first_time: bool, node: str | None,
                     legacy_bdm_in_spec: bool, host_list: list[dict[str, Any]] | None = None) -> None:
        lifecycle.run_instance(self._agents, ctxt, instance, request_spec.get("image") or {}, filter_properties, node,
                               host_list)

    def terminate_instance(self, ctxt: RequestContext, instance: Instance, bdms: list[Any] | None,
                           reservations: list[str] | None) -> None:
        lifecycle.terminate_instance(self._agents, ctxt, instance)

    def prep_resize(self, ctxt: RequestContext, image: dict[str, Any], instance: Instance,
                    instance_type: dict[str, Any], reservations: list[str] | None, request_spec: dict[str, Any],
                    filter_properties: dict[str, Any], node: str | None,
                    host_list: list[dict[str, Any]] | None = None) -> None:
        resize.prep_resize(self._agents, ctxt, image, instance, instance_type, request_spec, filter_properties, node,
                           host_list)

    def resize_instance(self, ctxt: RequestContext, instance: Instance, image: dict[str, Any],
                        reservations: list[str] | None, migration: Migration, instance_type: dict[str, Any]) -> None:
        resize.resize_instance(self._agents, ctxt, instance, image, migration, instance_type)

    def finish_resize(self, ctxt: RequestContext, disk_info: str, image: dict[str, Any], instance: Instance,
                      reservations: list[str] | None, migration: Migration) -> None:
        resize.finish_resize(self._agents, ctxt, disk_info, instance, migration)

    def confirm_resize(self, ctxt: RequestContext, instance: Instance, reservations: list[str] | None,
                       migration: Migration) -> None:
        resize.confirm_resize(self._agents, ctxt, instance, migration)

    def revert_resize(self, ctxt: RequestContext, instance: Instance, migration: Migration,
                      reservations: list[str] | None) -> None:
        resize.revert_resize(self._agents, ctxt, instance, migration)

    def finish_revert_resize(self, ctxt: RequestContext, instance: Instance, reservations: list[str] | None,
                             migration: Migration) -> None:
        resize.finish_revert_resize(self._agents, ctxt, instance, migration)
