"""Fleets of a what-if: so many hosts of one profile, empty; and the act of asking without taking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from oslo_config import cfg

from novasim import states
from novasim.compute import options as compute_options
from novasim.objects import ComputeNode, Flavor, Resident, Selection, Service
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.pipeline import Decision, Pipeline
from novasim.scheduler.request import Request
from novasim.sim import hostnames
from novasim.sim.profiles import Profile

START = datetime(2026, 1, 1)
# Hosts of a what-if do not fail: they have been heard of in the future.
FOREVER = datetime(9000, 1, 1)


def service(host: str, disabled: bool = False, up: bool = True) -> Service:
    """The compute service of a host."""
    return Service(uuid="", host=host, binary="nova-compute", topic="compute", disabled=disabled,
                   last_seen_up=FOREVER if up else None)


def empty(count: int, shape: Profile, conf: cfg.ConfigOpts, tracked: bool) -> HostColumns:
    """Hosts on which nothing runs but what each keeps for itself (``reserved_host_*``).

    :param tracked: keep book of who is where, for :func:`settle`
    """
    kept = compute_options.reserved(conf)
    hosts = hostnames.expand(hostnames.of_cluster(count))
    nodes = [ComputeNode(id=number, uuid="", host=host, hypervisor_hostname=host, vcpus=shape.vcpus,
                         memory_mb=shape.memory_mb, local_gb=shape.local_gb, vcpus_used=kept["vcpus"],
                         free_ram_mb=shape.memory_mb - kept["memory_mb"],
                         free_disk_gb=shape.local_gb - kept["disk_gb"], updated_at=START,
                         supported_instances='[["x86_64", "novasim", "hvm"]]')
             for number, host in enumerate(hosts, 1)]
    return HostColumns(nodes, {host: service(host) for host in hosts}, now=START, tracked=tracked)


def request(flavor: Flavor) -> Request:
    """A request for one server; the same one may be asked again and again, with another uuid where those count."""
    return Request(flavor=flavor, instance_uuids=[""], project_id="whatif")


def settle(hosts: HostColumns, spec: Request, chosen: Selection) -> None:
    """The server was built where it was sent; it keeps the disk busy no longer."""
    if hosts.residents.tracked:
        hosts.write_residents([Resident(spec.instance_uuids[0], chosen.host, chosen.nodename, spec.project_id,
                                        spec.flavor.id, vm_state=states.ACTIVE)])


def ask(pipeline: Pipeline, hosts: HostColumns, spec: Request) -> Decision:
    """What would be decided for a server now; nothing is taken."""
    decision = pipeline.decide(hosts, spec)
    for one in decision.selections:
        hosts.release(hosts.by_node[one.host, one.nodename], spec.flavor, spec.instance_uuids[0])
    return decision


def largest(pipeline: Pipeline, hosts: HostColumns, requests: Sequence[Request]) -> Flavor | None:
    """The first flavor of these, the largest being first, for which there is room."""
    return next((one.flavor for one in requests if ask(pipeline, hosts, one).rejected is None), None)
