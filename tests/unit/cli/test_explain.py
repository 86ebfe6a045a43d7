"""Decisions of the schedulers, for people and for programs."""

import json

import pytest

CHOSEN = {
    "time": "2026-01-01T00:00:00.000000", "service": "scheduler", "what": "decision", "host": "",
    "instance_uuids": ["u1", "u2"], "candidates": 5,
    "flavor": {"name": "m1.small", "memory_mb": 2048, "vcpus": 1, "disk_gb": 20, "swap_mb": 0, "extra_specs": {}},
    "filters": [
        {"name": "ComputeFilter", "dropped": 0, "left": 5, "hosts": [], "hosts_left_out": 0},
        {"name": "RamFilter", "dropped": 4, "left": 1, "hosts_left_out": 1, "hosts": [
            {"host": host, "node": host, "reason": reason}
            for host, reason in (("cmp-3", "no room"), ("cmp-4", "full"), ("cmp-5", "no room"))]}],
    "servers": [{
        "instance_uuid": "u1", "weighed": 2, "hosts_left_out": 0, "chosen": {"host": "cmp-1", "node": "cmp-1"},
        "subset": {"size": 2, "drawn": 1,
                   "hosts": [{"host": "cmp-2", "node": "cmp-2"}, {"host": "cmp-1", "node": "cmp-1"}]},
        "hosts": [{"host": host, "node": host, "weight": ram + 2 * cpu, "weighers": [
            {"name": "RAMWeigher", "raw": ram * 8000192, "normalized": ram, "multiplier": 1.0, "weighted": ram},
            {"name": "IoOpsWeigher", "raw": 0.0, "normalized": 0.0, "multiplier": -1.0, "weighted": -0.0},
            {"name": "CPUWeigher", "raw": cpu * 64, "normalized": cpu, "multiplier": 2.0, "weighted": 2 * cpu}]}
            for host, ram, cpu in (("cmp-2", 1.0, 0.5), ("cmp-1", 0.5, 0.0))]}],
    "servers_left_out": 1, "seed": 7,
    "chosen": [{"host": "cmp-1", "node": "cmp-1"}, {"host": "cmp-2", "node": "cmp-2"}]}
REFUSED = CHOSEN | {"servers": [], "chosen": [], "rejected": "There are not enough hosts available.",
                    "summary": "0 of 5: 5 RamFilter", "instance_uuids": ["u1"], "servers_left_out": 0}
TABLES = """\
{request}, attempt 2 of 2
decided at 2026-01-01T00:00:00.000000 UTC
2 servers of m1.small (2048 MB, 1 VCPUs, 20 GB)
-> cmp-1, cmp-2 of 5 hosts
+---------------+---------+------+
| Step          | Dropped | Left |
+---------------+---------+------+
| ComputeFilter |       0 |    5 |
| RamFilter     |       4 |    1 |
+---------------+---------+------+
u1: cmp-1, drawn as number 2 of the best 2, 2 were weighed
+-------+--------+---------+---------+------------+-------------+
| Host  | Weight | Weigher | Raw     | Normalized | Weighted    |
+-------+--------+---------+---------+------------+-------------+
| cmp-2 | 2.000  | RAM     | 8000192 | 1.000      | 1.000       |
|       |        | CPU     | 32      | 0.500      | 1.000 (x 2) |
| cmp-1 | 0.500  | RAM     | 4000096 | 0.500      | 0.500       |
|       |        | CPU     | 0       | 0.000      | 0.000 (x 2) |
+-------+--------+---------+---------+------------+-------------+
RamFilter dropped
  cmp-3, cmp-5: no room
  cmp-4: full
Not shown: 1 hosts that RamFilter dropped
Not shown: the weights for 1 more servers of the request
"""


@pytest.fixture
def decided(nova, request_id):
    """A cluster that decided twice on one request."""
    found = [decision | {"request_id": request_id} for decision in (REFUSED, CHOSEN)]
    nova.on("GET", f"/os-simulator/decisions/{request_id}", {"decisions": found})
    nova.on("GET", "/os-simulator/decisions/req-none", (404, {"itemNotFound": {"code": 404, "message": "none"}}))
    return nova


def test_the_last_decision_as_tables(novasim, decided, request_id):
    assert novasim("explain", request_id) == (0, TABLES.format(request=request_id), "")


def test_an_earlier_decision(novasim, decided, request_id):
    assert "-> There are not enough hosts available. 0 of 5: 5 RamFilter\n" in novasim(
        "explain", request_id, "--attempt", "1")[1]


def test_every_line_fits_a_terminal(novasim, nova, request_id, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    hosts = [{"host": f"größe-{number:04}", "node": "n",
              "reason": f"900000 MB of memory asked, {number % 3} of 12288 MB free"} for number in range(200)]
    step = {"name": "RamFilter", "dropped": 250, "left": 0, "hosts": hosts, "hosts_left_out": 50}
    nova.on("GET", f"/os-simulator/decisions/{request_id}", {"decisions": [REFUSED | {
        "request_id": request_id, "filters": [step], "summary": f"0 of 250: 250 RamFilter; e.g. {'x ' * 90}"}]})
    code, out, _ = novasim("explain", request_id)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert [out.count(host["host"]) for host in hosts] == [1] * 200


def test_a_program_gets_all_of_it(novasim, decided, request_id):
    shown = json.loads(novasim("explain", request_id, "-f", "json")[1])
    assert shown == {key: value for key, value in CHOSEN.items() if key not in ("service", "what")} | {
        "request_id": request_id, "attempt": "2 of 2"}


def test_one_field_alone(novasim, decided, request_id):
    assert novasim("explain", request_id, "-f", "value", "-c", "candidates")[1] == "5\n"


def test_of_a_server_the_newest_request_with_a_decision(novasim, decided, server_id, request_id):
    actions = [{"action": "stop", "request_id": "req-none"}, {"action": "create", "request_id": request_id}]
    decided.on("GET", f"/servers/{server_id}/os-instance-actions", {"instanceActions": actions})
    assert novasim("explain", "demo")[1] == TABLES.format(request=request_id)


@pytest.mark.parametrize(("arguments", "said"), [
    (("req-none",), "no decision of a scheduler is recorded for 'req-none'. See: novasim trace"),
    (("demo",), "no decision of a scheduler is recorded for 'demo'. See: novasim trace"),
    (("{request}", "--attempt", "3"), "there was no attempt 3, only 2"),
])
def test_what_is_not_there(novasim, decided, server_id, request_id, arguments, said):
    decided.on("GET", f"/servers/{server_id}/os-instance-actions", {"instanceActions": []})
    assert novasim("explain", *(one.format(request=request_id) for one in arguments)) == (1, "", f"novasim: {said}\n")


def test_who_may_not(novasim, nova, request_id):
    nova.on("GET", f"/os-simulator/decisions/{request_id}", (403, {"forbidden": {"code": 403, "message": "Not you"}}))
    code, out, err = novasim("explain", request_id)
    assert (code, out) == (1, "")
    assert "Not you" in err
