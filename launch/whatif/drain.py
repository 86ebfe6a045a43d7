"""Would the servers of some hosts fit elsewhere? The fleet is a running cluster's, as its REST API tells of it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from novasim import exceptions
from novasim.db.hosts import COMPUTE
from novasim.launch.whatif import fleet
from novasim.launch.whatif.policies import Policy
from novasim.objects import Aggregate, ComputeNode, Flavor, Resident
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request

HOST, NODE = "OS-EXT-SRV-ATTR:host", "OS-EXT-SRV-ATTR:hypervisor_hostname"
VM_STATE, TASK_STATE = "OS-EXT-STS:vm_state", "OS-EXT-STS:task_state"


def columns(facts: Mapping[str, Any], tracked: bool) -> HostColumns:
    """The fleet of a cluster.

    :param facts: ``hypervisors``, ``services``, ``aggregates`` and ``servers`` as REST shows them in detail
    :param tracked: whether it matters which servers are on a host
    """
    nodes = [ComputeNode(
        id=number, uuid=str(one["id"]), host=one["service"]["host"], hypervisor_hostname=one["hypervisor_hostname"],
        updated_at=fleet.START,
        **{name: one[name] for name in (
            "vcpus", "memory_mb", "local_gb", "vcpus_used", "memory_mb_used", "local_gb_used", "free_ram_mb",
            "free_disk_gb", "disk_available_least", "running_vms", "hypervisor_type", "hypervisor_version")})
        for number, one in enumerate(facts["hypervisors"], 1)]
    services = {one["host"]: fleet.service(one["host"], one["status"] == "disabled", one["state"] == "up")
                for one in facts["services"] if one["binary"] == COMPUTE}
    aggregates = [Aggregate(uuid="", name=one["name"], hosts=one["hosts"], metadata=one["metadata"])
                  for one in facts["aggregates"]]
    hosts = HostColumns(nodes, services, aggregates, fleet.START, tracked)
    if tracked:
        hosts.write_residents([_resident(server) for server in facts["servers"]])
    return hosts


def _resident(server: Mapping[str, Any]) -> Resident:
    return Resident(server["id"], server[HOST], server[NODE], server["tenant_id"], _flavor(server["flavor"]).id,
                    (server.get("image") or {}).get("id"), server[VM_STATE], server[TASK_STATE])


def _flavor(shown: Mapping[str, Any]) -> Flavor:
    name = shown["original_name"]
    # REST does not show the number that a flavor has in the database: any will do that tells them apart.
    return Flavor(id=zlib.crc32(name.encode()), flavorid=name, name=name, memory_mb=shown["ram"],
                  vcpus=shown["vcpus"], root_gb=shown["disk"], ephemeral_gb=shown["ephemeral"],
                  swap=shown["swap"], extra_specs=shown.get("extra_specs") or {})


def drain(policy: Policy, facts: Mapping[str, Any], leaving: Sequence[str], seed: int) -> Iterator[dict[str, Any]]:
    """Where each server of the hosts would go, the largest first, each taking its room before the next is asked.

    :param facts: as in :func:`columns`; also the server ``groups``
    :raises Invalid: naming a host that the cluster does not have
    """
    pipeline = policy.pipeline(seed)
    hosts = columns(facts, pipeline.needs_residents)
    unknown = [host for host in leaving if host not in hosts.by_host]
    if unknown:
        raise exceptions.Invalid(f"there is no hypervisor on host {', '.join(unknown)}")
    placed = {server["id"]: server[HOST] for server in facts["servers"] if server[HOST]}
    moving = [(_flavor(server["flavor"]), server) for server in facts["servers"] if server[HOST] in leaving]
    moving.sort(key=lambda pair: (-pair[0].memory_mb, -pair[0].vcpus, pair[1]["name"], pair[1]["id"]))
    for flavor, server in moving:
        spec = Request(flavor=flavor, instance_uuids=[server["id"]], project_id=server["tenant_id"],
                       image={"id": server["image"]["id"]} if server.get("image") else {},
                       availability_zone=server.get("pinned_availability_zone"), ignore_hosts=frozenset(leaving))
        _say_group(spec, facts["groups"], placed)
        decision = pipeline.decide(hosts, spec)
        to = decision.selections[0].host if decision.selections else None
        if to:
            placed[server["id"]] = to
        yield {"id": server["id"], "name": server["name"], "flavor": flavor.name, "from": server[HOST], "to": to,
               "why": decision.summary}


def _say_group(spec: Request, groups: Sequence[Mapping[str, Any]], placed: Mapping[str, str]) -> None:
    """The policy of the server's group, and where its other members are by now."""
    [server_id] = spec.instance_uuids
    for group in groups:
        if server_id in group["members"]:
            spec.group_policy = group["policy"]
            spec.max_server_per_host = int((group.get("rules") or {}).get("max_server_per_host") or 1)
            others = [placed[member] for member in group["members"] if member != server_id and member in placed]
            spec.group_hosts = {host: others.count(host) for host in others}
