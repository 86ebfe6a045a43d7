"""The conductor's side of rpc/conductor.py: which verb a message means, and the file that plays it."""

from __future__ import annotations

from typing import Any

import msgspec

from novasim.conductor import build, evacuate, live_migrate, rebuild, resize, shelve
from novasim.conductor.orchestrator import Orchestrator
from novasim.context import RequestContext
from novasim.objects import Flavor, Instance


class ConductorEndpoints:
    """The compute_task namespace."""

    def __init__(self, orchestrator: Orchestrator):
        self._orchestrator = orchestrator

    def migrate_server(self, ctxt: RequestContext, instance: Instance, scheduler_hint: dict[str, Any], live: bool,
                       rebuild: bool, flavor: dict[str, Any] | None, block_migration: bool | None,
                       disk_over_commit: bool | None, reservations: list[str] | None = None,
                       host_list: list[dict[str, Any]] | None = None) -> None:
        if live and not rebuild and flavor is None:
            live_migrate.live_migrate(self._orchestrator, ctxt, instance, scheduler_hint, block_migration,
                                      disk_over_commit)
            return
        if live or rebuild or flavor is None:
            error = NotImplementedError("Only cold migration, resize and live migration are available")
            resize.restore(self._orchestrator, ctxt, instance, error)
            raise error
        resize.cold_migrate(self._orchestrator, ctxt, instance, msgspec.convert(flavor, Flavor, strict=False),
                            scheduler_hint.get("filter_properties") or {}, host_list)

    def rebuild_instance(self, ctxt: RequestContext, instance: Instance, orig_image_ref: str | None,
                         image_ref: str | None, injected_files: list[Any] | None, new_pass: str | None,
                         orig_sys_metadata: dict[str, str] | None, bdms: list[Any] | None, recreate: bool,
                         on_shared_storage: bool, preserve_ephemeral: bool, host: str | None,
                         request_spec: dict[str, Any] | None) -> None:
        if recreate:
            evacuate.evacuate(self._orchestrator, ctxt, instance, host, request_spec or {})
            return
        rebuild.rebuild_instance(self._orchestrator, ctxt, instance, orig_image_ref, orig_sys_metadata,
                                 preserve_ephemeral)

    def unshelve_instance(self, ctxt: RequestContext, instance: Instance,
                          request_spec: dict[str, Any] | None,
                          host_list: list[dict[str, Any]] | None = None) -> None:
        shelve.unshelve_instance(self._orchestrator, ctxt, instance, request_spec or {}, host_list)

    def build_instances(self, ctxt: RequestContext, instances: list[Instance], image: dict[str, Any],
                        filter_properties: dict[str, Any], admin_password: str | None,
                        injected_files: list[Any] | None, requested_networks: Any, security_groups: list[str],
                        block_device_mapping: list[Any] | None = None, legacy_bdm: bool = True,
                        host_lists: list[list[dict[str, Any]]] | None = None) -> None:
        build.build_instances(self._orchestrator, ctxt, instances, image, filter_properties, host_lists)
