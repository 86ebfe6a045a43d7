"""What is handed to the what-if process, what is made of its answer, and a real one from end to end."""

import csv
import json
import pathlib
import random
import re

import pytest

from novasim.cli import whatif
from novasim.cli.errors import CliError

AZURE = {
    "flav_map.txt": "1,0.75 a\n16,112 d\n", "v1.interval_map.txt": "0 0\n300 1\n600 2\n900 2\n",
    "v1.test.txt": "2100000 a,d,|,a,|,\n2100300 d,|,\n2100900 a,|,\n",
    "v1.test.c2591400.txt": "2100000 U1,C2,|,U0,|,\n2100300 U2,|,\n2100900 U1,|,\n"}
TRACE = whatif.HEADER + "0,,large,16,32768,160\n" * 3 + "5,9,small,1,2048,10\n" * 40


@pytest.fixture
def azure(tmp_path):
    folder = tmp_path / "azure"
    folder.mkdir()
    for name, text in AZURE.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text(TRACE)
    return path


@pytest.fixture
def answered(monkeypatch):
    """Instead of the process: what it was told, and what it says."""
    told = []

    def answer(arguments, text):
        told.append((list(arguments), "".join(text)))
        return answer.says
    monkeypatch.setattr(whatif, "answer", answer)
    answer.told = told
    return answer


def test_the_azure_trace_as_csv(azure):
    assert list(whatif.arrivals(azure)) == [
        whatif.HEADER, "2100000,2100300.0,azure.a,1,768,10\n", "2100000,,azure.d,16,114688,160\n",
        "2100000,2100000.0,azure.a,1,768,10\n", "2100300,2101050.0,azure.d,16,114688,160\n",
        "2100900,2101200.0,azure.a,1,768,10\n"]


def test_a_file_is_handed_on_as_it_is(trace):
    assert "".join(whatif.arrivals(trace)) == TRACE


def test_a_missing_trace_is_named():
    with pytest.raises(CliError, match="gone.csv cannot be read: No such file"):
        list(whatif.arrivals(pathlib.Path("gone.csv")))


def test_run_with_its_defaults(answered, novasim, trace):
    answered.says = {"policies": [{"policy": "spread", "rejected": 7}]}
    code, out, err = novasim("whatif", "run", "--trace", str(trace), "-f", "json")
    assert (code, json.loads(out)) == (0, [{"": "rejected", "spread": 7}])
    assert answered.told == [(["run", "--hosts", "600", "--profile", "large", "--seed", "0", "--policy", "spread",
                               "--out", "whatif", "--source", "trace.csv"], TRACE)]
    assert "written to whatif" in err


def test_the_source_of_the_azure_trace_is_told(answered, novasim, azure):
    answered.says = {"policies": [{"policy": "spread", "rejected": 7}]}
    _, _, err = novasim("whatif", "run", "--trace", str(azure))
    assert "CC BY 4.0" in err
    assert "CC BY 4.0" in answered.told[0][0][-1]


def test_grow_shows_policies_side_by_side(answered, novasim, trace):
    answered.says = {"policies": [{"policy": name, "ran_out": name * 2} for name in ("a", "b")]}
    code, out, _ = novasim("whatif", "grow", "--trace", str(trace), "--rate", "3", "--runs", "2", "--policy", "x",
                           "--policy", "y", "-f", "csv")
    assert (code, out.splitlines()) == (0, ['"","a","b"', '"ran_out","aa","bb"'])
    assert answered.told[0][0][-8:] == ["--policy", "x", "--policy", "y", "--rate", "3.0", "--runs", "2"]


@pytest.mark.parametrize(("words", "said"), [
    (("run",), "--trace"), (("grow", "--trace", "t", "--rate", "0"), "0 is not above 0"),
    (("grow", "--trace", "t", "--rate", "x"), "'x' is not a number"),
    (("run", "--trace", "t", "--hosts", "0"), "less than 1"),
    (("drain",), "HOST")])
def test_typed_wrongly(novasim, words, said):
    code, _, err = novasim("whatif", *words)
    assert code == 2
    assert said in err


def test_drain_hands_over_what_the_api_says(answered, novasim, api):
    api.on("GET", "/", {"version": {"version": "2.96"}})
    api.on("GET", "/os-hypervisors/detail", {"hypervisors": ["h"]})
    api.on("GET", "/os-services", {"services": ["s"]})
    api.on("GET", "/os-aggregates", {"aggregates": ["a"]})
    api.on("GET", "/os-server-groups", {"server_groups": ["g"]})
    api.on("GET", "/servers/detail", {"servers": ["v"]})
    one = {"id": "1", "name": "n", "flavor": "f", "from": "h1", "to": "h3", "why": None}
    answered.says = {"servers": [one, one | {"to": None, "why": "0 of 3: 2 RamFilter"}]}
    code, out, err = novasim("whatif", "drain", "h1", "h2", "--policy", "pack", "--config-file", "c.conf", "-f", "json")
    assert (code, json.loads(out), err) == (1, answered.says["servers"], "1 of 2 servers would not fit elsewhere\n")
    [(arguments, text)] = answered.told
    assert arguments == ["drain", "--seed", "0", "--policy", "pack", "--config-file", "c.conf", "h1", "h2"]
    assert json.loads(text) == {"hypervisors": ["h"], "services": ["s"], "aggregates": ["a"], "groups": ["g"],
                                "servers": ["v"]}


def test_drain_of_hosts_whose_servers_all_fit(answered, novasim, api, monkeypatch):
    monkeypatch.setattr(whatif, "facts", lambda client: {})
    answered.says = {"servers": []}
    code, _, err = novasim("whatif", "drain", "h1")
    assert (code, err) == (0, "0 of 0 servers would not fit elsewhere\n")


def test_a_process_that_says_nothing_is_told(monkeypatch):
    monkeypatch.setattr(whatif, "ENTRY", "novasim.no_such_module")
    with pytest.raises(CliError, match="ended with code 1 and said nothing"):
        whatif.answer(["run"], ["text\n"])


def test_two_policies_from_end_to_end(novasim, trace, tmp_path):
    (tmp_path / "full.yaml").write_text("ram_allocation_ratio: 1.0\nram_weight_multiplier: -1\nhost_subset_size: 2\n")
    code, out, err = novasim("whatif", "run", "--trace", str(trace), "--hosts", "2", "--profile", "medium", "--policy",
                             "spread", "--policy", str(tmp_path / "full.yaml"), "--out", str(tmp_path / "one"), "-f",
                             "json")
    assert code == 0, err
    with (tmp_path / "one" / "whatif.csv").open() as lines:
        last = {row["policy"]: row for row in csv.DictReader(lines)}
    shown = {row[""]: row for row in json.loads(out)}
    for policy in ("spread", "full"):
        assert int(last[policy]["rejected"]) == shown["rejected"][policy]
        assert int(last[policy]["arrived"]) == 43
    # A host keeps 512 MB and has no room for two large ones; beside one of them there is room for 15 small ones.
    assert (shown["rejected"]["spread"], shown["rejected"]["full"]) == (0, 1 + 10)
    timing = json.loads((tmp_path / "one" / "timing.json").read_text())
    assert set(timing["decision_cpu_ms"]) == {"spread", "full"}


def test_the_same_seed_gives_the_same_bytes(novasim, tmp_path):
    """Thousands of servers, drawn among the best and among equals, by processes that order their sets otherwise."""
    draw = random.Random(2)
    names = ["large,16,32768,160", "medium,4,8192,40", "small,1,2048,10"]
    path = tmp_path / "trace.csv"
    path.write_text(whatif.HEADER + "".join(
        f"{second // 4},{second // 4 + draw.randrange(900)},{draw.choice(names)}\n" for second in range(4000)))
    (tmp_path / "drawn.yaml").write_text("shuffle_best_same_weighed_hosts: true\nhost_subset_size: 3\n"
                                         "cpu_allocation_ratio: 2.0\n")

    def play(name, seed):
        code, _, err = novasim("whatif", "run", "--trace", str(path), "--hosts", "30", "--profile", "medium",
                               "--policy", str(tmp_path / "drawn.yaml"), "--seed", seed, "--out", str(tmp_path / name))
        assert code == 0, err
        return [(tmp_path / name / file).read_bytes() for file in ("whatif.csv", "whatif.html")]
    first = play("one", "4")
    assert play("two", "4") == first
    assert play("three", "5") != first
    rejected = [row["rejected"] for row in csv.DictReader(first[0].decode().splitlines())]
    assert int(rejected[-1]) > 100


@pytest.mark.parametrize(("words", "said"), [
    (("--policy", "gone.yaml"), "^novasim: The configuration is wrong: policies: gone.yaml: No such file"),
    (("--policy", "nope"), "policies: there is no 'nope'; there are pack, spread"),
    (("--profile", "nope"), "profiles: there is no 'nope'"),
    (("--policy", "{folder}/odd.yaml"), "Scheduler Host Filter NoFilter could not be found"),
    (("--policy", "{trace}"), "trace.csv: it must be names of options with their values"),
    (("--trace", "{folder}"), "flav_map.txt cannot be read"),
    (("--out", "{trace}/x"), "--out: .*Choose another directory")])
def test_what_the_process_finds_wrong_is_shown_in_a_line(novasim, trace, words, said):
    trace.with_name("odd.yaml").write_text("enabled_filters: [NoFilter]")
    code, _, err = novasim("whatif", "run", "--trace", str(trace), "--hosts", "1",
                           *(word.format(trace=trace, folder=trace.parent) for word in words))
    assert code == 2
    assert err.count("\n") == 1
    assert re.search(said, err)
