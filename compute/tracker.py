"""Hosts make themselves known, room on them is claimed, and the sums of the claims are checked against the ledger
(spec 8.7, 8.8)."""

from __future__ import annotations

import collections
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from novasim import exceptions, states
from novasim.compute import monitors
from novasim.compute.agents import Agents
from novasim.db import claims, groups, hosts, instance_pages
from novasim.db.engine import Transaction
from novasim.objects import Flavor

LOG = logging.getLogger(__name__)


def register(agents: Agents, names: Sequence[str]) -> None:
    """Service rows and compute nodes of hosts that start."""
    nodes = [agents.driver.get_available_resource(host) for host in names]

    def rows(tx: Transaction) -> None:
        hosts.register(tx, names, hosts.COMPUTE, "compute")
        hosts.register_nodes(tx, nodes, agents.reserved)
    agents.db.write(rows)


def claim(tx: Transaction, host: str, node: str, instance_uuid: str, flavor: Flavor,
          filter_properties: Mapping[str, Any], migration_id: int | None = None) -> None:
    """Hold room for a server that the scheduler sent here, if its server group still allows this host.

    :param filter_properties: of the message; its ``limits`` are the ceilings, and who forced a host has it whatever
        the group says, as in the scheduler (spec 7.4); a server of no group never comes into one
    :param migration_id: of the move that holds the room; None for the server itself
    :raises GroupPolicyViolated: when another server of its group was faster
    :raises ComputeHostNotFound: when there is no such hypervisor
    :raises ComputeResourcesUnavailable: naming each resource that is short
    """
    forced = filter_properties.get("force_hosts") or filter_properties.get("force_nodes")
    if not forced and filter_properties.get("group_policies") != []:
        groups.check_policy(tx, instance_uuid, host)
    claims.take(tx, host, node, instance_uuid, flavor, filter_properties.get("limits") or {}, migration_id)


# What came too late for a host, which is not to blame: another request was faster.
_LOST = (exceptions.ComputeResourcesUnavailable, exceptions.GroupPolicyViolated)


def note_retry(filter_properties: dict[str, Any], error: Exception) -> None:
    """Tell the next attempt why this host did not take the server (spec 6.4)."""
    retry = filter_properties["retry"]
    retry["exc"] = str(error)
    if isinstance(error, _LOST):
        retry["lost"] = retry.get("lost", 0) + 1


def audit(agents: Agents) -> list[str]:
    """See that every host's sums are what its claims add up to, and count its guests.

    Hosts are compared by two statements for all of them; only one that is off is locked and corrected.

    :returns: hosts that were off; with claims as the only way to use a host, there should never be one
    """
    held = {host: amounts for part in hosts.chunks(agents.hosts)
            for (host, _), amounts in agents.db.read(claims.sums, part).items()}
    reserved = agents.reserved
    off = []
    for node in agents.db.read(hosts.nodes_of, agents.hosts):
        amounts = held.get(node.host, {})
        right = tuple(amounts.get(size, 0) + reserved[size] for size in ("memory_mb", "disk_gb", "vcpus"))
        if right != (node.memory_mb_used, node.local_gb_used, node.vcpus_used) and agents.db.write(
                claims.correct, node.host, node.hypervisor_hostname, reserved):
            LOG.error("The sums of %s were not what its claims add up to; corrected", node.host)
            off.append(node.host)
    count_workload(agents)
    return off


def count_workload(agents: Agents) -> None:
    """running_vms and current_workload of each host: what the hypervisor runs, and servers with a task; and what its
    monitors measure."""
    measured = monitors.measure(agents)
    running = collections.Counter(guest.host for guest in agents.driver.list_guests(agents.hosts)
                                  if guest.power_state == states.RUNNING)
    busy = {host: found.busy for part in hosts.chunks(agents.hosts)
            for host, found in agents.db.read(instance_pages.workloads, part).items()}

    def write(tx: Transaction) -> None:
        nodes = hosts.nodes_of(tx, agents.hosts)
        monitors.write(tx, nodes, measured)
        for node in nodes:
            seen = (running[node.host], busy.get(node.host, 0))
            if seen != (node.running_vms, node.current_workload):
                hosts.set_workload(tx, node.host, *seen)
    agents.db.write(write)
