"""Fault rules over REST: added, listed, counted, logged, removed, and what the presets come to."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from cluster_fixture import ADMIN, USER

from novasim.db import migrations
from novasim.launch import fault_book
from novasim.sim import books
from novasim.sim.clock import ManualClock
from novasim.sim.fault_rules import Rule

FAULTS = "/os-simulator/faults"
SPAWN = {"at": "virt.spawn", "do": {"raise": "no disk"}}


def add(cluster, **rule):
    answer = cluster.http("POST", FAULTS, {"fault": rule}, ADMIN)
    assert answer.status_int == 201, answer.text
    return answer.json["faults"]


def in_force(cluster):
    return cluster.get(FAULTS, ADMIN)["faults"]


def log(cluster, query=""):
    return cluster.get(f"/os-simulator/fault-log{query}", ADMIN)["fault_log"]


def test_a_rule_from_its_post_to_its_end(cluster):
    [made] = add(cluster, **SPAWN, times=3, name="broken disk")
    assert (made["name"], made["seen"], made["acted"], made["ends_at"]) == ("broken disk", 0, 0, None)
    assert made["rule"] == SPAWN | {"times": 3, "name": "broken disk"}
    uuid = cluster.create()
    cluster.watch.wait("build failed", times=3, instance_uuid=uuid)
    cluster.settle()
    assert cluster.status(uuid) == "ERROR", "all attempts failed"
    [now] = in_force(cluster)
    assert (now["id"], now["seen"], now["acted"]) == (made["id"], 3, 3)
    told = log(cluster, f"?fault_id={made['id']}&limit=2")
    assert [(one["did"], one["service"], one["method"], one["instance_uuid"]) for one in told] == [
        ("raise", "compute", "run_instance", uuid)] * 2
    assert told[0]["time"] > told[1]["time"]
    assert told[0]["host"] != told[1]["host"]
    hops = cluster.get(f"/os-simulator/journal?request_id={told[0]['request_id']}", ADMIN)["hops"]
    assert [hop["rule"] for hop in hops if hop["what"] == "fault raise"] == ["broken disk"] * 3
    cluster.boot()
    assert cluster.http("DELETE", f"{FAULTS}/{made['id']}", None, ADMIN).status_int == 204
    assert in_force(cluster) == []
    assert len(log(cluster)) == 3, "what happened is not forgotten with the rule"
    assert cluster.http("DELETE", FAULTS, None, ADMIN).status_int == 204
    assert log(cluster) == []


@pytest.mark.parametrize(("body", "told"), [
    ({}, "'fault' is a required property"), ({"fault": []}, "is not of type 'object'"),
    ({"fault": {}}, "at: there is no point ''"), ({"fault": {"at": "virt.spwan"}}, "there is no point 'virt.spwan'"),
    ({"fault": SPAWN | {"p": "often"}}, "p: 'often' is no number"),
    ({"fault": SPAWN | {"nth": 1.5}}, "nth: 1.5 is no whole number"),
    ({"fault": SPAWN | {"per": "server"}}, "per: virt.spawn has no 'server'"),
    ({"fault": SPAWN | {"do": {"raise": {"error": "SystemExit"}}}}, "a class of novasim.exceptions"),
    ({"fault": SPAWN | {"do": {"raise": {"error": "msgspec"}}}}, "a class of novasim.exceptions"),
    ({"fault": SPAWN | {"do": "kill"}}, "kill: this process is not a service's own"),
    ({"fault": SPAWN | {"do": []}}, "do: nothing"), ({"fault": SPAWN | {"do": "delay"}}, "delay: how many seconds"),
    ({"fault": SPAWN | {"until": "tomorrow"}}, "until: 'tomorrow' is no time"),
    ({"fault": SPAWN | {"ttl_s": -1}}, "ttl_s: -1 is no number"),
    ({"fault": SPAWN | {"seed": 2 ** 64}}, "seed: 18446744073709551616 is no"),
    ({"fault": SPAWN | {"name": "x" * 256}}, "name: .* at most 255"), ({"fault": SPAWN | {"name": 5}}, "name: 5 is no"),
    ({"fault": {"preset": "none"}}, "there is no 'none'; there are build-abort"),
    ({"fault": {"preset": "../policies/pack"}}, "preset"), ({"fault": {"preset": "build-abort", "match": 1}}, "match"),
    ({"fault": {"preset": "build-abort", "match": {"topic": "x"}}}, "virt.spawn has no 'topic'")])
def test_a_bad_rule_is_refused_by_its_field(cluster, body, told):
    answer = cluster.http("POST", FAULTS, body, ADMIN)
    assert answer.status_int == 400, answer.text
    assert re.search(told, answer.json["badRequest"]["message"]), answer.text
    assert in_force(cluster) == []


def test_odd_text_is_no_error_of_ours(cluster):
    for name in ("\x00", "\ud800", "ä" * 255, "a\nb"):
        answer = cluster.http("POST", FAULTS, None, ADMIN,
                              raw=json.dumps({"fault": SPAWN | {"name": name, "match": {"host": name}}}).encode())
        assert answer.status_int in (201, 400), answer.text
    assert cluster.http("DELETE", f"{FAULTS}/none", None, ADMIN).status_int == 404


def test_only_an_admin_breaks_things(cluster):
    for method, path in (("GET", FAULTS), ("POST", FAULTS), ("DELETE", FAULTS), ("DELETE", f"{FAULTS}/x"),
                         ("GET", "/os-simulator/fault-log"), ("GET", "/os-simulator/fault-presets")):
        answer = cluster.http(method, path, {"fault": SPAWN} if method == "POST" else None, USER)
        assert answer.status_int == 403, (method, path)


def test_a_rule_ends_by_itself(make_cluster):
    clock = ManualClock()
    cluster = make_cluster(clock=clock)
    add(cluster, **SPAWN, ttl_s=10)
    add(cluster, **SPAWN, until=(clock.now() + timedelta(seconds=20)).isoformat())
    clock.advance(11)
    assert [one["ends_at"][:19] for one in in_force(cluster)] == ["2026-01-01T00:00:20"]
    clock.advance(10)
    assert in_force(cluster) == []
    cluster.boot()


def test_rules_outlive_the_process_with_their_counts(make_cluster):
    cluster = make_cluster(hosts=1, **{"scheduler.max_attempts": 1})
    add(cluster, **SPAWN, times=2)
    cluster.watch.wait("build failed", instance_uuid=cluster.create())
    cluster.restart()
    cluster.watch.wait("build failed", instance_uuid=cluster.create())
    cluster.boot()
    assert [(one["seen"], one["acted"]) for one in in_force(cluster)] == [(3, 2)]


def test_rules_of_a_file_are_in_force_from_the_start(make_cluster, tmp_path):
    path = tmp_path / "faults.yaml"
    path.write_text("- {preset: finish-migration-fail, match: {host: cmp-0001}}\n- {at: virt.reboot, do: hang, p: 0}\n")
    cluster = make_cluster(hosts=2, **{"simulator.faults_file": str(path)})
    assert [one["name"] for one in in_force(cluster)] == ["finish-migration-fail", "virt.reboot"]
    cluster.restart()
    assert len(in_force(cluster)) == 2, "they are there already"


def reschedule(cluster):
    uuid = cluster.boot()
    assert cluster.watch.count("build failed") == 1
    return "ACTIVE", uuid


def failed(word, hop, status):
    def story(cluster):
        uuid = cluster.boot()
        if word == "unshelve":
            cluster.do(uuid, "shelve")
            cluster.watch.wait("offloaded", instance_uuid=uuid)
        mark = cluster.watch.mark()
        cluster.begin(uuid, word)
        cluster.watch.wait(hop, mark, instance_uuid=uuid)
        return status, uuid
    return story


def aborted(cluster):
    uuid = cluster.create()
    cluster.watch.wait("build failed", instance_uuid=uuid)
    cluster.settle()
    assert cluster.watch.count("receive run_instance") == 1, "nobody else tried"
    return "ERROR", uuid


def live(cluster, how):
    uuid, mark = cluster.boot(), cluster.watch.mark()
    cluster.action(uuid, {"os-migrateLive": {"host": None, "block_migration": False, "disk_over_commit": False}}, ADMIN)
    cluster.watch.wait("fault hang", mark, instance_uuid=uuid)
    [move] = cluster.db.read(migrations.list_page, {"instance_uuid": uuid})
    path = f"/servers/{uuid}/migrations/{move.id}"
    answer = (cluster.http("DELETE", path, None, ADMIN, "2.24") if how == "abort" else
              cluster.http("POST", f"{path}/action", {"force_complete": None}, ADMIN, "2.22") if how == "complete" else
              cluster.http("DELETE", FAULTS, None, ADMIN))
    assert answer.status_int in (202, 204), answer.text
    cluster.settle()
    [move] = cluster.db.read(migrations.list_page, {"instance_uuid": uuid})
    assert move.status == ("cancelled" if how == "abort" else "completed")
    return "ACTIVE", uuid


@pytest.mark.parametrize(("preset", "story"), [
    ("reschedule-once", reschedule), ("build-abort", aborted),
    ("finish-migration-fail", failed("resize", "compute_finish_resize failed", "ERROR")),
    ("unshelve-spawn-fail", failed("unshelve", "compute_unshelve_instance failed", "SHELVED_OFFLOADED")),
    ("rebuild-spawn-fail", failed("rebuild", "rebuild failed", "ERROR")),
    *[("live-migrate-hang", lambda cluster, how=how: live(cluster, how)) for how in ("abort", "complete", "removed")]])
def test_presets_do_what_the_drivers_of_the_original_do(cluster, preset, story):
    add(cluster, preset=preset)
    status, uuid = story(cluster)
    cluster.settle()
    assert cluster.status(uuid) == status


def test_every_preset_can_be_read():
    for name in books.names("faults"):
        made = fault_book.preset(name)
        assert set(made) <= {"about", "replaces", "rules"}
        assert [Rule(rule) for rule in fault_book.expand({"preset": name})]
