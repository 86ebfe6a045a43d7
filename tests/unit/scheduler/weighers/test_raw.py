"""What each weigher says of hosts, and how little or how much it counts (spec 7.7, 7.9)."""

import numpy as np
import pytest

from novasim import exceptions
from novasim.scheduler import weighers
from novasim.scheduler.weighing import Scales, normalize

BUSY = {"vm_state": "building"}
METRICS = [{"metrics": '[{"name": "idle", "value": 10}, {"name": "temp", "value": 50}]'},
           {"metrics": '[{"name": "idle", "value": 90}]'}]

# Where a server's group has its others.
OTHERS = {"group_hosts": {"cmp-2": 3, "cmp-3": 1, "gone": 5}}

CASES = [
    *(("ServerGroupSoftAffinityWeigher", {}, [{}] * 3, {}, OTHERS | {"group_policy": policy}, raw) for policy, raw in (
        ("soft-affinity", [0, 3, 1]), ("soft-anti-affinity", None), ("affinity", None), (None, None))),
    *(("ServerGroupSoftAntiAffinityWeigher", {}, [{}] * 3, {}, OTHERS | {"group_policy": policy}, raw)
      for policy, raw in (("soft-anti-affinity", [0, -3, -1]), ("soft-affinity", None), ("anti-affinity", None),
                          (None, None))),
    ("RAMWeigher", {}, [{"memory_mb": 1000, "memory_mb_used": 1500}, {"memory_mb": 4000}], {}, {}, [-500, 4000]),
    ("CPUWeigher", {"filter_scheduler.cpu_allocation_ratio": 2.0}, [{"vcpus": 4, "vcpus_used": 9}, {"vcpus": 3}], {},
     {}, [-1, 6]),
    ("DiskWeigher", {}, [{"local_gb": 10, "local_gb_used": 4}, {"local_gb": 10, "disk_available_least": 1}], {}, {},
     [6144, 1024]),
    ("IoOpsWeigher", {}, [{}, {}], {"servers": [(2, BUSY), (2, BUSY), (1, {})]}, {}, [0, 2]),
    ("NumInstancesWeigher", {}, [{}, {}], {"servers": [(2, BUSY), (2, {}), (1, {})]}, {}, [1, 2]),
    ("HypervisorVersionWeigher", {}, [{"hypervisor_version": 4002001}, {}], {}, {}, [4002001, 1000]),
    ("BuildFailureWeigher", {}, [{"stats": '{"failed_builds": 3}'}, {}], {}, {}, [3, 0]),
    ("MetricsWeigher", {}, METRICS, {}, {}, None),
    ("MetricsWeigher", {"metrics.weight_setting": ["idle=2"]}, METRICS, {}, {}, [20, 180]),
    ("MetricsWeigher", {"metrics.weight_setting": ["idle=1", "temp=-1"], "metrics.required": False}, METRICS, {}, {},
     [-40, -10000]),
    ("MetricsWeigher", {"metrics.weight_setting": ["idle=1", "temp=0"], "metrics.required": False}, METRICS, {}, {},
     [10, 90]),
    ("MetricsWeigher", {"metrics.weight_setting": ["idle=2", "=7", "temp"]}, METRICS, {}, {}, [20, 180]),
    ("PCIWeigher", {}, [{}, {}], {}, {}, None),
    ("CrossCellWeigher", {}, [{}, {}], {}, {}, None),
    ("ImagePropertiesWeigher", {}, [{}, {}], {}, {}, None),
    ("ImagePropertiesWeigher", {}, [{}, {}, {}], {"servers": [(1, {"image_ref": "a"}), (2, {"image_ref": "b"}),
                                                              (2, {"image_ref": "b"}), (3, {})]},
     {"image": {"properties": {"os": "linux", "hw": 1}}}, [2, 2, 0]),
    ("ImagePropertiesWeigher", {"filter_scheduler.image_props_weight_setting": ["os=0.5", "other=7"]}, [{}, {}],
     {"servers": [(1, {"image_ref": "a"})]}, {"image": {"properties": {"os": "linux", "hw": 1}}}, [0.5, 0]),
]


def make(conf, name):
    return next(one for one in weighers.ALL if one.name == name)(conf)


@pytest.mark.parametrize(("name", "options", "hosts", "fleet", "asked", "expected"), CASES)
def test_raw_value(make_conf, make_fleet, make_request, name, options, hosts, fleet, asked, expected):
    fleet = make_fleet(*hosts, **fleet)
    fleet.residents.image_properties = {"a": {"os": "linux", "hw": "1"}, "b": {"os": "linux", "hw": "2"}}
    got = make(make_conf(options), name).raw(fleet, make_request(**asked), np.arange(len(fleet)))
    assert (None if got is None else got.tolist()) == expected
    if got is not None:     # of the rows that are asked for, in their order
        assert make(make_conf(options), name).raw(fleet, make_request(**asked), np.array([1])).tolist() == expected[1:2]


def test_a_measurement_that_is_required_of_candidates(make_conf, make_fleet, make_request):
    one, fleet = make(make_conf({"metrics.weight_setting": ["temp=1"]}), "MetricsWeigher"), make_fleet(*METRICS)
    assert one.raw(fleet, make_request(), np.array([0, 0])).tolist() == [50, 50]
    assert one.raw(fleet, make_request(), np.array([1])).tolist() == [-10000], "there is no other to compare it with"
    with pytest.raises(exceptions.ComputeHostMetricNotFound) as caught:
        one.raw(fleet, make_request(), np.array([0, 1]))
    assert caught.value.text == "Metric temp could not be found on the compute host node cmp-2.cmp-2."


@pytest.mark.parametrize(("name", "default"), [
    ("ram", 1.0), ("cpu", 1.0), ("disk", 1.0), ("io_ops", -1.0), ("num_instances", 0.0), ("hypervisor_version", 1.0),
    ("image_props", 0.0), ("soft_affinity", 1.0), ("soft_anti_affinity", 1.0), ("pci", 1.0), ("cross_cell_move", 1e6)])
def test_multiplier_is_the_option(make_conf, name, default):
    option = f"{name}_weight_multiplier"
    [made] = [one for one in weighers.ALL if one.option == option]
    assert made(make_conf()).multiplier == default
    assert made(make_conf({f"filter_scheduler.{option}": 2.5})).multiplier == 2.5


def test_multipliers_of_another_kind(make_conf):
    assert make(make_conf({"metrics.weight_multiplier": 3.0}), "MetricsWeigher").multiplier == 3.0
    assert make(make_conf(), "BuildFailureWeigher").multiplier == -1e6


class Raw:
    name, option, multiplier, minval, maxval = "Raw", "raw_multiplier", 1.0, None, None

    def __init__(self, values, sign=1, **values_of_class):
        self._values = np.array(values)
        self.sign = sign
        vars(self).update(values_of_class)

    def raw(self, hosts, spec, rows):
        return self._values[rows]


@pytest.mark.parametrize(("sign", "multiplier", "weights"), [
    (1, 3.0, [0.0, 1.0, 3.0]),          # two aggregates: the smaller one; no number: the option
    (-1, -3.0, [-0.0, -1.0, -3.0]),     # what aggregates say of failures is negative too
])
def test_aggregates_set_multipliers(make_fleet, make_request, sign, multiplier, weights):
    fleet = make_fleet({}, {}, {}, aggregates=[((1, 2), {"raw_multiplier": "4"}), ((2,), {"raw_multiplier": "2"}),
                                               ((3,), {"raw_multiplier": "much"})])
    got, [score] = Scales([Raw([0, 1, 2], sign, multiplier=multiplier)]).weigh(fleet, make_request(), np.arange(3))
    assert got.tolist() == weights
    assert score.normalized.tolist() == [0.0, 0.5, 1.0]


def test_a_weigher_that_does_not_count_is_not_asked(make_fleet, make_request):
    weights, scores = Scales([Raw([], multiplier=0.0)]).weigh(make_fleet({}, {}), make_request(), np.arange(2))
    assert (weights.tolist(), scores) == ([0.0, 0.0], [])


@pytest.mark.parametrize(("raw", "minval", "maxval", "clipped", "widened"), [
    ([1000, 4000, 8000], 0.0, None, [0.125, 0.5, 1.0], [0.125, 0.5, 1.0]),      # the worked example
    ([4000], 0.0, None, [1.0], [1.0]),
    ([0, 0], 0.0, None, [0.0, 0.0], [0.0, 0.0]),
    ([4000, 4000], 0.0, None, [1.0, 1.0], [1.0, 1.0]),
    ([-500, 500, 1500], 0.0, None, [0.0, 1 / 3, 1.0], [0.0, 0.5, 1.0]),
    ([-500], 0.0, None, [0.0], [0.0]),
    ([-500, -100], 0.0, None, [0.0, 0.0], [0.0, 1.0]),
    ([1, 2, 3], None, None, [0.0, 0.5, 1.0], [0.0, 0.5, 1.0]),
    ([7, 7], None, None, [0.0, 0.0], [0.0, 0.0]),
    ([5], 0.0, 10.0, [0.5], [0.5]),
    ([5, 20], 0.0, 10.0, [0.5, 1.0], [0.25, 1.0]),
    ([5, 20], None, 10.0, [0.0, 1.0], [0.0, 1.0]),
    ([15, 20], None, 10.0, [0.0, 0.0], [0.0, 1.0]),
])
def test_normalised_between_bounds(raw, minval, maxval, clipped, widened):
    raw = np.array(raw)
    assert normalize(raw, minval, maxval, widen=False)[0].tolist() == clipped
    assert normalize(raw, minval, maxval, widen=True)[0].tolist() == widened


def test_default_weighers_are_all(make_conf):
    assert [type(one) for one in weighers.load(make_conf())] == weighers.ALL


def test_a_path_that_leads_nowhere_is_named(make_conf):
    with pytest.raises(exceptions.ConfigurationError, match="weight_classes: no.such.Weigher"):
        weighers.load(make_conf({"filter_scheduler.weight_classes": ["no.such.Weigher"]}))


@pytest.mark.parametrize(("path", "names"), [
    ("nova.scheduler.weights.all_weighers", [one.name for one in weighers.ALL]),
    ("nova.scheduler.weights.ram.RAMWeigher", ["RAMWeigher"]),
    ("novasim.scheduler.weighers.disk.DiskWeigher", ["DiskWeigher"])])
def test_weighers_by_path(make_conf, path, names):
    assert [one.name for one in weighers.load(make_conf({"filter_scheduler.weight_classes": [path]}))] == names
