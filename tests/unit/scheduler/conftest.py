"""Small real fleets and requests. Session-wide functions, so that hypothesis may use them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from novasim import config
from novasim.db import engine, hosts
from novasim.db import options as db_options
from novasim.objects import Aggregate, ComputeNode, Flavor, Resident, Service
from novasim.scheduler import options
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.pipeline import Drop, reasons_of
from novasim.scheduler.request import Request

NOW = datetime(2026, 3, 1, 12)


@pytest.fixture(scope="session")
def make_conf():
    """A configuration: ``make_conf({"filter_scheduler.ram_allocation_ratio": 2.0})``."""
    def make(overrides: dict[str, Any] | None = None, files: list[str] | None = None):
        return config.build([*db_options.list_opts(), *options.list_opts()], overrides=overrides, files=files)
    return make


@pytest.fixture(scope="session")
def make_node():
    """A hypervisor, empty but for what is said; its node has the host's name."""
    def make(host: str, number: int = 1, memory_mb: int = 8192, vcpus: int = 4, local_gb: int = 100,
             **values: Any) -> ComputeNode:
        free = {"free_ram_mb": memory_mb - values.get("memory_mb_used", 0),
                "free_disk_gb": local_gb - values.get("local_gb_used", 0)}
        given = {"id": number, "uuid": f"uuid-{number}", "host": host, "hypervisor_hostname": host,
                 "vcpus": vcpus, "memory_mb": memory_mb, "local_gb": local_gb, "updated_at": NOW}
        return ComputeNode(**(given | free | values))
    return make


@pytest.fixture
def add(db, make_node):
    """Register hosts of 8192 MB, 4 CPUs and 100 GB in the database."""
    def call(*names: str) -> None:
        def write(tx: engine.Transaction) -> None:
            hosts.register(tx, names, hosts.COMPUTE, "compute")
            hosts.register_nodes(tx, [make_node(name, uuid="") for name in names], {})
        db.write(write)
    return call


@pytest.fixture(scope="session")
def make_fleet(make_node):
    """Columns of hosts: a dict each, of a node's values, ``disabled``, ``forced_down`` and ``silent`` (s).

    ``aggregates`` are (numbers of hosts from 1 on, metadata); ``zones`` go by host. ``servers`` are (number of a host,
    values of a resident); where they are given the fleet knows who is on it.
    """
    def make(*hosts: dict[str, Any], zones: dict[str, str] | None = None,
             aggregates: Sequence[tuple[Sequence[int], dict[str, str]]] = (),
             servers: Sequence[tuple[int, dict[str, Any]]] | None = None) -> HostColumns:
        nodes, services = [], {}
        for number, values in enumerate(hosts, start=1):
            given = {"host": f"cmp-{number}"} | values
            silent = given.pop("silent", 0)
            service = {key: given.pop(key, False) for key in ("disabled", "forced_down")}
            nodes.append(make_node(number=number, **given))
            services[given["host"]] = Service(
                uuid="", host=given["host"], binary="nova-compute", topic="compute", **service,
                last_seen_up=None if silent is None else NOW - timedelta(seconds=silent))
        named = [Aggregate(uuid="", name="", hosts=[host], metadata={"availability_zone": zone})
                 for host, zone in (zones or {}).items()]
        named += [Aggregate(uuid="", name="", hosts=[f"cmp-{number}" for number in numbers], metadata=metadata)
                  for numbers, metadata in aggregates]
        fleet = HostColumns(nodes, services, named, NOW, tracked=servers is not None)
        fleet.write_residents([Resident(**({"uuid": f"there-{place}", "host": f"cmp-{number}", "node": f"cmp-{number}",
                                            "vm_state": "active"} | values))
                               for place, (number, values) in enumerate(servers or ())])
        return fleet
    return make


@pytest.fixture(scope="session")
def passing():
    """Which hosts a filter lets pass, as a list of booleans; one that says nothing lets all pass."""
    def call(one: Any, hosts: HostColumns, spec: Request) -> list[bool]:
        passes = one.passes(hosts, spec)
        return [True] * len(hosts) if passes is None else passes.tolist()
    return call


@pytest.fixture(scope="session")
def told():
    """Why a filter drops the first host, as a list of one text."""
    def call(one: Any, hosts: HostColumns, spec: Request) -> list[str]:
        return list(Drop(one.name, np.array([True]), reasons_of(one)).told(hosts, spec, np.array([0])))
    return call


@pytest.fixture(scope="session")
def make_request():
    """A request for one server of 1024 MB, 1 VCPU and 10 GB, but for what is said."""
    def make(memory_mb: int = 1024, vcpus: int = 1, root_gb: int = 10, ephemeral_gb: int = 0, swap: int = 0,
             servers: int = 1, extra_specs: dict[str, str] | None = None, **values: Any) -> Request:
        flavor = Flavor(flavorid="f", name="f", memory_mb=memory_mb, vcpus=vcpus, root_gb=root_gb,
                        ephemeral_gb=ephemeral_gb, swap=swap, extra_specs=extra_specs or {})
        return Request(flavor=flavor, instance_uuids=[f"new-{i}" for i in range(servers)], **values)
    return make
