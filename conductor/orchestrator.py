"""What a conductor works with, and what building and moving have in common: retries and failures."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import msgspec
from oslo_config import cfg

from novasim import exceptions
from novasim.context import RequestContext
from novasim.db import placements
from novasim.db.engine import Database
from novasim.db.placements import Look
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

    def select_destinations(self, ctxt: RequestContext, request_spec: dict[str, Any],
                            filter_properties: dict[str, Any], look: Look | None = None) -> list[dict[str, Any]]:
        """Ask the scheduler for a host for each server of a request, with alternates, and tell it what only the
        database knows: the flavor's extra specs as they are now, and of the servers' group who is where.

        :param look: what was looked up already
        :raises NoValidHost: when not all find one
        """
        if look is None:
            look = self.db.read(placements.look, request_spec["instance_type"]["id"], None,
                                request_spec["instance_uuids"])
        for key in GROUP_KEYS:
            filter_properties.pop(key, None)
        filter_properties |= look.group
        asked = request_spec | {"instance_type": request_spec["instance_type"] | {"extra_specs": look.extra_specs}}
        chosen: list[dict[str, Any]] = self.scheduler.select_destinations(
            ctxt, request_spec=asked, filter_properties=filter_properties, return_alternates=True)
        return chosen

    def next_destination(self, ctxt: RequestContext, request_spec: dict[str, Any], filter_properties: dict[str, Any],
                         host_list: list[dict[str, Any]] | None, look: Look | None = None) -> dict[str, Any]:
        """The host to be tried now for one server: the best of the alternates that are left, without asking again.
        The scheduler is asked when there are none, the first time or after they were all tried.

        :param host_list: the alternates of an earlier answer; peers that know none send None
        :param look: what was looked up already
        :raises NoValidHost: when there is none
        """
        tried = (filter_properties.get("retry") or {}).get("hosts", ())
        left = [one for one in host_list or () if [one["host"], one["nodename"]] not in tried]
        if left:
            return left[0] | {"alternates": left[1:]}
        return self.select_destinations(ctxt, request_spec, filter_properties, look)[0]


GROUP_KEYS = ("group_policies", "group_rules", "group_hosts")
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


def image_of(instance: Instance, now: dict[str, Any]) -> dict[str, Any]:
    """The image of a server as it is now, over what the server remembers of it (spec 6.2 step 1): who needs the
    remembered part is one whose image is gone. A disk that was made once needs at least its own size again."""
    image = image_from_system_metadata(instance)
    image["properties"] |= {key: str(value) for key, value in now.get("properties", {}).items()}
    image |= {key: now[key] for key in ("name", "min_ram", "min_disk") if key in now}
    return image | {"min_disk": max(image.get("min_disk", 0), instance.flavor().root_gb)}


def populate_retry(filter_properties: dict[str, Any], max_attempts: int, instance_uuid: str) -> None:
    """Count one more attempt (spec 6.4). The conductor counts, so that it travels with the request (12.1 #2).

    Those that only came too late for a host's room are not held against the request (compute/tracker.py counts them):
    while there is room anywhere it goes on, as it does where the scheduler claims. Tried hosts stay excluded.

    :raises MaxRetriesExceeded: when this would be one too many; the text names the last failure
    """
    if max_attempts == 1 or any(filter_properties.get(key) for key in _ONE_HOST):
        return
    retry = filter_properties.setdefault("retry", {"num_attempts": 0, "hosts": []})
    retry["num_attempts"] += 1
    if retry["num_attempts"] - retry.get("lost", 0) > max_attempts:
        last = retry.get("exc")
        raise exceptions.MaxRetriesExceeded(
            reason=f"Exceeded max scheduling attempts {max_attempts} for instance {instance_uuid}."
                   + (f" Last exception: {last}" if last else ""))


def note_selection(filter_properties: dict[str, Any], selection: dict[str, Any]) -> None:
    """Remember the host that is tried now, and the ceilings for its claim (spec 6.2 step 5)."""
    if "retry" in filter_properties:
        filter_properties["retry"]["hosts"].append([selection["host"], selection["nodename"]])
    filter_properties["limits"] = selection["limits"] or {}


def try_elsewhere(filter_properties: dict[str, Any], error: exceptions.ComputeServiceUnavailable) -> None:
    """The host that was chosen cannot be asked: nobody has made its queue, or the broker has lost it. It is known at
    once, so it is one attempt of several.

    :raises ComputeServiceUnavailable: when no other host may be tried
    """
    if "retry" not in filter_properties:
        raise error
    filter_properties["retry"]["exc"] = error.text
