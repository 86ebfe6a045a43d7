"""A whole cluster for a story: driven over WSGI as a user would, watched through its journal, audited at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from checker import Checker

from novasim.compute.virt.driver import Guest
from novasim.conductor.orchestrator import Orchestrator
from novasim.db import actions, claims, engine, instances, migrations, quotas
from novasim.db.engine import Database
from novasim.launch import audit
from novasim.objects import Instance, Migration
from novasim.sim.clock import Clock
from novasim.testing import cluster as testing
from novasim.testing.cluster import ADMIN, DEADLINE_S, LARGE, MEDIUM, SMALL, TINY, USER, Watch
from novasim.testing.shelf import Shelf

__all__ = ["ADMIN", "DEADLINE_S", "LARGE", "MEDIUM", "SMALL", "TINY", "USER", "Cluster", "Watch", "clusters"]
CRUMBS = ("id", "name", "memory_mb", "vcpus", "root_gb", "ephemeral_gb", "flavorid", "swap", "rxtx_factor",
          "vcpu_weight")


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
        move = self.db.read(migrations.in_progress, uuid)
        return sorted((claim["host"], claim["memory_mb"], claim["vcpus"], claim["disk_gb"],
                       move is not None and claim["migration_id"] == move.id)
                      for claim in self.db.read(claims.of_instance, uuid))

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


class Cluster(Records, testing.Cluster):
    """An embedded cluster, its user, and a look behind the scenes."""

    def __init__(self, state_dir: Path, hosts: int = 3, clock: Any = None, checked: bool = False, database: Any = None,
                 **overrides: Any):
        self.checked, self.findings = checked, []
        super().__init__(state_dir, hosts, clock, database, **overrides)
        self.start()

    def start(self) -> None:
        super().start()
        self.ground = self.embedded.ground
        self.agents, self.orchestrator = self.embedded.agents, self.embedded.orchestrator
        self.checker = Checker(self.conf, self.db, self.ground.journal) if self.checked else None

    def stop(self) -> None:
        if self.checker is not None:
            self.checker.close()
            self.findings += self.checker.findings
        super().stop()

    def stopped(self, flavor: str = TINY) -> str:
        """A new server, SHUTOFF."""
        uuid = self.boot(flavor)
        self.do(uuid, "stop")
        return uuid

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


def clusters(tmp_path: Path, shelf: Shelf) -> Iterator[Callable[..., Cluster]]:
    """Makes clusters, stops them, and asks the audit of each whether all is as it should be.

    With ``checked=True`` a cluster is looked at after each transaction and each hop, too.
    """
    running: list[Cluster] = []
    databases: dict[str, Database] = {}

    def make(hosts: int = 3, clock: Any = None, name: str = "state", checked: bool = False,
             **overrides: Any) -> Cluster:
        if name not in databases:
            databases[name] = shelf.database()
        databases[name].clock = clock or Clock()
        cluster = Cluster(tmp_path / name, hosts, clock, checked, databases[name], **overrides)
        running.append(cluster)
        return cluster

    yield make
    findings: list[str] = []
    for cluster in running:
        cluster.stop()
        findings += cluster.findings + audit.run(cluster.conf, cluster.db)
    for database in databases.values():
        shelf.give_back(database)
    assert findings == [], "\n".join(findings)
