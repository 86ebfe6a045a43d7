"""The API at the level of WSGI: a real database, real rules, and two proxies that write down what they were told."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import documented
import pytest
import webob
from identity_door import Door

import novasim.api.options
import novasim.db.options
from novasim import config, quota, states
from novasim.api.app import Api
from novasim.db import actions, claims, flavors, hosts, images, instances, migrations, quotas
from novasim.db.engine import Database, Transaction
from novasim.objects import ComputeNode, Flavor, Instance, Migration
from novasim.sim.clock import ManualClock
from novasim.sim.journal import Journal

# What makes up requests is in an environment of its own (tox.ini).
collect_ignore = [] if importlib.util.find_spec("schemathesis") else ["test_fuzz.py"]
NOON = datetime(2026, 1, 1, 12)
IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
FLAVORS = [
    Flavor(flavorid="1", name="m1.tiny", memory_mb=512, vcpus=1, root_gb=1),
    Flavor(flavorid="2", name="m1.small", memory_mb=2048, vcpus=1, root_gb=20),
    Flavor(flavorid="3", name="m1.medium", memory_mb=4096, vcpus=2, root_gb=40,
           extra_specs={"hw:cpu_policy": "shared"}),
    Flavor(flavorid="zero", name="diskless", memory_mb=512, vcpus=1, root_gb=0),
    Flavor(flavorid="off", name="disabled", memory_mb=512, vcpus=1, root_gb=1, disabled=True),
    Flavor(flavorid="priv", name="private", memory_mb=1024, vcpus=1, root_gb=1, is_public=False),
]


class Proxy:
    """Takes every message and remembers it: (method, context, positional arguments, arguments).

    :ivar answers: what a call by its method is answered
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any, tuple[Any, ...], dict[str, Any]]] = []
        self.broken: Exception | None = None
        self.answers: dict[str, Any] = {f"get_{protocol}_console": {"token": "t", "access_url": f"http://{protocol}?t"}
                                        for protocol in ("vnc", "spice", "rdp", "serial", "mks")} | {
                                            "get_console_output": "login: "}

    def __getattr__(self, method: str) -> Any:
        def send(context: Any, *args: Any, **arguments: Any) -> Any:
            if self.broken is not None:
                raise self.broken
            self.sent.append((method, context, args, arguments))
            return self.answers.get(method)
        return send


class Answer:
    """A status, headers and the decoded body."""

    def __init__(self, wire: webob.Response):
        self.status = wire.status_int
        self.headers = wire.headers
        self.text = wire.text if wire.body else ""
        self.body = json.loads(wire.body) if wire.content_type == "application/json" and wire.body else None

    @property
    def message(self) -> str:
        [(_, fault)] = self.body.items()
        return fault["message"]


def fill(database: Database) -> None:
    """What is there before anybody asks for anything."""
    def rows(tx: Transaction) -> None:
        for flavor in FLAVORS:
            flavors.create(tx, Flavor(**{name: getattr(flavor, name) for name in Flavor.__struct_fields__}))
        images.create(tx, IMAGE, "cirros", 41126400, properties={"architecture": "x86_64", "auto_disk_config": "True"})
        images.create(tx, "a2459075-d96c-40d5-893e-577ff92e721c", "big", 1, min_ram=1024, min_disk=10)
        hosts.register(tx, ["cmp-1", "cmp-2", "cmp-3"], "nova-compute", "compute")
        hosts.register(tx, ["ctl"], "nova-conductor", "conductor")
        hosts.register_nodes(tx, [ComputeNode(uuid="", host=host, hypervisor_hostname=host, vcpus=16, memory_mb=65536,
                                              local_gb=1000) for host in ("cmp-1", "cmp-2", "cmp-3")], {})

    database.clock = ManualClock(NOON)
    database.write(rows)


class Cloud:
    """A cluster's front door with its database, and ways to play what agents would do."""

    image = IMAGE

    def __init__(self, directory: Any, database: Database, **overrides: Any):
        groups = [*novasim.db.options.list_opts(), *novasim.api.options.list_opts()]
        self.conf = config.build(groups, overrides={"state_path": str(directory)} | overrides)
        self.clock = ManualClock(NOON)
        self.db, self.db.clock = database, self.clock
        self.conductor, self.compute = Proxy(), Proxy()
        self.hops: list[dict[str, Any]] = []
        self.journal = Journal(directory / "journal", "api", self.clock)
        self.journal.subscribe(self.hops.append)
        self.api = Api(self.conf, self.db, self.clock, self.conductor, self.compute, None, self.journal)

    def call(self, method: str, path: str, body: Any = None, version: str | None = None, user: str = "admin:admin",
             raw: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """One request; a dict is sent as JSON. A path after "@" is taken from the root, any other below /v2.1."""
        request = webob.Request.blank(path[1:] if path.startswith("@") else "/v2.1" + path, method=method)
        request.headers["X-Auth-Token"] = user
        if version:
            request.headers["OpenStack-API-Version"] = f"compute {version}"
        if body is not None or raw is not None:
            request.body = json.dumps(body).encode() if raw is None else raw
            request.content_type = "application/json"
        request.headers.update(headers or {})
        answer = request.get_response(self.api.application)
        documented.check(request, answer)
        return Answer(answer)

    def get(self, path: str, **options: Any) -> Answer:
        return self.call("GET", path, **options)

    def act(self, server: str, action: str, content: Any = None, **options: Any) -> Answer:
        return self.call("POST", f"/servers/{server}/action", {action: content}, **options)

    def boot(self, flavor: str = "1", user: str = "bob:p1", host: str | None = "cmp-1",
             hints: dict[str, Any] | None = None, **fields: Any) -> str:
        """A server that is ACTIVE on a host; BUILD without one."""
        answer = self.call("POST", "/servers", {"server": {
            "name": "vm", "flavorRef": flavor, "imageRef": IMAGE} | fields,
            "os:scheduler_hints": hints or {}}, user=user)
        assert answer.status == 202, answer.text
        server: str = answer.body["server"]["id"]
        if host is not None:
            self.db.write(self._built, server, host)
        self.conductor.sent.clear()
        self.hops.clear()
        return server

    def _built(self, tx: Transaction, server: str, host: str) -> None:
        claims.take(tx, host, host, server, instances.get(tx, server).flavor(), {})
        instances.update(tx, server, vm_state=states.ACTIVE, task_state=None, host=host, node=host,
                         power_state=states.RUNNING, launched_at=tx.now)

    def resized(self, server: str, flavor: str = "3", dest: str = "cmp-2", action: str = "resize") -> Migration:
        """Resize a server and play the agents' part, up to VERIFY_RESIZE."""
        content = {"flavorRef": flavor} if action == "resize" else None
        answer = self.act(server, action, content, user="admin:admin")
        assert answer.status == 202, answer.text
        sent = self.conductor.sent.pop()[3]
        return self.db.write(self._moved, sent["instance"], sent["flavor"], dest)

    def _moved(self, tx: Transaction, instance: Instance, flavor: Flavor, dest: str) -> Migration:
        instances.stash_new_flavor(tx, instance.uuid, flavor, instance.vm_state or "")
        migration = migrations.create(tx, Migration(
            uuid="", instance_uuid=instance.uuid, status=states.FINISHED, migration_type="resize",
            source_compute=instance.host, source_node=instance.node, dest_compute=dest, dest_node=dest,
            old_instance_type_id=instance.instance_type_id, new_instance_type_id=flavor.id))
        claims.take(tx, dest, dest, instance.uuid, flavor, {}, migration.id)
        instances.promote_new_flavor(tx, instance.uuid)
        quotas.settle(tx, instance, {name: -delta for name, delta in quota.upsize_deltas(
            instance.flavor(), flavor).items()})
        instances.update(tx, instance.uuid, vm_state=states.RESIZED, task_state=None, host=dest, node=dest,
                         **instances.flavor_columns(flavor))
        return migration

    def play_event(self, request_id: str, server: str, event: str) -> None:
        """What an agent or conductor notes of one hop."""
        self.db.write(actions.start_event, request_id, server, event, "cmp-1", True)

    def row(self, server: str) -> Instance:
        return self.db.read(instances.get, server, None, True)

    def set(self, server: str, **values: Any) -> None:
        self.db.write(instances.update, server, **values)


class V2:
    """The same front door, by its API of 2014."""

    def __init__(self, cloud: Cloud):
        self.cloud = cloud

    def call(self, method: str, path: str, body: Any = None, user: str = "bob:p1", xml: str | None = None,
             under: str = "v2", **options: Any) -> Answer:
        """One request, below the user's project; ``xml`` is sent instead of a body."""
        if xml is not None:
            options["raw"] = xml.encode()
            options["headers"] = {"Content-Type": "application/xml"} | options.get("headers", {})
        return self.cloud.call(method, f"@/{under}/{user.partition(':')[2]}{path}", body, user=user, **options)

    def get(self, path: str, **options: Any) -> Answer:
        return self.call("GET", path, **options)

    def act(self, server: str, action: str, content: Any = None, **options: Any) -> Answer:
        return self.call("POST", f"/servers/{server}/action", {action: content}, **options)


@pytest.fixture
def make_cloud(tmp_path: Any, novasim_shelf: Any) -> Iterator[Any]:
    made: list[Cloud] = []

    def make(**overrides: Any) -> Cloud:
        directory = tmp_path / f"cloud{len(made)}"
        directory.mkdir()
        made.append(Cloud(directory, novasim_shelf.database(fill=fill), **overrides))
        return made[-1]

    yield make
    for cloud in made:
        novasim_shelf.give_back(cloud.db)
        cloud.journal.close()


@pytest.fixture
def cloud(make_cloud: Any) -> Cloud:
    return make_cloud()


@pytest.fixture
def v2(cloud: Cloud) -> V2:
    return V2(cloud)


@pytest.fixture
def door(make_cloud: Any) -> Door:
    """A cloud whose users log in."""
    return Door(make_cloud)


@pytest.fixture
def admin(door: Door) -> str:
    """The token of its administrator."""
    return door.token("admin")
