"""The reader of the trace: layout, order, lifetimes, what is said of broken files, and the known figures."""

import collections
import pathlib

import pytest

from novasim.cli import trace_azure
from novasim.cli.trace_azure import TraceError

FILES = {
    "flav_map.txt": "1,0.75 a\n16,112 d\n",
    "v1.interval_map.txt": "0 0\n300 1\n600 2\n900 2\n",
    "v1.test.txt": "2100000 a,d,|,a,|,\n2100300 d,|,\n2100900 a,|,\n",
    "v1.test.c2591400.txt": "2100000 U1,C2,|,U0,|,\n2100300 U2,|,\n2100900 U1,|,\n",
}
REAL = pathlib.Path(__file__).parents[3].parent / "shared" / "data" / "azure-2017"


@pytest.fixture
def trace(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_shapes(trace):
    assert trace_azure.read_shapes(trace) == {"a": trace_azure.Shape("a", 1, 0.75),
                                              "d": trace_azure.Shape("d", 16, 112.0)}


def test_lifetime_of_a_bin_is_the_mean_of_those_that_map_to_it(trace):
    assert trace_azure.read_lifetimes(trace) == {0: 0, 1: 300, 2: 750}


def test_vms_in_order_of_arrival(trace):
    found = [(vm.number, vm.arrival_s, vm.letter, vm.end_s) for vm in trace_azure.read_vms(trace)]
    assert found == [(0, 2100000, "a", 2100300), (1, 2100000, "d", None), (2, 2100000, "a", 2100000),
                     (3, 2100300, "d", 2101050), (4, 2100900, "a", 2101200)]


def test_events_end_before_others_arrive_and_late_ends_are_left_out(trace):
    found = [(event.vm.number, event.ends) for event in trace_azure.events(trace_azure.read_vms(trace))]
    assert found == [(0, False), (1, False), (2, False), (2, True), (0, True), (3, False), (4, False)]


def test_events_of_a_limit_read_no_further(trace):
    (trace / "v1.test.txt").write_text(FILES["v1.test.txt"] + "broken\n")
    (trace / "v1.test.c2591400.txt").write_text(FILES["v1.test.c2591400.txt"] + "broken\n")
    assert len(list(trace_azure.events(trace_azure.read_vms(trace), 3))) == 3


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_named(trace, name):
    (trace / name).unlink()
    with pytest.raises(TraceError, match=f"{name} cannot be read: No such file"):
        list(trace_azure.read_vms(trace))


@pytest.mark.parametrize(("name", "text", "said"), [
    ("flav_map.txt", "1,0.75 a\n2 b\n", "flav_map.txt, line 2: '2 b' cannot be read"),
    ("flav_map.txt", "0,1 a\n", "flav_map.txt, line 1: '0,1 a' cannot be read: a size below 1 vCPU"),
    ("flav_map.txt", "1,1 a\nxyz\n", "flav_map.txt, line 2: 'xyz' cannot be read"),
    ("v1.interval_map.txt", "0 0\n300 one\n", "interval_map.txt, line 2: '300 one' cannot be read"),
    ("v1.test.txt", "2100000 a,d,|,a,|,\nx d,|,\n2100900 a,|,\n", "v1.test.txt, line 2: 'x d,|,'"),
    ("v1.test.txt", "2100000 a,d,|,z,|,\n", "v1.test.txt, line 1: 'z' is no flavor of flav_map.txt"),
    ("v1.test.txt", "2100000 a,d,|,a,|,\n", "v1.test.txt has only 1 lines"),
    ("v1.test.txt", "2100000 a,d,|,a,\n", "v1.test.c2591400.txt, line 1: it does not match v1.test.txt"),
    ("v1.test.txt", "2100000 a,|,d,a,|,\n", "v1.test.c2591400.txt, line 1: it does not match v1.test.txt"),
    ("v1.test.c2591400.txt", "2100000 U1,C2,|,X0,|,\n", "line 1: 'X0' is no lifetime"),
    ("v1.test.c2591400.txt", "2100000 U1,C2,|,U,|,\n", "line 1: 'U' is no lifetime"),
    ("v1.test.c2591400.txt", "2100000 U1,C9,|,U0,|,\n", "line 1: 'C9' is no lifetime"),
    ("v1.test.c2591400.txt", "2100300 U1,C2,|,U0,|,\n", "line 1: it does not match v1.test.txt"),
])
def test_broken_line_is_named_with_its_file(trace, name, text, said):
    (trace / name).write_text(text)
    with pytest.raises(TraceError) as caught:
        list(trace_azure.read_vms(trace))
    assert said in str(caught.value)


@pytest.mark.skipif(not REAL.is_dir(), reason="the Azure trace does not lie beside this repository")
def test_known_figures_of_the_trace():
    shapes = trace_azure.read_shapes(REAL)
    changes = collections.defaultdict(lambda: [0, 0])
    vms = short = 0
    for vm in trace_azure.read_vms(REAL):
        vms += 1
        short += vm.end_s is not None and vm.end_s - vm.arrival_s < 1800
        for moment, sign in ((vm.arrival_s, 1), (vm.end_s, -1)):
            if moment is not None:
                changes[moment][0] += sign * shapes[vm.letter].vcpus
                changes[moment][1] += sign
    peak, vcpus, alive = (0, 0), 0, 0
    for moment in sorted(changes):
        vcpus, alive = vcpus + changes[moment][0], alive + changes[moment][1]
        peak = max(peak, (vcpus, alive))
    assert len(shapes) == 16
    assert vms == 410_276
    assert peak == (64_345, 25_520)
    assert 0.45 < short / vms < 0.55
