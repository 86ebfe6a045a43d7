"""What a conductor works with, and what building and moving have in common: retries and failures."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import msgspec
from oslo_config import cfg

from novasim import exceptions
from novasim.context import RequestContext
from novasim.db.engine import Database
from novasim.objects import Flavor, Instance
from novasim.rpc.client import Client
from novasim.sim.clock import Clock
from novasim.sim.journal import Journal

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Orchestrator:
    """The database, the proxies and the journal of a conductor."""

    conf: cfg.ConfigOpts
    db: Database
    clock: Clock
    journal: Journal
    scheduler: Client
    compute: Client

    def note(self, ctxt: RequestContext, instance: Instance, what: str, vm_state: str | None = None,
             task_state: str | None = None, **details: Any) -> None:
        """Write a step with the states after it to the journal."""
        self.journal.write(what, ctxt.request_id, kind="step", instance_uuid=instance.uuid, vm_state=vm_state,
                           task_state=task_state or "-", **details)


# Whoever names the host is not given another one.
_ONE_HOST = ("force_hosts", "force_nodes", "requested_destination")


def build_request_spec(instances: list[Instance], image: dict[str, Any], flavor: Flavor) -> dict[str, Any]:
    """The request_spec of spec 6.3, for one or several equal servers."""
    return {"image": image, "instance_properties": msgspec.to_builtins(instances[0]),
            "instance_type": msgspec.to_builtins(flavor), "num_instances": len(instances),
            "instance_uuids": [instance.uuid for instance in instances]}


def image_from_system_metadata(instance: Instance) -> dict[str, Any]:
    """What a server remembers of its image (spec 6.2 step 1): the keys ``image_*``."""
    remembered = {key.removeprefix("image_"): value for key, value in instance.system_metadata.items()
                  if key.startswith("image_")}
    image: dict[str, Any] = {"id": instance.image_ref} if instance.image_ref else {}
    for key in ("min_ram", "min_disk"):
        if key in remembered:
            image[key] = int(remembered.pop(key))
    return image | {"properties": remembered}


def populate_retry(filter_properties: dict[str, Any], max_attempts: int, instance_uuid: str) -> None:
    """Count one more attempt (spec 6.4). The conductor counts, so that it travels with the request (12.1 #2).

    :raises MaxRetriesExceeded: when this would be one too many; the text names the last failure
    """
    if max_attempts == 1 or any(filter_properties.get(key) for key in _ONE_HOST):
        return
    retry = filter_properties.setdefault("retry", {"num_attempts": 0, "hosts": []})
    retry["num_attempts"] += 1
    if retry["num_attempts"] > max_attempts:
        last = retry.get("exc")
        raise exceptions.MaxRetriesExceeded(
            reason=f"Exceeded max scheduling attempts {max_attempts} for instance {instance_uuid}."
                   + (f" Last exception: {last}" if last else ""))


def note_selection(filter_properties: dict[str, Any], selection: dict[str, Any]) -> None:
    """Remember the host that is tried now, and the ceilings for its claim (spec 6.2 step 5)."""
    if "retry" in filter_properties:
        filter_properties["retry"]["hosts"].append([selection["host"], selection["nodename"]])
    filter_properties["limits"] = selection["limits"] or {}
