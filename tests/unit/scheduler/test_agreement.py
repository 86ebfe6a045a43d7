"""The columns against a scheduler in plain Python, host by host, as the specification tells it (7.2, 7.5, 7.7, 7.9):
each filter, each weigher, and what is chosen in the end, on random fleets and requests."""

import ipaddress
import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from novasim.objects import Resident
from novasim.scheduler import extra_specs, filters, weighers
from novasim.scheduler.filters.image_properties import satisfies
from novasim.scheduler.pipeline import Pipeline

NOW_DOWN = 60
OPTIONS = {
    "filter_scheduler.max_io_ops_per_host": 2, "filter_scheduler.max_instances_per_host": 3,
    "filter_scheduler.isolated_hosts": ["cmp-1", "cmp-4"], "filter_scheduler.isolated_images": ["a"],
    "metrics.weight_setting": ["idle=1.5", "temp=-1"], "metrics.required": False,
    "filter_scheduler.num_instances_weight_multiplier": -0.5, "filter_scheduler.image_props_weight_multiplier": 0.7,
    "filter_scheduler.cpu_allocation_ratio": 2.0,
}
IMAGES = {"a": {"os": "linux", "hw_vm_mode": "hvm"}, "b": {"os": "bsd"}, "c": {}}


def values(host, key):
    return [one.metadata[key] for one in host.aggregates if key in one.metadata]


def least(host, key, default, kind=float):
    try:
        return min((kind(one) for one in values(host, key)), default=default)
    except ValueError:
        return default


def words(texts):
    return [word.strip() for text in texts for word in text.split(",")]


def ram(host, spec, ratio):
    used = host.total_usable_ram_mb - host.free_ram_mb
    return host.total_usable_ram_mb * ratio - used >= spec.flavor.memory_mb


def core(host, spec, ratio):
    return not host.vcpus_total or host.vcpus_total * ratio - host.vcpus_used >= spec.flavor.vcpus


def disk(host, spec, ratio):
    total = host.total_usable_disk_gb * 1024
    asked = 1024 * (spec.flavor.root_gb + spec.flavor.ephemeral_gb) + spec.flavor.swap
    return total * ratio - (total - host.free_disk_mb) >= asked


def compute(host, spec):
    service = host.service
    seen = service["last_seen_up"]
    return (not service["disabled"] and not service["forced_down"] and seen is not None
            and (host._hosts.now.item() - seen).total_seconds() <= NOW_DOWN)


def capabilities(host, spec):
    for key, wanted in spec.flavor.extra_specs.items():
        scope, *path = key.split(":")
        if not path:
            if not hasattr(host, scope) and scope not in host.stats:
                continue
            path = [scope]
        elif scope != "capabilities":
            continue
        value = getattr(host, path[0], None)
        value = host.stats.get(path[0]) if value is None else value
        for part in path[1:]:
            value = (json.loads(value) if isinstance(value, str) else value or {}).get(part)
        if value is None or not extra_specs.match(str(value), wanted):
            return False
    return True


def aggregate_specs(host, spec):
    for key, wanted in spec.flavor.extra_specs.items():
        scope, *path = key.split(":", 1)
        if path and scope != "aggregate_instance_extra_specs":
            continue
        if not any(extra_specs.match(value, wanted) for value in words(values(host, path[0] if path else scope))):
            return False
    return True


def image_properties(host, spec):
    properties = spec.image_properties
    wanted = [properties[key] for key in ("hw_architecture", "img_hv_type", "hw_vm_mode") if key in properties]
    if not wanted:
        return True
    required = properties.get("img_hv_requested_version")
    return any(all(one in kind for one in wanted) for kind in host.supported_instances) and (
        not required or satisfies(host.hypervisor_version, required))


def isolated(host, spec):
    is_host, is_image = host.host in ("cmp-1", "cmp-4"), spec.image.get("id") == "a"
    return is_host == is_image


def cidr(host, spec):
    near = spec.get_scheduler_hint("build_near_host_ip")
    return not near or ipaddress.ip_address(host.host_ip) in ipaddress.ip_network(f"{near}/24", strict=False)


def tenants(host, spec):
    named = words(value for one in host.aggregates for key, value in one.metadata.items()
                  if key.startswith("filter_tenant_id"))
    return not named or spec.project_id in named


def image_isolation(host, spec):
    return all(not values(host, key) or value in words(values(host, key))
               for key, value in spec.image_properties.items())


def hinted(host, spec, hint):
    return host.host in [spec.instance_hosts.get(uuid) for uuid in spec.hinted(hint)]


def group(host, spec):
    return spec.group_hosts.get(host.host, 0)


PLAIN = {
    "AllHostsFilter": lambda host, spec: True,
    "RetryFilter": lambda host, spec: (host.host, host.nodename) not in spec.tried_hosts,
    "AvailabilityZoneFilter": lambda host, spec: (
        not spec.availability_zone or spec.availability_zone in (values(host, "availability_zone") or ["nova"])),
    "ComputeFilter": compute,
    "ComputeCapabilitiesFilter": capabilities,
    "RamFilter": lambda host, spec: ram(host, spec, 1.5),
    "AggregateRamFilter": lambda host, spec: ram(host, spec, least(host, "ram_allocation_ratio", 1.5)),
    "CoreFilter": lambda host, spec: core(host, spec, 2.0),
    "AggregateCoreFilter": lambda host, spec: core(host, spec, least(host, "cpu_allocation_ratio", 2.0)),
    "DiskFilter": lambda host, spec: disk(host, spec, 1.0),
    "AggregateDiskFilter": lambda host, spec: disk(host, spec, least(host, "disk_allocation_ratio", 1.0)),
    "IoOpsFilter": lambda host, spec: host.num_io_ops < 2,
    "AggregateIoOpsFilter": lambda host, spec: host.num_io_ops < least(host, "max_io_ops_per_host", 2, int),
    "NumInstancesFilter": lambda host, spec: len(host.instances) < 3,
    "AggregateNumInstancesFilter": lambda host, spec: (
        len(host.instances) < least(host, "max_instances_per_host", 3, int)),
    "ImagePropertiesFilter": image_properties,
    "ServerGroupAntiAffinityFilter": lambda host, spec: (
        spec.group_policy != "anti-affinity" or group(host, spec) < spec.max_server_per_host
        or host.host == spec.own_host),
    "ServerGroupAffinityFilter": lambda host, spec: (
        spec.group_policy != "affinity" or not spec.group_hosts or group(host, spec) > 0),
    "GroupAntiAffinityFilter": lambda host, spec: (
        spec.group_policy != "legacy" or group(host, spec) < 1 or host.host == spec.own_host),
    "GroupAffinityFilter": lambda host, spec: (
        spec.group_policy != "legacy" or not spec.group_hosts or group(host, spec) > 0),
    "DifferentHostFilter": lambda host, spec: not hinted(host, spec, "different_host"),
    "SameHostFilter": lambda host, spec: not spec.hinted("same_host") or hinted(host, spec, "same_host"),
    "SimpleCIDRAffinityFilter": cidr,
    "IsolatedHostsFilter": isolated,
    "MetricsFilter": lambda host, spec: {"idle", "temp"} <= host.metrics.keys(),
    "TypeAffinityFilter": lambda host, spec: all(
        server.instance_type_id == spec.flavor.id for server in host.instances.values()),
    "AggregateTypeAffinityFilter": lambda host, spec: (
        not values(host, "instance_type") or spec.flavor.name in words(values(host, "instance_type"))),
    "AggregateInstanceExtraSpecsFilter": aggregate_specs,
    "AggregateMultiTenancyIsolation": tenants,
    "AggregateImagePropertiesIsolation": image_isolation,
    "NUMATopologyFilter": lambda host, spec: "hw:numa_nodes" not in spec.flavor.extra_specs,
    "PciPassthroughFilter": lambda host, spec: "pci_passthrough:alias" not in spec.flavor.extra_specs,
    "TrustedFilter": lambda host, spec: spec.flavor.extra_specs.get("trust:trusted_host", "unknown") == "unknown",
}


def measured(host, spec):
    if not {"idle", "temp"} <= host.metrics.keys():
        return -10000.0
    return host.metrics["idle"] * 1.5 + host.metrics["temp"] * -1


def likeness(host, spec):
    return sum(spec.image_properties.get(key) == value for server in host.instances.values()
               for key, value in IMAGES.get(server.image_ref, {}).items())


# name -> (raw value, declared minimum, multiplier, key of aggregates)
WEIGHERS = {
    "RAMWeigher": (lambda host, spec: host.free_ram_mb, 0, 1.0, "ram_weight_multiplier"),
    "CPUWeigher": (lambda host, spec: host.vcpus_total * 2.0 - host.vcpus_used, 0, 1.0, "cpu_weight_multiplier"),
    "DiskWeigher": (lambda host, spec: host.free_disk_mb, 0, 1.0, "disk_weight_multiplier"),
    "IoOpsWeigher": (lambda host, spec: host.num_io_ops, 0, -1.0, "io_ops_weight_multiplier"),
    "MetricsWeigher": (measured, None, 1.0, "metrics_weight_multiplier"),
    "ServerGroupSoftAffinityWeigher": (
        lambda host, spec: group(host, spec) * (spec.group_policy == "soft-affinity"), None, 1.0,
        "soft_affinity_weight_multiplier"),
    "ServerGroupSoftAntiAffinityWeigher": (
        lambda host, spec: -group(host, spec) * (spec.group_policy == "soft-anti-affinity"), None, 1.0,
        "soft_anti_affinity_weight_multiplier"),
    "PCIWeigher": (lambda host, spec: 0, None, 1.0, "none"),
    "CrossCellWeigher": (lambda host, spec: 0, None, 1e6, "none"),
    "BuildFailureWeigher": (lambda host, spec: host.failed_builds, None, -1e6, "none"),
    "HypervisorVersionWeigher": (lambda host, spec: host.hypervisor_version, None, 1.0, "none"),
    "NumInstancesWeigher": (lambda host, spec: len(host.instances), None, -0.5, "none"),
    "ImagePropertiesWeigher": (likeness, None, 0.7, "none"),
}


def weights_of(names, hosts, spec):
    total = [0.0] * len(hosts)
    for name in names:
        raw_of, minval, multiplier, key = WEIGHERS[name]
        raw = [raw_of(host, spec) for host in hosts]
        raw = [max(one, minval) for one in raw] if minval is not None else raw
        low, high = min(raw) if minval is None else minval, max(raw)
        for place, host in enumerate(hosts):
            normalized = 0.0 if high == low else (raw[place] - low) / (high - low)
            total[place] += least(host, key, multiplier) * normalized
    return total


# What cannot change while a request is worked on is asked for its first server only (spec 7.4).
ONCE = {"AllHostsFilter", "AvailabilityZoneFilter", "ComputeFilter", "ComputeCapabilitiesFilter",
        "ImagePropertiesFilter", "IsolatedHostsFilter", "DifferentHostFilter", "SameHostFilter",
        "SimpleCIDRAffinityFilter", "AggregateTypeAffinityFilter", "AggregateInstanceExtraSpecsFilter",
        "AggregateMultiTenancyIsolation", "AggregateImagePropertiesIsolation"}


def reference(hosts, spec, filter_names, weigher_names):
    """The host of each server, each with the room that the ones before it left; none when not all find one."""
    left, found = list(range(len(hosts))), []
    for number, uuid in enumerate(spec.instance_uuids):
        asked = [PLAIN[name] for name in filter_names if not (number and name in ONCE)]
        left = [row for row in left if all(passes(hosts.state(row), spec) for passes in asked)]
        if not left:
            return []
        weights = weights_of(weigher_names, [hosts.state(row) for row in left], spec)
        row = left[weights.index(max(weights))]
        host = hosts.hosts[row]
        hosts.consume(row, spec.flavor, Resident(
            uuid, host, host, spec.project_id, spec.flavor.id, spec.image.get("id"), "building", None, None))
        spec.group_hosts = spec.group_hosts | {host: spec.group_hosts.get(host, 0) + 1}
        found.append(host)
    return found


HOSTS = [f"cmp-{number}" for number in range(1, 9)]
HOST = st.fixed_dictionaries({
    "memory_mb": st.sampled_from([0, 1000, 4096]), "memory_mb_used": st.integers(0, 5000),
    "vcpus": st.integers(0, 4), "vcpus_used": st.integers(0, 9), "local_gb": st.integers(0, 60),
    "local_gb_used": st.integers(0, 60), "disabled": st.sampled_from([False, False, True]),
    "silent": st.sampled_from([0, 60, 61]),
    "host_ip": st.sampled_from(["10.0.0.1", "10.0.1.1"]), "hypervisor_version": st.sampled_from([1000, 2001000]),
    "hypervisor_type": st.sampled_from(["kvm", "xen"]), "cpu_info": st.sampled_from(["{}", '{"vendor": "a"}']),
    "supported_instances": st.sampled_from(["[]", '[["x86_64", "kvm", "hvm"]]', '[["i686", "xen", "xen"]]']),
    "metrics": st.sampled_from([None, '[{"name": "idle", "value": 3}]',
                                '[{"name": "idle", "value": 5}, {"name": "temp", "value": 2}]']),
    "stats": st.sampled_from([None, '{"failed_builds": 2, "gpu": "1"}'])})
METADATA = st.dictionaries(st.sampled_from([
    "ram_allocation_ratio", "cpu_allocation_ratio", "disk_allocation_ratio", "max_io_ops_per_host",
    "max_instances_per_host", "ram_weight_multiplier", "io_ops_weight_multiplier"]),
    st.sampled_from(["1", "2", "0", "1.5", "many"]), max_size=3).flatmap(
    lambda numbers: st.fixed_dictionaries({}, optional={
        "instance_type": st.sampled_from(["f", "g, f", "h"]), "filter_tenant_id": st.sampled_from(["p", "q, r"]),
        "filter_tenant_id_2": st.just("p"), "os": st.sampled_from(["linux", "bsd, linux"]),
        "ssd": st.sampled_from(["true", "false, 3"])}).map(lambda others: numbers | others))
AGGREGATES = st.lists(st.tuples(st.frozensets(st.integers(1, 8), max_size=4).map(sorted), METADATA), max_size=3)
SERVERS = st.lists(st.tuples(st.integers(1, 8), st.fixed_dictionaries({
    "vm_state": st.sampled_from(["active", "building", "error"]), "instance_type_id": st.sampled_from([0, 7]),
    "task_state": st.sampled_from([None, "resize_prep"]), "image_ref": st.sampled_from([None, "a", "b"]),
    "project_id": st.sampled_from(["p", "q"])})), max_size=12)
NAMES = st.frozensets(st.sampled_from(HOSTS), max_size=3)
ASKED = st.fixed_dictionaries({
    "memory_mb": st.integers(0, 2500), "vcpus": st.integers(0, 5), "root_gb": st.integers(0, 30),
    "swap": st.integers(0, 1100), "project_id": st.sampled_from(["p", "q"]),
    "availability_zone": st.sampled_from([None, "nova", "east"]),
    "tried_hosts": NAMES.map(lambda names: frozenset((name, name) for name in names)),
    "group_policy": st.sampled_from([None, "affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity",
                                     "legacy"]),
    "own_host": st.sampled_from([None, "cmp-1"]),
    "group_hosts": st.dictionaries(st.sampled_from(HOSTS), st.integers(1, 3), max_size=3),
    "image": st.one_of(st.just({}), st.builds(
        lambda id_, properties: {"id": id_, "properties": properties}, st.sampled_from(["a", "b"]),
        st.fixed_dictionaries({}, optional={
            "os": st.sampled_from(["linux", "bsd"]), "hw_architecture": st.sampled_from(["x86_64", "i686"]),
            "hw_vm_mode": st.sampled_from(["hvm", "xen"]),
            "img_hv_requested_version": st.sampled_from([">=1.1", "<2"])}))),
    "scheduler_hints": st.fixed_dictionaries({}, optional={
        "build_near_host_ip": st.just("10.0.0.9"), "same_host": st.just("s1"),
        "different_host": st.just(["s1", "s2"])}),
    "instance_hosts": st.fixed_dictionaries({"s1": st.sampled_from(HOSTS), "s2": st.sampled_from(HOSTS)}),
    "extra_specs": st.dictionaries(st.sampled_from([
        "capabilities:hypervisor_type", "capabilities:free_ram_mb", "capabilities:cpu_info:vendor", "capabilities:gpu",
        "hypervisor_type", "gpu", "ssd", "aggregate_instance_extra_specs:ssd", "hw:numa_nodes", "trust:trusted_host",
        "pci_passthrough:alias", "capabilities:num_instances"]),
        st.sampled_from(["kvm", "a", "1", ">= 1000", "<or> xen <or> kvm", "true", "unknown", "<in> v"]), max_size=2)})
ZONES = NAMES.map(lambda names: dict.fromkeys(names, "east"))
FLEET = st.fixed_dictionaries({"hosts": st.lists(HOST, min_size=1, max_size=8), "aggregates": AGGREGATES,
                               "servers": SERVERS, "zones": ZONES})


@pytest.fixture(scope="module")
def conf(make_conf):
    return make_conf(OPTIONS)


@pytest.fixture(scope="session")
def build(make_fleet):
    def call(fleet):
        count = len(fleet["hosts"])
        hosts = make_fleet(*fleet["hosts"], zones=fleet["zones"], aggregates=fleet["aggregates"],
                           servers=[(number, server) for number, server in fleet["servers"] if number <= count])
        hosts.residents.image_properties = dict(IMAGES)
        return hosts, [hosts.state(row) for row in range(count)]
    return call


def test_each_filter_and_weigher_has_its_plain_form():
    assert {one.name for one in filters.ALL if getattr(one, "run_filter_once_per_request", False)} == ONCE
    assert {one.name for one in filters.ALL} - {"JsonFilter"} == PLAIN.keys()     # that one is plain itself
    assert {one.name for one in weighers.ALL} == WEIGHERS.keys()


@settings(deadline=None, max_examples=300)
@given(fleet=FLEET, asked=ASKED)
def test_each_filter_agrees(conf, make_request, passing, build, fleet, asked):
    hosts, states = build(fleet)
    spec = make_request(**asked)
    for made in filters.ALL:
        if made.name in PLAIN:
            got = passing(made(conf), hosts, spec)
            assert got == [bool(PLAIN[made.name](state, spec)) for state in states], made.name


@settings(deadline=None, max_examples=200)
@given(fleet=FLEET, asked=ASKED)
def test_each_weigher_agrees(conf, make_request, build, fleet, asked):
    hosts, states = build(fleet)
    spec, rows = make_request(**asked), np.arange(len(hosts))
    for made in weighers.ALL:
        raw = made(conf).raw(hosts, spec, rows)
        expected = [WEIGHERS[made.name][0](state, spec) for state in states]
        if raw is None:     # it tells no difference
            assert len({*expected}) == 1, made.name
        else:
            assert raw.tolist() == expected, made.name


@settings(deadline=None, max_examples=300)
@given(fleet=FLEET, asked=ASKED, servers=st.integers(1, 3), data=st.data())
def test_the_choice_is_the_reference(conf, make_request, build, fleet, asked, servers, data):
    known = [one for one in filters.ALL if one.name in PLAIN]
    chosen = data.draw(st.lists(st.sampled_from(known), max_size=6, unique=True))
    weighing = data.draw(st.lists(st.sampled_from(weighers.ALL), max_size=6, unique=True))
    expected = reference(build(fleet)[0], make_request(**asked, servers=servers), [one.name for one in chosen],
                         [one.name for one in weighing])
    decision = Pipeline([one(conf) for one in chosen], [one(conf) for one in weighing], 1, random.Random(1)).decide(
        build(fleet)[0], make_request(**asked, servers=servers))
    assert [one.host for one in decision.selections] == expected

