"""The conductor's side of rpc/conductor.py: which verb a message means, and the file that plays it."""

from __future__ import annotations

from typing import Any

import msgspec

from novasim import exceptions
from novasim.conductor import build, resize
from novasim.conductor.orchestrator import Orchestrator
from novasim.context import RequestContext
from novasim.objects import Flavor, Instance


class ConductorEndpoints:
    """The compute_task namespace."""

    def __init__(self, orchestrator: Orchestrator):
        self._orchestrator = orchestrator

    def migrate_server(self, ctxt: RequestContext, instance: Instance, scheduler_hint: dict[str, Any], live: bool,
                       rebuild: bool, flavor: dict[str, Any] | None, block_migration: bool | None,
                       disk_over_commit: bool | None, reservations: list[str] | None = None) -> None:
        if live or rebuild or flavor is None:
            # Spec 6.1: any combination but a cold migration.
            resize.restore(self._orchestrator, ctxt, instance,
                           exceptions.Invalid("Only cold migration and resize are available"))
            return
        resize.cold_migrate(self._orchestrator, ctxt, instance, msgspec.convert(flavor, Flavor, strict=False),
                            scheduler_hint.get("filter_properties") or {})

    def build_instances(self, ctxt: RequestContext, instances: list[Instance], image: dict[str, Any],
                        filter_properties: dict[str, Any], admin_password: str | None,
                        injected_files: list[Any] | None, requested_networks: Any, security_groups: list[str],
                        block_device_mapping: list[Any] | None = None, legacy_bdm: bool = True) -> None:
        build.build_instances(self._orchestrator, ctxt, instances, image, filter_properties)
