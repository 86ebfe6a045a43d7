"""Fault rules by hand: what the options come to, and what is said of wrong ones."""

import pytest

FAULTS = "/os-simulator/faults"
ROW = {"id": "f1", "name": "virt.spawn", "rule": {"at": "virt.spawn"}, "seen": 3, "acted": 1, "ends_at": None}


@pytest.mark.parametrize(("arguments", "rule"), [
    (("virt.spawn", "--do", "raise=disk is full"), {"at": "virt.spawn", "do": [{"raise": "disk is full"}]}),
    (("rpc.send", "--do", "drop", "--do", "delay=1.5", "--do", "ok", "--match", "method=finish_resize", "--match",
      "server=cmp-*", "--nth", "2", "--times", "3", "--per", "instance", "--p", "0.5", "--seed", "7", "--ttl", "60",
      "--until", "2030-01-01", "--name", "x"),
     {"at": "rpc.send", "do": ["drop", {"delay": 1.5}, "ok"], "match": {"method": "finish_resize", "server": "cmp-*"},
      "nth": 2, "times": 3, "per": "instance", "p": 0.5, "seed": 7, "ttl_s": 60.0, "until": "2030-01-01",
      "name": "x"}),
    (("--preset", "build-abort", "--match", "host=cmp-1", "--times", "1"),
     {"preset": "build-abort", "match": {"host": "cmp-1"}, "times": 1})])
def test_add(novasim, api, arguments, rule):
    api.on("POST", FAULTS, (201, {"faults": [ROW]}))
    code, printed, _ = novasim("fault", "add", *arguments, "-f", "value", "-c", "ID", "-c", "Seen", "-c", "Acted")
    assert (code, printed) == (0, "f1 3 1\n")
    assert api.sent("POST", FAULTS) == [{"fault": rule}]


def test_add_those_of_a_file(novasim, api, tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("- {at: virt.spawn, do: hang}\n- {preset: build-abort}\n")
    api.on("POST", FAULTS, (201, {"faults": [ROW]}))
    assert novasim("fault", "add", "--file", str(path))[0] == 0
    assert api.sent("POST", FAULTS) == [{"fault": {"at": "virt.spawn", "do": "hang"}},
                                        {"fault": {"preset": "build-abort"}}]


@pytest.mark.parametrize(("text", "arguments", "told"), [
    (None, (), "one of POINT, --preset and --file is needed"),
    (None, ("virt.spawn",), "--do is needed"), (None, ("virt.spawn", "--preset", "x"), "one of POINT"),
    (None, ("virt.spawn", "--do", "delay=long"), "delay takes seconds"),
    (None, ("virt.spawn", "--do", "hang", "--match", "host"), "'host' is not of the form key=value"),
    (None, ("virt.spawn", "--do", "hang", "--nth", "0"), "0 is less than 1"),
    (None, ("--file", "/nowhere/x"), "No such file"), ("at: x", None, "not a list of rules"), ("[", None, "expected")])
def test_what_is_wrong_is_told(novasim, api, tmp_path, text, arguments, told):
    if text is not None:
        (tmp_path / "rules").write_text(text)
        arguments = ("--file", str(tmp_path / "rules"))
    code, printed, error = novasim("fault", "add", *arguments)
    assert code in (1, 2)
    assert printed == ""
    assert told in error
    assert api.requests == []


def test_list_log_and_presets(novasim, api):
    api.on("GET", FAULTS, {"faults": [ROW]})
    assert novasim("fault", "list", "-f", "value", "-c", "Seen", "-c", "Acted")[:2] == (0, "3 1\n")
    api.on("GET", "/os-simulator/fault-log", {"fault_log": [{"name": "x", "did": "drop"}]})
    assert novasim("fault", "log", "f1", "--limit", "5", "-f", "value", "-c", "Did")[:2] == (0, "drop\n")
    assert api.requests[-1]["query"] == {"fault_id": ["f1"], "limit": ["5"]}
    api.on("GET", "/os-simulator/fault-presets", {"presets": [{"name": "a", "about": "b", "replaces": "C"}]})
    assert novasim("fault", "presets", "-f", "value")[:2] == (0, "a b C\n")


def test_rm(novasim, api):
    for path in (FAULTS, f"{FAULTS}/a", f"{FAULTS}/b"):
        api.on("DELETE", path, (204, None))
    assert novasim("fault", "rm", "a", "b")[:2] == (0, "2 removed\n")
    assert novasim("fault", "rm", "--all")[:2] == (0, "all fault rules are removed\n")
    assert [request["path"] for request in api.requests] == [f"/v2.1{FAULTS}/a", f"/v2.1{FAULTS}/b", f"/v2.1{FAULTS}"]
    for wrong in ((), ("a", "--all")):
        assert novasim("fault", "rm", *wrong)[0] == 2
