"""A whole cluster in the process of a test: driven as a user would, watched through its journal."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import webob

from novasim.db.engine import Database
from novasim.launch import embedded
from novasim.launch.seed import IMAGE_ID
from novasim.rpc.sim_driver import Bus
from novasim.sim.clock import Clock
from novasim.sim.journal import Journal

TINY, SMALL, MEDIUM, LARGE = "1", "2", "3", "4"
USER, ADMIN = "alice:demo", "admin:admin"
DEADLINE_S = 20.0
# What a test neither needs nor wants to wait for.
_LEAN = {"graceful_shutdown_timeout": 10, "api.threads": 4, "database.sqlite_synchronous": False}


class Watch:
    """All hops of a journal, and a way to wait for one without asking again and again."""

    def __init__(self, journal: Journal):
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
        """The hops called ``what`` with these details, once there are so many.

        :raises AssertionError: when they do not come; it tells what came instead
        """
        def found() -> list[dict[str, Any]]:
            return [hop for hop in self.hops[since:] if hop["what"] == what
                    and all(hop.get(key) == value for key, value in details.items())]

        with self._news:
            arrived = self._news.wait_for(lambda: len(found()) >= times, DEADLINE_S)
        if not arrived:
            raise AssertionError(f"{what} {details} did not happen; what did: " + "\n".join(
                f"{hop['service']}/{hop['host']} {hop['what']} {hop.get('vm_state')}/{hop.get('task_state')}"
                for hop in self.hops[since:]))
        return found()

    def wait_any(self, whats: tuple[str, ...], since: int) -> None:
        """Until one of these hops has happened."""
        with self._news:
            arrived = self._news.wait_for(lambda: any(hop["what"] in whats for hop in self.hops[since:]), DEADLINE_S)
        if not arrived:
            raise AssertionError(f"none of {whats}: {[hop['what'] for hop in self.hops[since:]]}")

    def more(self, since: int, seconds: float) -> bool:
        """Whether anything happens within so many seconds."""
        with self._news:
            return self._news.wait_for(lambda: len(self.hops) > since, seconds)

    def count(self, what: str, since: int = 0) -> int:
        return sum(hop["what"] == what for hop in self.hops[since:])

    def forget(self) -> None:
        with self._news:
            self.hops.clear()


class Cluster:
    """An embedded cluster and its user.

    :param state_dir: where it lives; started again with the same one it is the same cluster
    :param database: where it keeps its tables instead
    :param overrides: ``{"section.option": value}``
    :ivar endpoint: URL of the API
    :ivar token: for the header X-Auth-Token: a user and a project; ADMIN is an administrator's
    :ivar faults: rules in force (:class:`novasim.sim.faults.Faults`)
    :ivar watch: the journal (:class:`Watch`)
    """

    token = USER

    def __init__(self, state_dir: Path, hosts: int = 3, clock: Clock | None = None,
                 database: Database | None = None, **overrides: Any):
        self.state_dir, self._hosts, self._clock, self._database = state_dir, hosts, clock, database
        where = {"database.connection": str(database.engine.url)} if database else {}
        self._overrides: Mapping[str, Any] = _LEAN | where | overrides
        self._names = itertools.count(1)

    def start(self) -> None:
        """Start it; after a stop, the same cluster again."""
        self.embedded = embedded.EmbeddedCluster(
            self.state_dir, self._hosts, self._overrides, self._clock, database=self._database)
        self.embedded.start()
        ground = self.embedded.ground
        self.conf, self.db, self.faults, self.clock = self.embedded.conf, ground.db, ground.faults, ground.clock
        self.endpoint = self.embedded.endpoint
        self.watch = Watch(ground.journal)

    def stop(self) -> None:
        self.watch.close()
        self.embedded.stop()

    def restart(self) -> None:
        """The same cluster again; what was in its queues is lost, as with a broker that died too."""
        self.stop()
        self.start()

    def reset(self, patience_s: float = DEADLINE_S) -> bool:
        """Forget all that has happened, where the cluster came from a :class:`~novasim.testing.shelf.Shelf`.

        :param patience_s: seconds to wait for the end of what is under way
        :returns: False when it did not end in time
        """
        if not self.embedded.reset(patience_s):
            return False
        self.watch.forget()
        self._names = itertools.count(1)
        return True

    def settle(self) -> None:
        """Wait until no message is worked on any more: what was sent to several hosts has arrived everywhere.

        :raises AssertionError: when that does not come
        """
        if not Bus.of(self.conf.transport_url).wait_idle(DEADLINE_S):
            raise AssertionError("messages are still worked on")

    def http(self, method: str, path: str, body: Any = None, token: str | None = None, version: str = "2.1",
             raw: bytes | None = None) -> webob.Response:
        """A request below /v2.1, past the sockets."""
        request = webob.Request.blank(f"/v2.1{path}", method=method, headers={
            "X-Auth-Token": token or self.token, "X-OpenStack-Nova-API-Version": version,
            "Content-Type": "application/json"})
        if body is not None or raw is not None:
            request.body = raw if raw is not None else json.dumps(body).encode()
        return request.get_response(self.embedded.app.application)

    def _ask(self, status: int, method: str, path: str, body: Any = None, token: str | None = None,
             version: str = "2.1") -> webob.Response:
        answer = self.http(method, path, body, token, version)
        if answer.status_int != status:
            raise AssertionError(f"{method} {path} {body}: {answer.status} {answer.text}")
        return answer

    def get(self, path: str, token: str | None = None, version: str = "2.1") -> Any:
        return self._ask(200, "GET", path, None, token, version).json

    def action(self, uuid: str, body: dict[str, Any], token: str | None = None, status: int = 202) -> str:
        """Ask for an action; returns its request id."""
        answer = self._ask(status, "POST", f"/servers/{uuid}/action", body, token)
        return str(answer.headers["x-openstack-request-id"])

    def act(self, uuid: str, body: dict[str, Any], until: str, token: str | None = None, status: int = 202) -> str:
        """Ask for an action and wait for the hop that ends it; returns its request id."""
        mark = self.watch.mark()
        request = self.action(uuid, body, token, status)
        self.watch.wait(until, mark, instance_uuid=uuid)
        return request

    def create(self, flavor: str = TINY, token: str | None = None, **values: Any) -> str:
        """Ask for a server; returns its uuid."""
        body = {"name": f"vm-{next(self._names)}", "flavorRef": flavor, "networks": "none", "imageRef": IMAGE_ID}
        return str(self._ask(202, "POST", "/servers", {"server": body | values}, token, "2.37").json["server"]["id"])

    def boot(self, flavor: str = TINY, token: str | None = None, **values: Any) -> str:
        """A new server, ACTIVE."""
        mark = self.watch.mark()
        uuid = self.create(flavor, token, **values)
        self.watch.wait("built", mark, instance_uuid=uuid)
        return uuid

    def resize(self, uuid: str, flavor: str = SMALL, until: str = "waiting for confirm or revert") -> str:
        return self.act(uuid, {"resize": {"flavorRef": flavor}}, until)

    def migrate(self, uuid: str, until: str = "waiting for confirm or revert") -> str:
        return self.act(uuid, {"migrate": None}, until, ADMIN)

    def confirm(self, uuid: str, until: str = "confirmed") -> str:
        return self.act(uuid, {"confirmResize": None}, until, status=204)

    def revert(self, uuid: str, until: str = "reverted") -> str:
        return self.act(uuid, {"revertResize": None}, until)

    def delete(self, uuid: str) -> None:
        """Delete a server and wait until it is gone."""
        mark = self.watch.mark()
        placed = self.get(f"/servers/{uuid}", ADMIN)["server"]["OS-EXT-SRV-ATTR:host"]
        self._ask(204, "DELETE", f"/servers/{uuid}")
        if placed is not None:
            # Without a host it is gone at once.
            self.watch.wait("deleted", mark, instance_uuid=uuid)

    def status(self, uuid: str) -> str:
        return str(self.get(f"/servers/{uuid}")["server"]["status"])
