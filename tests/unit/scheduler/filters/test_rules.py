"""Each rule of spec 7.5 that says yes or no by what a host has, at its boundaries: one row a case."""

import pytest

from novasim.scheduler import filters

IN_2 = {"vm_state": "active"}
BUSY = {"vm_state": "building"}
XEN = {"supported_instances": '[["x86_64", "xen", "hvm"], ["i686", "xen", "xen"]]', "hypervisor_version": 4002001}
KVM = {"supported_instances": '[["x86_64", "kvm", "hvm"]]', "hypervisor_version": 1000}
NONE = {"supported_instances": ""}
IMAGE = {"id": "img", "properties": {}}
METRICS = {"metrics": '[{"name": "cpu.percent", "value": 10}, {"name": "cpu.idle", "value": 1}]'}


def image(**properties):
    return {"image": IMAGE | {"properties": properties}}


def specs(**wanted):
    return {"extra_specs": {key.replace("__", ":"): value for key, value in wanted.items()}}


def hints(**given):
    return {"scheduler_hints": given}


# (filter, options, hosts, the rest of the fleet, request, the numbers of the hosts that pass)
CASES = [
    ("AllHostsFilter", {}, [{}, {"disabled": True}], {}, {}, [1, 2]),
    # io_ops and num_instances: fewer than the number
    ("IoOpsFilter", {"max_io_ops_per_host": 2}, [{}] * 3, {"servers": [(1, BUSY), (2, BUSY), (2, BUSY), (3, IN_2)]},
     {}, [1, 3]),
    *(("IoOpsFilter", {"max_io_ops_per_host": 1}, [{}] * 2, {"servers": [(1, {"task_state": task})]}, {}, [2])
      for task in ("resize_migrating", "rebuilding", "resize_prep", "image_snapshot", "image_backup")),
    *(("IoOpsFilter", {"max_io_ops_per_host": 1}, [{}] * 2, {"servers": [(1, {"task_state": task})]}, {}, [1, 2])
      for task in (None, "resize_finish", "rebooting")),
    ("IoOpsFilter", {"max_io_ops_per_host": 0}, [{}], {"servers": []}, {}, []),
    ("AggregateIoOpsFilter", {"max_io_ops_per_host": 1}, [{}] * 4,
     {"servers": [(number, BUSY) for number in (1, 2, 3, 4)],
      "aggregates": [((1, 2), {"max_io_ops_per_host": "2"}), ((2,), {"max_io_ops_per_host": "1"}),
                     ((3,), {"max_io_ops_per_host": "2.5"})]}, {}, [1]),
    ("NumInstancesFilter", {"max_instances_per_host": 2}, [{}] * 3, {"servers": [(1, IN_2), (2, IN_2), (2, BUSY)]},
     {}, [1, 3]),
    ("AggregateNumInstancesFilter", {"max_instances_per_host": 1}, [{}] * 3,
     {"servers": [(1, IN_2), (2, IN_2)], "aggregates": [((1,), {"max_instances_per_host": "2"})]}, {}, [1, 3]),
    # flavors
    ("TypeAffinityFilter", {}, [{}] * 3, {"servers": [(1, {"instance_type_id": 0}), (2, {"instance_type_id": 7}),
                                                      (2, {"instance_type_id": 0})]}, {}, [1, 3]),
    ("AggregateTypeAffinityFilter", {}, [{}] * 4,
     {"aggregates": [((1, 2), {"instance_type": "x"}), ((2,), {"instance_type": "y, f"}), ((3,), {"other": "x"})]},
     {}, [2, 3, 4]),
    # the groups of before there were policies
    ("GroupAffinityFilter", {}, [{}] * 2, {}, {"group_policy": "legacy", "group_hosts": {"cmp-2": 1}}, [2]),
    ("GroupAffinityFilter", {}, [{}] * 2, {}, {"group_policy": "affinity", "group_hosts": {"cmp-2": 1}}, [1, 2]),
    ("GroupAntiAffinityFilter", {}, [{}] * 2, {}, {"group_policy": "legacy", "group_hosts": {"cmp-2": 1}}, [1]),
    # addresses
    *(("SimpleCIDRAffinityFilter", {}, [{"host_ip": "10.0.0.5"}, {"host_ip": "10.0.1.5"}, {"host_ip": "fd00::5"}], {},
       hints(**given), passes) for given, passes in (
        ({}, [1, 2, 3]), ({"cidr": "/8"}, [1, 2, 3]), ({"build_near_host_ip": "10.0.0.77"}, [1]),
        ({"build_near_host_ip": "10.0.0.77", "cidr": "/16"}, [1, 2]),
        ({"build_near_host_ip": ["10.0.0.77"], "cidr": ["/255.255.0.0"]}, [1, 2]),
        ({"build_near_host_ip": "fd00::1", "cidr": "/64"}, [3]),
        ({"build_near_host_ip": "nowhere"}, []), ({"build_near_host_ip": "10.0.0.77", "cidr": "/99"}, []))),
    # isolated hosts: cmp-1 is isolated
    *(("IsolatedHostsFilter", {"isolated_hosts": ["cmp-1"], "isolated_images": images,
                               "restrict_isolated_hosts_to_isolated_images": restrict}, [{}] * 2, {}, image(), passes)
      for images, restrict, passes in (
          ([], True, [2]), ([], False, [1, 2]), (["img"], True, [1]), (["img"], False, [1]),
          (["else"], True, [2]), (["else"], False, [1, 2]))),
    ("IsolatedHostsFilter", {"isolated_hosts": ["cmp-1"], "isolated_images": ["img"]}, [{}] * 2, {}, {}, [2]),
    # what the image needs
    *(("ImagePropertiesFilter", {"image_properties_default_architecture": default}, [XEN, KVM, NONE], {},
       image(**properties), passes) for default, properties, passes in (
        (None, {}, [1, 2, 3]), (None, {"os_type": "linux"}, [1, 2, 3]), (None, {"architecture": "x86_64"}, [1, 2]),
        (None, {"hw_architecture": "amd64"}, [1, 2]), (None, {"architecture": "i386"}, [1]),
        (None, {"img_hv_type": "xapi"}, [1]), (None, {"img_hv_type": "baremetal"}, []),
        (None, {"hw_vm_mode": "baremetal"}, [1, 2]),
        (None, {"architecture": "ppc64"}, []), (None, {"img_hv_type": "xen"}, [1]),
        (None, {"hw_vm_mode": "hv"}, [1, 2]),
        (None, {"architecture": "i686", "vm_mode": "hvm"}, []),
        (None, {"hypervisor_type": "kvm", "vm_mode": "hvm"}, [2]),
        (None, {"img_hv_requested_version": ">=9"}, [1, 2, 3]),      # alone it does not count
        (None, {"hw_vm_mode": "hvm", "img_hv_requested_version": ">=4.2.1"}, [1]),
        (None, {"hw_vm_mode": "hvm", "hypervisor_version_requires": ">4.2.1"}, []),
        (None, {"hw_vm_mode": "hvm", "hypervisor_version_requires": ">=1.0, <4.2.1"}, [2]),
        (None, {"hw_vm_mode": "hvm", "hypervisor_version_requires": "!=1.0"}, [1]),
        (None, {"hw_vm_mode": "hvm", "hypervisor_version_requires": "new"}, []),
        ("x86_64", {}, [1, 2]), ("i686", {}, [1]), ("i686", {"hw_architecture": "x86_64"}, [1, 2]))),
    ("ImagePropertiesFilter", {}, [KVM | {"hypervisor_version": 0}], {},
     image(hw_vm_mode="hvm", img_hv_requested_version=">=9"), [1]),
    *(("AggregateImagePropertiesIsolation", {"aggregate_image_properties_isolation_namespace": namespace}, [{}] * 4,
       {"aggregates": [((1, 2), {"os": "linux"}), ((2,), {"os": "windows, bsd"}), ((3,), {"my.os": "linux"})]},
       image(**properties), passes) for namespace, properties, passes in (
        (None, {}, [1, 2, 3, 4]), (None, {"os": "linux"}, [1, 2, 3, 4]), (None, {"os": "bsd"}, [2, 3, 4]),
        (None, {"os": "mac"}, [3, 4]), (None, {"os": ""}, [1, 2, 3, 4]),
        (None, {"my.os": "bsd"}, [1, 2, 4]), ("my", {"os": "mac"}, [1, 2, 3, 4]),
        ("my", {"my.os": "mac"}, [1, 2, 4]))),
    # what the flavor wants of a host
    *(("ComputeCapabilitiesFilter", {}, [
        {"vcpus": 8, "cpu_info": '{"vendor": "a", "topology": {"cores": 4}}', "hypervisor_type": "kvm",
         "stats": '{"gpu": "2"}'}, {"vcpus": 4, "cpu_info": "{}", "hypervisor_type": "xen"}],
       {"servers": [(2, {"project_id": "p"})]}, specs(**wanted), passes) for wanted, passes in (
        ({}, [1, 2]), ({"capabilities__hypervisor_type": "kvm"}, [1]), ({"hypervisor_type": "xen"}, [2]),
        ({"capabilities__vcpus_total": ">= 8"}, [1]), ({"capabilities__vcpus_total": "= 4"}, [1, 2]),
        ({"capabilities__cpu_info__vendor": "a"}, [1]), ({"capabilities__cpu_info__topology__cores": ">= 4"}, [1]),
        ({"capabilities__cpu_info__topology__cores__x": "1"}, []), ({"capabilities__nothing": "1"}, []),
        ({"nothing": "1"}, [1, 2]), ({"gpu": ">= 2"}, [1, 2]), ({"gpu": ">= 3"}, [2]),
        ({"capabilities__gpu": "2"}, [1]),
        ({"other__hypervisor_type": "no"}, [1, 2]), ({"capabilities__num_proj_p": ">= 1"}, [2]),
        ({"capabilities__num_instances": "0"}, [1]),
        ({"capabilities__hypervisor_type": "kvm", "capabilities__vcpus_total": "<= 4"}, []))),
    # a condition of the user's
    *(("JsonFilter", {}, [{"memory_mb": 1000, "local_gb": 10}, {"memory_mb": 2000, "local_gb": 5}], {}, hints(**given),
       passes) for given, passes in (
        ({}, [1, 2]), ({"query": "[]"}, [1, 2]), ({"query": '[">=", "$free_ram_mb", 2000]'}, [2]),
        ({"query": '["<", "$free_ram_mb", 2000]'}, [1]), ({"query": '["=", "$host", "cmp-1"]'}, [1]),
        ({"query": '["in", "$host", "cmp-2", "cmp-3"]'}, [2]), ({"query": '["not", ["=", "$host", "cmp-2"]]'}, [1]),
        ({"query": '["or", ["=", "$host", "cmp-1"], [">", "$free_ram_mb", 1999]]'}, [1, 2]),
        ({"query": '["and", ["=", "$host", "cmp-1"], [">", "$free_ram_mb", 1999]]'}, []),
        ({"query": '["=", "$nothing", "x"]'}, []), ({"query": '["=", "$service.disabled", false]'}, [1, 2]),
        ({"query": '["=", "$service.disabled.x", false]'}, []), ({"query": '["<", "$host", 5]'}, []),
        ({"query": '["in", "$host", "", "cmp-1"]'}, [1]), ({"query": '["=", "", ""]'}, []),
        ({"query": "no list"}, []), ({"query": '["like", "$host", "cmp"]'}, []), ({"query": '["=", 1]'}, []),
        ({"query": '["<=", 1, 1, 2]'}, [1, 2]), ({"query": '["<=", 2, 3, 1]'}, []),
        ({"query": '["=", "$_hosts", "$_hosts"]'}, []))),
    # measurements: those of the weigher
    ("MetricsFilter", {"metrics.weight_setting": ["cpu.percent=1"]}, [METRICS, {}], {}, {}, [1]),
    ("MetricsFilter", {"metrics.weight_setting": ["cpu.percent=1", "cpu.frequency=1"]}, [METRICS, {}], {}, {}, []),
    ("MetricsFilter", {"metrics.weight_setting": ["cpu.frequency", "cpu.frequency=fast"]}, [METRICS, {}], {}, {},
    [1, 2]),
    # what simulated hosts do not have
    *(("NUMATopologyFilter", {}, [{}], {}, asked, passes) for asked, passes in (
        ({}, [1]), (specs(hw__numa_nodes="1"), []), (specs(hw__cpu_policy="shared"), [1]),
        (specs(hw__cpu_policy="dedicated"), []), (image(hw_mem_page_size="large"), []),
        (specs(hw__cpu_cores="2"), [1]))),
    ("PciPassthroughFilter", {}, [{}], {}, {}, [1]),
    ("PciPassthroughFilter", {}, [{}], {}, specs(pci_passthrough__alias="gpu:1"), []),
    ("TrustedFilter", {}, [{}], {}, {}, [1]),
    ("TrustedFilter", {}, [{}], {}, specs(trust__trusted_host="trusted"), []),
    ("TrustedFilter", {}, [{}], {}, specs(trust__trusted_host="unknown"), [1]),
]


@pytest.fixture
def make_filter(make_conf):
    def make(name, options):
        full = {key if "." in key else f"filter_scheduler.{key}": value for key, value in options.items()}
        return filters.load(make_conf(full | {"filter_scheduler.enabled_filters": [name]}))[0]
    return make


@pytest.mark.parametrize(("name", "options", "hosts", "fleet", "asked", "numbers"), CASES)
def test_rule(make_filter, make_fleet, make_request, passing, name, options, hosts, fleet, asked, numbers):
    one, fleet, spec = make_filter(name, options), make_fleet(*hosts, **fleet), make_request(**asked)
    if hasattr(one, "applies"):
        got = [not one.applies(spec) or one.host_passes(fleet.state(row), spec) for row in range(len(fleet))]
    else:
        got = passing(one, fleet, spec)
    assert [number for number, passes in enumerate(got, start=1) if passes] == numbers
    for row, passes in enumerate(got):      # who drops a host can say why
        if not passes:
            assert one.reason(fleet, spec, row)


@pytest.mark.parametrize(("name", "fleet", "asked", "reason"), [
    ("IoOpsFilter", {"servers": [(1, BUSY)]}, {}, "1 servers keep its disk busy"),
    ("TypeAffinityFilter", {"servers": [(1, {"instance_type_id": 7})]}, {}, "has 1 servers of other flavors"),
    ("ComputeCapabilitiesFilter", {}, specs(capabilities__vcpus_total=">= 9"), "its vcpus_total is 4, not >= 9"),
    ("ComputeCapabilitiesFilter", {}, specs(capabilities__cpu_info__arch="a"), "it has no cpu_info:arch"),
    ("SimpleCIDRAffinityFilter", {}, hints(build_near_host_ip="10.0.0.1"),
     "its address 127.0.0.1 is not in 10.0.0.0/24"),
    ("AggregateImagePropertiesIsolation", {"aggregates": [((1,), {"os": "linux"})]}, image(os="bsd"),
     "its aggregates want another os than bsd"),
    ("ImagePropertiesFilter", {}, image(hw_architecture="ppc64"), "the image needs ppc64, it runs [], version 1000"),
])
def test_reason(make_filter, make_fleet, make_request, name, fleet, asked, reason):
    assert make_filter(name, {}).reason(make_fleet({}, **fleet), make_request(**asked), 0) == reason


def test_every_filter_has_a_test(request):
    tested = {case[0] for case in CASES}
    texts = [path.read_text() for path in request.path.parent.glob("test_*.py") if path != request.path]
    tested |= {made.name for made in filters.ALL if any(f"import {made.name}" in text for text in texts)}
    assert {made.name for made in filters.ALL} - tested == set()
