"""Why a host was chosen or was not, asked as an admin would, on whole clusters."""

import pytest

ADMIN = "admin:admin"
LARGE = "4"
NOBODY_FITS = "No valid host was found. There are not enough hosts available."


@pytest.fixture
def cluster(make_cluster):
    return make_cluster(hosts=3)


def decisions(cluster, request_id):
    return cluster.get(f"/os-simulator/decisions/{request_id}", ADMIN)["decisions"]


def created_by(cluster, uuid):
    [action] = [one for one in cluster.get(f"/servers/{uuid}/os-instance-actions", ADMIN)["instanceActions"]
                if one["action"] == "create"]
    return action["request_id"]


def disable(cluster, *numbers):
    for number in numbers:
        body = {"host": f"cmp-000{number}", "binary": "nova-compute"}
        assert cluster.http("PUT", "/os-services/disable", body, ADMIN).status_int == 200


def refused(cluster, token):
    mark = cluster.watch.mark()
    uuid = cluster.create(token=token)
    cluster.watch.wait("build failed", mark, instance_uuid=uuid)
    return uuid


def test_a_boot_and_a_resize_are_explained(cluster):
    uuid = cluster.boot()
    [told] = decisions(cluster, created_by(cluster, uuid))
    host = cluster.row(uuid).host
    assert (told["instance_uuids"], told["candidates"], told["chosen"]) == ([uuid], 3, [{"host": host, "node": host}])
    assert told["servers"][0]["hosts"][0]["host"] == host
    assert isinstance(told["seed"], int)
    request = cluster.act(uuid, {"resize": {"flavorRef": LARGE}}, "waiting for confirm or revert")
    [told] = decisions(cluster, request)
    assert told["chosen"][0]["host"] == cluster.row(uuid).host != host
    assert [step["hosts"] for step in told["filters"] if step["name"] == "ignore_hosts"] == [
        [{"host": host, "node": host, "reason": "the request excludes it"}]]


def test_an_admin_reads_why_no_host_was_found(make_cluster):
    cluster = make_cluster(hosts=3, **{"filter_scheduler.ram_allocation_ratio": 0.0})
    disable(cluster, 3)
    uuid = refused(cluster, ADMIN)
    fault = cluster.get(f"/servers/{uuid}", ADMIN)["server"]["fault"]
    assert fault["message"] == NOBODY_FITS
    why = fault["details"].splitlines()[0]
    assert why.startswith(f"{NOBODY_FITS} 0 of 3: 2 RamFilter, 1 ComputeFilter; e.g. ")
    request = created_by(cluster, uuid)
    [event] = cluster.get(f"/servers/{uuid}/os-instance-actions/{request}", ADMIN, "2.84")["instanceAction"]["events"]
    assert event["details"] == why
    [told] = decisions(cluster, request)
    assert f"{told['rejected']} {told['summary']}" == why.removeprefix("No valid host was found. ")
    assert [(step["name"], step["dropped"], len(step["hosts"])) for step in told["filters"] if step["dropped"]] == [
        ("ComputeFilter", 1, 1), ("RamFilter", 2, 2)]


def test_the_owner_is_not_told_of_hosts(cluster):
    uuid = cluster.boot()
    disable(cluster, 1, 2, 3)
    failed = refused(cluster, "alice:demo")
    assert cluster.get(f"/servers/{failed}")["server"]["fault"].keys() == {"code", "created", "message"}
    assert cluster.get(f"/servers/{failed}")["server"]["fault"]["message"] == NOBODY_FITS
    request = cluster.act(uuid, {"resize": {"flavorRef": LARGE}}, "restored")
    action = cluster.get(f"/servers/{uuid}/os-instance-actions/{request}", version="2.84")["instanceAction"]
    assert action["events"]
    assert all({"details", "traceback"}.isdisjoint(event) for event in action["events"])
    assert cluster.http("GET", f"/os-simulator/decisions/{request}").status_int == 403


def test_each_attempt_is_a_decision(cluster, monkeypatch):
    scheduler, limits = cluster.orchestrator.scheduler, [{"memory_mb": 1}]
    real = scheduler.select_destinations

    def somebody_was_faster(*args, **kwargs):
        """And there is no alternate, so that the scheduler is asked again."""
        chosen = real(*args, **kwargs)
        return [chosen[0] | {"limits": limits.pop(), "alternates": []}] if limits else chosen

    uuid = cluster.boot()
    monkeypatch.setattr(scheduler, "select_destinations", somebody_was_faster)
    first, second = decisions(cluster, cluster.resize(uuid))
    assert second["chosen"] == [{"host": cluster.row(uuid).host, "node": cluster.row(uuid).node}]
    assert [step["hosts"][0]["host"] for step in second["filters"] if step["name"] == "RetryFilter"] == [
        first["chosen"][0]["host"]]


def test_a_request_without_a_decision(cluster):
    answer = cluster.http("GET", "/os-simulator/decisions/req-none", None, ADMIN)
    assert (answer.status_int, answer.json["itemNotFound"]["message"]) == (
        404, "No decision on request req-none is recorded")


def test_nothing_is_recorded_without_a_journal(make_cluster):
    cluster = make_cluster(**{"simulator.journal": False})
    uuid = cluster.boot()
    assert cluster.http("GET", f"/os-simulator/decisions/{created_by(cluster, uuid)}", None, ADMIN).status_int == 404
