"""A whole cluster for a story: driven over WSGI as a user would, watched through its journal, audited at the end."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import webob
from checker import Checker

from novasim.compute.virt.driver import Guest
from novasim.conductor.orchestrator import Orchestrator
from novasim.db import actions, claims, engine, instances, migrations, quotas
from novasim.launch import audit, embedded
from novasim.objects import Instance, Migration
from novasim.rpc.sim_driver import Bus

TINY, SMALL, MEDIUM, LARGE = "1", "2", "3", "4"
USER, ADMIN = "alice:demo", "admin:admin"
DEADLINE_S = 20
CRUMBS = ("id", "name", "memory_mb", "vcpus", "root_gb", "ephemeral_gb", "flavorid", "swap", "rxtx_factor",
          "vcpu_weight")


class Watch:
    """All hops of a journal, and a way to wait for one without asking again and again."""

    def __init__(self, journal: Any):
        self.hops: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self.close = journal.subscribe(self._note)

    def _note(self, hop: dict[str, Any]) -> None:
        with self._news:
            self.hops.append(hop)
            self._news.notify_all()

    def mark(self) -> int:
        """A place in the journal, to wait for what comes after it."""
        return len(self.hops)

    def wait(self, what: str, since: int = 0, times: int = 1, **details: Any) -> list[dict[str, Any]]:
        """The hops called ``what`` with these details, once there are so many."""
        def found() -> list[dict[str, Any]]:
            return [hop for hop in self.hops[since:] if hop["what"] == what
                    and all(hop.get(key) == value for key, value in details.items())]

        with self._news:
            arrived = self._news.wait_for(lambda: len(found()) >= times, DEADLINE_S)
        assert arrived, f"{what} {details} did not happen; what did: " + "\n".join(
            f"{hop['service']}/{hop['host']} {hop['what']} {hop.get('vm_state')}/{hop.get('task_state')}"
            for hop in self.hops[since:])
        return found()

    def wait_any(self, whats: tuple[str, ...], since: int) -> None:
        """Until one of these hops has happened."""
        with self._news:
            arrived = self._news.wait_for(lambda: any(hop["what"] in whats for hop in self.hops[since:]), DEADLINE_S)
        assert arrived, (whats, [hop["what"] for hop in self.hops[since:]])

    def more(self, since: int, seconds: float) -> bool:
        """Whether anything happens within so many seconds."""
        with self._news:
            return self._news.wait_for(lambda: len(self.hops) > since, seconds)

    def count(self, what: str, since: int = 0) -> int:
        return sum(hop["what"] == what for hop in self.hops[since:])


class Records:
    """Behind the scenes: what the tables and the hypervisors hold."""

    conf: Any
    db: Any
    agents: Any

    def row(self, uuid: str) -> Instance:
        return self.db.read(instances.get, uuid)

    def state(self, uuid: str) -> tuple[str | None, str | None]:
        row = self.row(uuid)
        return row.vm_state, row.task_state

    def move(self, uuid: str) -> Migration:
        """The newest move of a server."""
        return self.db.read(migrations.list_page, {"instance_uuid": uuid}, newest_first=True)[0]

    def held(self, uuid: str) -> list[tuple[str, int, int, int, bool]]:
        """The claims of a server: (host, MB, vCPUs, GB, is it a move's), sorted."""
        return sorted((claim["host"], claim["memory_mb"], claim["vcpus"], claim["disk_gb"],
                       claim["migration_id"] is not None) for claim in self.db.read(claims.of_instance, uuid))

    def quota(self, project: str = "demo") -> dict[str, tuple[int, int]]:
        """(in use, reserved) by resource."""
        return self.db.read(quotas.usage, project)

    def guests(self, uuid: str) -> dict[tuple[str, str], int]:
        """Power states by (host, role): what the hypervisors hold of a server."""
        return {(guest.host, guest.role): guest.power_state for guest in self.all_guests()
                if guest.instance_uuid == uuid}

    def all_guests(self) -> list[Guest]:
        return self.agents.driver.list_guests()

    def snapshots(self, uuid: str) -> dict[str, str | None]:
        """Names of the flavors that system_metadata keeps by prefix; each has all ten keys or none."""
        sys_meta = self.row(uuid).system_metadata
        found = {}
        for prefix in ("", "old_", "new_"):
            keys = [f"{prefix}instance_type_{crumb}" for crumb in CRUMBS]
            have = [key in sys_meta for key in keys]
            assert all(have) or not any(have), (prefix, sys_meta)
            found[prefix] = sys_meta[f"{prefix}instance_type_name"] if have[0] else None
        found["old_vm_state"] = sys_meta.get("old_vm_state")
        return found

    def fault(self, uuid: str) -> str | None:
        found = self.db.read(actions.latest_faults, [uuid]).get(uuid)
        return None if found is None else str(found["message"])

    def record(self, uuid: str, request: str) -> dict[str, Any]:
        """An action with its events."""
        return self.db.read(actions.get, uuid, request)

    def audit_at_rest(self) -> list[str]:
        """The audit of a cluster that is stopped, when all that was under way has ended."""
        database = engine.connect(self.conf, self.clock)
        findings = audit.run(self.conf, database)
        database.close()
        return findings

    def audit(self) -> list[str]:
        return audit.run(self.conf, self.db)


class Cluster(Records):
    """An embedded cluster and its user."""

    def __init__(self, state_dir: Path, hosts: int = 3, clock: Any = None, checked: bool = False, **overrides: Any):
        self.checked, self.findings = checked, []
        self.state_dir, self._hosts, self._clock, self._overrides = state_dir, hosts, clock, overrides
        self._names = itertools.count(1)
        self.start()

    def start(self) -> None:
        """Start it; after a stop, the same cluster again."""
        self.embedded = embedded.EmbeddedCluster(
            self.state_dir, self._hosts, {"graceful_shutdown_timeout": 10, **self._overrides}, self._clock)
        self.embedded.start()
        ground = self.embedded.ground
        self.conf, self.db, self.faults, self.clock = self.embedded.conf, ground.db, ground.faults, ground.clock
        self.ground, self.agents, self.orchestrator = ground, self.embedded.agents, self.embedded.orchestrator
        self.watch = Watch(ground.journal)
        self.checker = Checker(self.conf, self.db, ground.journal) if self.checked else None

    def stop(self) -> None:
        self.watch.close()
        if self.checker is not None:
            self.checker.close()
            self.findings += self.checker.findings
        self.embedded.stop()

    def restart(self) -> None:
        """The same cluster again; what was in its queues is lost, as with a broker that died too."""
        self.stop()
        self.start()

    def settle(self) -> None:
        """Wait until no message is worked on any more: what was sent to several hosts has arrived everywhere."""
        assert Bus.of(self.conf.transport_url).wait_idle(DEADLINE_S)

    def http(self, method: str, path: str, body: Any = None, token: str = USER, version: str = "2.1",
             raw: bytes | None = None) -> webob.Response:
        request = webob.Request.blank(f"/v2.1{path}", method=method, headers={
            "X-Auth-Token": token, "X-OpenStack-Nova-API-Version": version, "Content-Type": "application/json"})
        if body is not None or raw is not None:
            request.body = raw if raw is not None else json.dumps(body).encode()
        return request.get_response(self.embedded.app.application)

    def get(self, path: str, token: str = USER, version: str = "2.1") -> Any:
        answer = self.http("GET", path, None, token, version)
        assert answer.status_int == 200, (path, answer.status, answer.text)
        return answer.json

    def action(self, uuid: str, body: dict[str, Any], token: str = USER, status: int = 202) -> str:
        """Ask for an action; returns its request id."""
        answer = self.http("POST", f"/servers/{uuid}/action", body, token)
        assert answer.status_int == status, (body, answer.status, answer.text)
        return str(answer.headers["x-openstack-request-id"])

    def boot(self, flavor: str = TINY, token: str = USER, **values: Any) -> str:
        """A new server, ACTIVE."""
        mark = self.watch.mark()
        uuid = self.create(flavor, token, **values)
        self.watch.wait("built", mark, instance_uuid=uuid)
        return uuid

    def create(self, flavor: str = TINY, token: str = USER, **values: Any) -> str:
        body = {"name": f"vm-{next(self._names)}", "flavorRef": flavor, "networks": "none",
                "imageRef": "155d900f-4e14-4e4c-a73d-069cbf4541e6"}
        answer = self.http("POST", "/servers", {"server": body | values}, token, "2.37")
        assert answer.status_int == 202, answer.text
        return str(answer.json["server"]["id"])

    def stopped(self, flavor: str = TINY) -> str:
        """A new server, SHUTOFF."""
        uuid = self.boot(flavor)
        self.do(uuid, "stop")
        return uuid

    def act(self, uuid: str, body: dict[str, Any], until: str, token: str = USER, status: int = 202) -> str:
        """Ask for an action and wait for the hop that ends it; returns its request id."""
        mark = self.watch.mark()
        request = self.action(uuid, body, token, status)
        self.watch.wait(until, mark, instance_uuid=uuid)
        return request

    # Actions by a word: (body, status of the answer, hop that ends it).
    _WORDS = {
        "resize": ({"resize": {"flavorRef": SMALL}}, 202, "waiting for confirm or revert"),
        "confirm": ({"confirmResize": None}, 204, "confirmed"), "revert": ({"revertResize": None}, 202, "reverted"),
        "stop": ({"os-stop": None}, 202, "compute_stop_instance"),
        "start": ({"os-start": None}, 202, "compute_start_instance"),
        "reboot": ({"reboot": {"type": "HARD"}}, 202, "compute_reboot_instance"),
        "image": ({"createImage": {"name": "copy"}}, 202, "image made"),
        "backup": ({"createBackup": {"name": "copy", "backup_type": "daily", "rotation": 1}}, 202, "image made"),
        "rebuild": ({"rebuild": {"imageRef": "155d900f-4e14-4e4c-a73d-069cbf4541e6"}}, 202, "rebuilt"),
        "shelve": ({"shelve": None}, 202, "shelved"), "offload": ({"shelveOffload": None}, 202, "offloaded"),
        "unshelve": ({"unshelve": None}, 202, "unshelved"),
    }

    def begin(self, uuid: str, word: str) -> str:
        """Ask for something, without waiting; returns the uuid."""
        if word == "delete":
            assert self.http("DELETE", f"/servers/{uuid}").status_int == 204
        else:
            body, status, _ = self._WORDS[word]
            self.action(uuid, body, ADMIN if word == "offload" else USER, status)
        return uuid

    def do(self, uuid: str, word: str) -> None:
        """Ask for something and wait for the end of it."""
        mark = self.watch.mark()
        self.begin(uuid, word)
        self.watch.wait(self._WORDS[word][2], mark, instance_uuid=uuid)

    def resize(self, uuid: str, flavor: str = SMALL, until: str = "waiting for confirm or revert") -> str:
        return self.act(uuid, {"resize": {"flavorRef": flavor}}, until)

    def migrate(self, uuid: str, until: str = "waiting for confirm or revert") -> str:
        return self.act(uuid, {"migrate": None}, until, ADMIN)

    def confirm(self, uuid: str, until: str = "confirmed") -> str:
        return self.act(uuid, {"confirmResize": None}, until, status=204)

    def revert(self, uuid: str, until: str = "reverted") -> str:
        return self.act(uuid, {"revertResize": None}, until)

    def delete(self, uuid: str) -> None:
        """Delete a server and wait until it is gone; one without a host is gone at once."""
        mark, host = self.watch.mark(), self.row(uuid).host
        answer = self.http("DELETE", f"/servers/{uuid}")
        assert answer.status_int == 204, answer.text
        if host is not None:
            self.watch.wait("deleted", mark, instance_uuid=uuid)

    def status(self, uuid: str) -> str:
        return str(self.get(f"/servers/{uuid}")["server"]["status"])


def on_every_choice(monkeypatch: Any, look: Callable[[int, dict[str, Any]], None] = lambda *_: None) -> list[str]:
    """Let ``look(number, chosen)`` see each host that a conductor takes for one server, whether the scheduler was asked
    or it is an alternate; it may change it. Returns the names of the hosts, to which each new one is added."""
    real, told = Orchestrator.next_destination, list[str]()

    def choose(self: Orchestrator, *args: Any) -> dict[str, Any]:
        chosen = real(self, *args)
        told.append(chosen["host"])
        look(len(told), chosen)
        return chosen

    monkeypatch.setattr(Orchestrator, "next_destination", choose)
    return told


def refuse(chosen: dict[str, Any]) -> None:
    """No claim can keep these ceilings: as if somebody else had been faster."""
    chosen["limits"] = {"memory_mb": 1, "vcpu": 0, "disk_gb": 0}


def clusters(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Makes clusters, stops them, and asks the audit of each whether all is as it should be.

    With ``checked=True`` a cluster is looked at after each transaction and each hop, too.
    """
    running: list[Cluster] = []

    def make(hosts: int = 3, clock: Any = None, name: str = "state", checked: bool = False,
             **overrides: Any) -> Cluster:
        cluster = Cluster(tmp_path / name, hosts, clock, checked, **overrides)
        running.append(cluster)
        return cluster

    yield make
    findings: list[str] = []
    for cluster in running:
        cluster.stop()
        findings += cluster.findings + cluster.audit_at_rest()
    assert findings == [], "\n".join(findings)
