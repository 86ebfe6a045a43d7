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


def group(policy, others, **more):
    return {"group_policy": policy, "group_hosts": others} | more


LIVE = {"instance_hosts": {"u1": "cmp-1", "u2": "cmp-2", "elsewhere": "gone"}}

# (filter, options, hosts, the rest of the fleet, request, the numbers of the hosts that pass)
CASES = [
    # hosts that were tried: the node counts too
    *(("RetryFilter", {}, [{"host": "a"}, {"host": "b", "hypervisor_hostname": "n1"},
                           {"host": "b", "hypervisor_hostname": "n2"}], {}, {"tried_hosts": frozenset(tried)}, passes)
      for tried, passes in (
        ([], [1, 2, 3]), ([("a", "a")], [2, 3]), ([("a", "a"), ("b", "n1")], [3]), ([("b", "n2")], [1, 2]),
        ([("a", "n1"), ("gone", "gone")], [1, 2, 3]))),
    # zones: cmp-4 has none
    *(("AvailabilityZoneFilter", {"DEFAULT.default_availability_zone": default}, [{}] * 4,
       {"zones": {"cmp-1": "east", "cmp-2": "west", "cmp-3": "nova"}}, {"availability_zone": asked}, passes)
      for asked, default, passes in (
        (None, "nova", [1, 2, 3, 4]), ("", "nova", [1, 2, 3, 4]), ("east", "nova", [1]), ("nova", "nova", [3, 4]),
        ("nova", "elsewhere", [3]), ("elsewhere", "elsewhere", [4]), ("nowhere", "nova", []), ("EAST", "nova", []))),
    # services: cmp-7's clock is ahead
    ("ComputeFilter", {}, [{}, {"silent": 60}, {"silent": 60.000001}, {"silent": None}, {"disabled": True},
                           {"forced_down": True}, {"silent": -5}], {}, {}, [1, 2, 7]),
    # a down time below the report interval is raised
    ("ComputeFilter", {"DEFAULT.service_down_time": 5, "DEFAULT.report_interval": 10}, [{"silent": 25}, {"silent": 26}],
     {}, {}, [1]),
    # where other servers are
    *(("SameHostFilter", {}, [{}] * 3, {}, hints(same_host=hint) | LIVE, passes) for hint, passes in (
        (None, [1, 2, 3]), ([], [1, 2, 3]), ("u1", [1]), (["u1", "u2"], [1, 2]), (["unknown", "u2"], [2]),
        (["unknown"], []))),
    *(("DifferentHostFilter", {}, [{}] * 3, {}, hints(different_host=hint) | LIVE, passes) for hint, passes in (
        (None, [1, 2, 3]), ([], [1, 2, 3]), ("u1", [2, 3]), (["u1", "u2"], [3]), (["unknown"], [1, 2, 3]),
        (["elsewhere"], [1, 2, 3]))),
    *(("ServerGroupAffinityFilter", {}, [{}] * 3, {}, group(policy, others), passes) for policy, others, passes in (
        ("affinity", {}, [1, 2, 3]),                                    # the first of its group
        ("affinity", {"cmp-2": 1}, [2]), ("affinity", {"cmp-2": 3, "cmp-3": 1}, [2, 3]), ("affinity", {"gone": 1}, []),
        ("anti-affinity", {"cmp-2": 1}, [1, 2, 3]), ("soft-affinity", {"cmp-2": 1}, [1, 2, 3]), (None, {}, [1, 2, 3]))),
    *(("ServerGroupAntiAffinityFilter", {}, [{}] * 3, {}, group(policy, others, **more), passes)
      for policy, others, more, passes in (
        ("anti-affinity", {}, {}, [1, 2, 3]), ("anti-affinity", {"cmp-2": 1, "gone": 4}, {}, [1, 3]),
        ("anti-affinity", {"cmp-1": 3, "cmp-2": 2, "cmp-3": 4}, {"max_server_per_host": 3}, [2]),
        ("anti-affinity", {"cmp-1": 1, "cmp-2": 1}, {"own_host": "cmp-2"}, [2, 3]),     # where it is itself
        ("affinity", {"cmp-2": 1}, {}, [1, 2, 3]), ("soft-anti-affinity", {"cmp-2": 1}, {}, [1, 2, 3]),
        (None, {}, {}, [1, 2, 3]))),
    ("ServerGroupAntiAffinityFilter", {}, [{"host": "a", "hypervisor_hostname": "n1"},
                                           {"host": "a", "hypervisor_hostname": "n2"}, {}], {},
     group("anti-affinity", {"a": 1}), [3]),                            # both nodes of a host are the host
    # projects: cmp-1 is for p and q, cmp-2 for r and by a second aggregate p, cmp-3 for nobody, cmp-4 for everybody
    *(("AggregateMultiTenancyIsolation", {}, [{}] * 4, {"aggregates": [
        ((1,), {"filter_tenant_id": "p, q"}), ((2,), {"filter_tenant_id": "r"}), ((2,), {"filter_tenant_id_2": "p"}),
        ((3,), {"filter_tenant_id": ""}), ((4,), {"disk": "ssd"})]}, {"project_id": project}, passes)
      for project, passes in (("p", [1, 2, 4]), ("q", [1, 4]), ("r", [2, 4]), ("s", [4]), (None, [4]))),
    # what flavors want of aggregates: cmp-1 has two speeds, cmp-2 a list, cmp-3 is in none
    *(("AggregateInstanceExtraSpecsFilter", {}, [{}] * 3, {"aggregates": [
        ((1,), {"disk": "ssd", "speed": "10"}), ((1,), {"speed": "30"}), ((2,), {"disk": "hdd, tape"})]},
       {"extra_specs": wanted}, passes) for wanted, passes in (
        ({}, [1, 2, 3]), ({"disk": "ssd"}, [1]), ({"disk": "tape"}, [2]),
        ({"aggregate_instance_extra_specs:disk": "hdd"}, [2]),
        ({"hw:disk": "ssd"}, [1, 2, 3]), ({"capabilities:disk": "ssd", "quota:a:b": "1"}, [1, 2, 3]),   # not for them
        ({"unheard": "of"}, []), ({"speed": ">= 20"}, [1]), ({"speed": ">= 40"}, []),   # any of its aggregates
        ({"disk": "<or> ssd <or> tape"}, [1, 2]),
        ({"disk": "ssd", "speed": "10"}, [1]), ({"disk": "hdd", "speed": "10"}, []),    # each of them
        ({"disk": "ssd", "aggregate_instance_extra_specs:disk": "tape"}, []),           # in both forms
        ({"aggregate_instance_extra_specs:disk": "hdd", "disk": "tape"}, [2]))),
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
        full = {key.removeprefix("DEFAULT.") if "." in key else f"filter_scheduler.{key}": value
                for key, value in options.items()}
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


@pytest.mark.parametrize(("host", "reason"), [
    ({"disabled": True, "silent": 99}, "its service is disabled"),
    ({"forced_down": True}, "its service is forced down"),
    ({"silent": None}, "its service was never heard of"),
    ({"silent": 75}, "no heartbeat for 75 s"),
])
def test_reason_of_a_service(make_filter, make_fleet, make_request, host, reason):
    assert make_filter("ComputeFilter", {}).reason(make_fleet(host), make_request(), 0) == reason


DISKS = {"aggregates": [((1,), {"disk": "ssd", "speed": "10"})]}


@pytest.mark.parametrize(("name", "fleet", "asked", "reason"), [
    ("RetryFilter", {}, {}, "already tried for this request"),
    ("AvailabilityZoneFilter", {"zones": {"cmp-1": "west"}}, {"availability_zone": "east"}, "in zone west, not east"),
    ("AvailabilityZoneFilter", {}, {"availability_zone": "east"}, "in zone nova, not east"),
    ("SameHostFilter", {}, {}, "runs none of the servers of the hint same_host"),
    ("DifferentHostFilter", {}, hints(different_host=["u2", "u1"]) | LIVE, "runs u1 of the hint different_host"),
    ("ServerGroupAffinityFilter", {}, group("affinity", {"cmp-3": 1, "cmp-2": 1}),
     "the server group's others are on cmp-2, cmp-3"),
    ("ServerGroupAntiAffinityFilter", {}, group("anti-affinity", {"cmp-1": 2}, max_server_per_host=2),
     "has 2 others of the server group, 2 may be together"),
    ("AggregateMultiTenancyIsolation", {}, {"project_id": "s"}, "an aggregate keeps it for other projects than s"),
    ("AggregateInstanceExtraSpecsFilter", DISKS, {"extra_specs": {"disk": "ssd", "speed": ">= 20"}},
     "none of its aggregates has speed >= 20"),
    ("AggregateInstanceExtraSpecsFilter", {}, {"extra_specs": {"disk": "ssd", "speed": ">= 20"}},
     "none of its aggregates has disk ssd"),
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
    resources = request.path.with_name("test_resources.py").read_text()
    assert {made.name for made in filters.ALL if f'("{made.name}", ' not in resources} == tested
