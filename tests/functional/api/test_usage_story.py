"""What projects have used: hours within a span of time, by project and by server, page by page."""


import pytest
from sqlalchemy import event

from novasim.db import instances

USER = "bob:p1"
DAY = "2026-01-01T"


@pytest.fixture
def used(cloud):
    """At 16:00: of p1 a server since 12:00, and one from 13:00 to 15:00; of p2 one since 14:00."""
    names = {"first": cloud.boot("2")}
    cloud.clock.advance(3600)
    names["gone"] = cloud.boot("1")
    cloud.clock.advance(3600)
    names["other"] = cloud.boot("3", user="eve:p2")
    cloud.clock.advance(3600)
    cloud.db.write(instances.soft_delete, names["gone"])
    cloud.clock.advance(3600)
    return names


def usage(cloud, path="", user="admin:admin", version="2.1", **query):
    text = "&".join(f"{name}={value}" for name, value in query.items())
    answer = cloud.get(f"/os-simple-tenant-usage{path}?{text}", user=user, version=version)
    assert answer.status == 200, answer.text
    return answer.body


def test_of_all_projects(cloud, used):
    told = usage(cloud, start=f"{DAY}00:00:00", end=f"{DAY}16:00:00")["tenant_usages"]
    assert [(one["tenant_id"], one["total_hours"], one["total_memory_mb_usage"], one["total_vcpus_usage"],
             one["total_local_gb_usage"]) for one in told] == [
        ("p1", 6.0, 4 * 2048 + 2 * 512.0, 6.0, 4 * 20 + 2.0), ("p2", 2.0, 2 * 4096.0, 4.0, 2 * 40.0)]
    assert all("server_usages" not in one for one in told)
    assert (told[0]["start"], told[0]["stop"]) == (f"{DAY}00:00:00", f"{DAY}16:00:00")


def test_of_one_project_in_detail(cloud, used):
    told = usage(cloud, "/p1", USER, start=f"{DAY}13:30:00", end=f"{DAY}14:00:00.500000")["tenant_usage"]
    servers = {one["instance_id"]: one for one in told["server_usages"]}
    assert servers.keys() == {used["first"], used["gone"]}
    assert servers[used["gone"]] == {
        "instance_id": used["gone"], "name": "vm", "tenant_id": "p1", "hours": pytest.approx(0.5 + 0.5 / 3600),
        "flavor": "m1.tiny", "memory_mb": 512, "vcpus": 1, "local_gb": 1, "state": "terminated",
        "started_at": f"{DAY}13:00:00", "ended_at": f"{DAY}15:00:00", "uptime": 7200}
    assert (servers[used["first"]]["state"], servers[used["first"]]["uptime"]) == ("active", 4 * 3600)
    assert cloud.get("/os-simple-tenant-usage/p2", user=USER).status == 403
    assert cloud.get("/os-simple-tenant-usage", user=USER).status == 403


def test_what_was_not_there_then_is_not_told(cloud, used):
    assert usage(cloud, "/p1", USER, start=f"{DAY}00:00:00", end=f"{DAY}12:00:00") == {"tenant_usage": {}}
    assert usage(cloud, "/p1", USER) == {"tenant_usage": {
        **usage(cloud, "/p1", USER)["tenant_usage"], "total_hours": 0.0}}, "without a span: now"


def test_page_by_page(cloud, used):
    span = {"start": f"{DAY}00:00:00", "end": f"{DAY}16:00:00", "detailed": "1"}
    whole = usage(cloud, version="2.39", limit=1, **span)
    assert "tenant_usages_links" not in whole, "until 2.39 there is one page"
    everything = [one["instance_id"] for project in whole["tenant_usages"] for one in project["server_usages"]]
    assert len(everything) == 3
    seen, marker = [], {}
    while True:
        page = usage(cloud, version="2.40", limit=1, **span, **marker)
        seen += [one["instance_id"] for project in page["tenant_usages"] for one in project["server_usages"]]
        if "tenant_usages_links" not in page:
            break
        [link] = page["tenant_usages_links"]
        assert (link["rel"], f"marker={seen[-1]}" in link["href"], "limit=1" in link["href"]) == ("next", True, True)
        marker = {"marker": seen[-1]}
    assert seen == everything
    own = usage(cloud, "/p1", USER, version="2.40", limit=2, **{name: span[name] for name in ("start", "end")})
    assert "/os-simple-tenant-usage/p1?limit" in own["tenant_usage_links"][0]["href"]


@pytest.mark.parametrize(("query", "text"), [
    ("start=2026-01-02T00:00:00&end=2026-01-01T00:00:00", "The start time cannot occur after the end time."),
    ("start=yesterday", "Invalid input for query parameters start. Value: yesterday."),
    ("start=2026-01-01", "is not a date and time"), ("end=0", "end"),
    ("start=2026-01-01T00:00:00&limit=x", "limit"), ("start=2026-01-01T00:00:00&limit=-1", "limit"),
    ("start=2026-01-01T00:00:00&marker=nope", "marker [nope] not found")])
def test_bad_questions(cloud, used, query, text):
    for path in ("", "/p1"):
        answer = cloud.get(f"/os-simple-tenant-usage{path}?{query}", version="2.40")
        assert (answer.status, text in answer.message) == (400, True), answer.text
    assert cloud.get("/os-simple-tenant-usage?start=2026-01-01T00:00:00&what=1", version="2.75").status == 400


def test_a_marker_of_another_project_is_none(cloud, used):
    answer = cloud.get(f"/os-simple-tenant-usage/p1?marker={used['other']}", version="2.40", user=USER)
    assert (answer.status, answer.message) == (400, f"marker [{used['other']}] not found")


def test_a_page_costs_the_same_however_many_servers_it_has(cloud, used):
    def statements():
        seen = []

        def note(connection, cursor, statement, *rest):
            seen.append(statement)

        for engine in (cloud.db._reader, cloud.db._writer):
            event.listen(engine, "before_cursor_execute", note)
        usage(cloud, start=f"{DAY}00:00:00", end=f"{DAY}16:00:00", detailed=1)
        for engine in (cloud.db._reader, cloud.db._writer):
            event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    usage(cloud, start=f"{DAY}00:00:00", end=f"{DAY}16:00:00")
    few = statements()
    for _ in range(5):
        cloud.boot()
    assert statements() == few


def test_audits_that_nobody_runs(cloud):
    log = cloud.get("/os-instance_usage_audit_log").body["instance_usage_audit_logs"]
    assert (log["period_beginning"], log["period_ending"]) == ("2025-12-01 00:00:00", "2026-01-01 00:00:00")
    assert (log["num_hosts"], log["num_hosts_not_run"], log["hosts_not_run"]) == (3, 3, ["cmp-1", "cmp-2", "cmp-3"])
    for moment in ("2012-07-05 10:00:00", "2012-07-05 10:00:00.123456", "2012-07-05%2010:00:00"):
        log = cloud.get(f"/os-instance_usage_audit_log/{moment}").body["instance_usage_audit_log"]
        assert (log["period_beginning"], log["overall_status"]) == (
            "2012-06-01 00:00:00", "0 of 3 hosts done. 0 errors.")
    for moment in ("x", "2012-07-05", "0001-01-01 00:00:00"):
        assert cloud.get(f"/os-instance_usage_audit_log/{moment}").status in (200, 400)
    assert cloud.get("/os-instance_usage_audit_log", user=USER).status == 403
