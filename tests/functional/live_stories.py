"""How the stories of live migration ask, and what they look at."""

from cluster_fixture import ADMIN

from novasim import states

DONE, FAILED = "live-migrated", "live migration failed"
CANCELLED = "live migration cancelled"
HOSTS = ("cmp-0001", "cmp-0002", "cmp-0003")


def elsewhere(cluster, uuid):
    """(source, one other host)"""
    source = cluster.row(uuid).host
    return source, next(host for host in HOSTS if host != source)


def ask(cluster, uuid, version="2.34", status=202, token=ADMIN, **body):
    body = {"host": None, "block_migration": "auto"} | body
    answer = cluster.http("POST", f"/servers/{uuid}/action", {"os-migrateLive": body}, token, version)
    assert answer.status_int == status, answer.text
    return answer


def live_migrate(cluster, uuid, until=DONE, **options):
    """Ask and wait for the end; returns the request's id."""
    mark = cluster.watch.mark()
    answer = ask(cluster, uuid, **options)
    cluster.watch.wait(until, mark, instance_uuid=uuid)
    return answer.headers["x-openstack-request-id"]


def check_at(cluster, uuid, host, power_state=states.RUNNING, vm_state="active"):
    """At rest on a host, and nowhere else."""
    row = cluster.row(uuid)
    assert (row.host, row.node, row.vm_state, row.task_state) == (host, host, vm_state, None)
    assert cluster.guests(uuid) == {(host, "guest"): power_state}
    assert cluster.held(uuid) == [(host, 512, 1, 1, False)]
    assert cluster.quota() == {"cores": (1, 0), "instances": (1, 0), "ram": (512, 0)}


def busy_guests(tmp_path):
    """Options of a cluster whose guests dirty their memory faster than it can be copied."""
    book = tmp_path / "busy.yaml"
    book.write_text("{copy_disks: true, dirty_mb_per_s: 1000000}")
    return {"simulator.stages": str(book), "profile": "huge", "live_migration_downtime": 1}
