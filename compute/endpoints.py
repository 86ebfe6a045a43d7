"""The agents' side of rpc/compute.py: one line a method, to the file that plays it."""

from __future__ import annotations

from typing import Any

from novasim.compute import lifecycle, power, resize
from novasim.compute.agents import Agents
from novasim.context import RequestContext
from novasim.objects import Instance, Migration


class ComputeEndpoints:
    """``ctxt.addressed_host`` says which of the agents is meant."""

    def __init__(self, agents: Agents):
        self._agents = agents

    def run_instance(self, ctxt: RequestContext, instance: Instance, request_spec: dict[str, Any],
                     filter_properties: dict[str, Any], requested_networks: Any, injected_files: list[Any] | None,
                     admin_password: str | None, is_first_time: bool, node: str | None,
                     legacy_bdm_in_spec: bool) -> None:
        lifecycle.run_instance(self._agents, ctxt, instance, request_spec.get("image") or {}, filter_properties, node)

    def terminate_instance(self, ctxt: RequestContext, instance: Instance, bdms: list[Any] | None,
                           reservations: list[str] | None) -> None:
        lifecycle.terminate_instance(self._agents, ctxt, instance)

    def start_instance(self, ctxt: RequestContext, instance: Instance) -> None:
        power.start_instance(self._agents, ctxt, instance)

    def stop_instance(self, ctxt: RequestContext, instance: Instance) -> None:
        power.stop_instance(self._agents, ctxt, instance)

    def reboot_instance(self, ctxt: RequestContext, instance: Instance, block_device_info: Any,
                        reboot_type: str) -> None:
        power.reboot_instance(self._agents, ctxt, instance)

    def prep_resize(self, ctxt: RequestContext, image: dict[str, Any], instance: Instance,
                    instance_type: dict[str, Any], reservations: list[str] | None, request_spec: dict[str, Any],
                    filter_properties: dict[str, Any], node: str | None) -> None:
        resize.prep_resize(self._agents, ctxt, image, instance, instance_type, request_spec, filter_properties, node)

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
