"""python-novaclient: all its managers, over a session of keystoneauth; and its command, ``nova``."""

import contextlib
import io
import os
import shlex
import threading
import time
import types
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from keystoneauth1 import session
from keystoneauth1.identity import v3
from novaclient import API_MAX_VERSION, client, exceptions, shell

CLIENT = "python-novaclient"
CIRROS, ALPINE = "155d900f-4e14-4e4c-a73d-069cbf4541e6", "70a599e0-31e7-49b7-b260-868f441e862b"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq1TVOf/y61SDCjIenYyYCb5EG9ZaOmJo8uvNwaCvbl remark"
HOST = "cmp-0006"


class Row(NamedTuple):
    """A call: ``call(nova, kept)``; its result is kept under its name, and has what is expected of it."""
    area: str
    name: str
    call: Callable[[Any, Any], Any]
    expected: Any = None


def rest(nova, kept, status, deadline_s=60):
    """The server ``one`` when nothing is going on with it any more."""
    deadline, quiet = time.monotonic() + deadline_s, threading.Event()
    while True:
        server = nova.servers.get(kept.one)
        if server.status == status and getattr(server, "OS-EXT-STS:task_state") is None:
            return server
        assert time.monotonic() < deadline, f"{server.status} after {deadline_s} s, not {status}"
        quiet.wait(0.2)


def act(verb, status, *args, **kwargs):
    """A method of the server ``one``, and the server when it has ended."""
    def call(nova, kept):
        getattr(nova.servers, verb)(kept.one, *args, **kwargs)
        return rest(nova, kept, status)
    return call


def of(manager, verb, *args, **kwargs):
    """A method of a manager."""
    return lambda nova, kept: getattr(getattr(nova, manager), verb)(*args, **kwargs)


def one(verb, *args, **kwargs):
    """A method of the manager of servers about ``one``."""
    return lambda nova, kept: getattr(nova.servers, verb)(kept.one, *args, **kwargs)


def refused(call):
    """The status of a refusal."""
    def asked(nova, kept):
        with pytest.raises(exceptions.ClientException) as refusal:
            call(nova, kept)
        return refusal.value.code
    return asked


def empty(told):
    return told == []


ROWS = [
    Row("versions", "current", of("versions", "get_current"), {"version": "2.104", "status": "CURRENT"}),
    Row("versions", "versions", of("versions", "list"), [{"id": "v2.0"}, {"id": "v2.1"}]),
    Row("flavors", "flavors", of("flavors", "list", is_public=None), [{"name": "m1.tiny"}]),
    Row("flavors", "flavor", of("flavors", "create", "nc", 64, 1, 1, description="words", is_public=False),
        {"name": "nc", "description": "words"}),
    Row("flavors", "keys", lambda nova, kept: kept.flavor.set_keys({"a:b": "c"})),
    Row("flavors", "keys_told", lambda nova, kept: kept.flavor.get_keys(), {"a:b": "c"}),
    Row("flavors", "keys_gone", lambda nova, kept: kept.flavor.unset_keys(["a:b"])),
    Row("flavors", "described", lambda nova, kept: kept.flavor.update(description="more"), {"description": "more"}),
    Row("flavors", "granted", lambda nova, kept: nova.flavor_access.add_tenant_access(
        kept.flavor, nova.client.session.get_project_id()), [{"flavor_id": str}]),
    Row("flavors", "access", lambda nova, kept: nova.flavor_access.list(flavor=kept.flavor), list),
    Row("flavors", "unknown", refused(of("flavors", "get", "nothing")), 404),
    Row("flavors", "deleted", lambda nova, kept: kept.flavor.delete()),
    Row("key pairs", "key", of("keypairs", "create", "nkey", KEY), {"fingerprint": str}),
    Row("key pairs", "keys", of("keypairs", "list"), [{"keypair": {"name": "nkey"}}]),
    Row("key pairs", "key_told", of("keypairs", "get", "nkey"), {"fingerprint": str}),
    Row("server groups", "group", of("server_groups", "create", "ng", "soft-anti-affinity"), {
        "policy": "soft-anti-affinity"}),
    Row("server groups", "groups", of("server_groups", "list"), [{"name": "ng"}]),
    Row("servers", "one", lambda nova, kept: nova.servers.create(
        "one", CIRROS, nova.flavors.find(name="m1.tiny"), nics="auto", meta={"a": "b"}, tags=["t"], description="words",
        scheduler_hints={"group": kept.group.id}), {"id": str, "adminPass": str}),
    Row("servers", "active", lambda nova, kept: rest(nova, kept, "ACTIVE"), {
        "name": "one", "metadata": {"a": "b"}, "tags": ["t"], "description": "words", "locked": False,
        "OS-EXT-SRV-ATTR:host": str, "addresses": dict}),
    Row("servers", "found", of("servers", "find", name="one"), {"name": "one"}),
    Row("servers", "listed", of("servers", "list", search_opts={"all_tenants": 1}, sort_keys=["created_at"],
                                sort_dirs=["desc"], limit=-1), [{"name": "one"}]),
    Row("servers", "renamed", one("update", name="uno", description="more"), {"name": "uno", "description": "more"}),
    Row("servers", "meta", one("set_meta", {"c": "d"})),
    Row("servers", "meta_item", one("set_meta_item", "e", "f")),
    Row("servers", "less_meta", one("delete_meta", ["a", "e"])),
    Row("servers", "told", one("get"), {"metadata": lambda told: told == {"c": "d"}}),
    Row("servers", "tag", one("add_tag", "u")),
    Row("servers", "tags", one("tag_list"), lambda told: sorted(told) == ["t", "u"]),
    Row("servers", "other_tags", one("set_tags", ["v"]), {"tags": ["v"]}),
    Row("servers", "no_tag", one("delete_tag", "v")),
    Row("servers", "no_tags", one("delete_all_tags")),
    Row("servers", "ips", one("ips"), dict),
    Row("servers", "topology", one("topology"), dict),
    Row("servers", "unknown_server", refused(of("servers", "get", "nothing")), 404),
    Row("moves", "resized", lambda nova, kept: act("resize", "VERIFY_RESIZE", nova.flavors.find(name="m1.small"))(
        nova, kept), {"flavor": {"original_name": "m1.small"}}),
    Row("moves", "resized_twice", refused(one("resize", "1")), 409),
    Row("moves", "confirmed", act("confirm_resize", "ACTIVE"), {"flavor": {"original_name": "m1.small"}}),
    Row("moves", "resized_again", act("resize", "VERIFY_RESIZE", "1"), {"flavor": {"original_name": "m1.tiny"}}),
    Row("moves", "reverted", act("revert_resize", "ACTIVE"), {"flavor": {"original_name": "m1.small"}}),
    Row("moves", "migrated", act("migrate", "VERIFY_RESIZE", host=HOST), {"OS-EXT-SRV-ATTR:host": HOST}),
    Row("moves", "migration_reverted", act("revert_resize", "ACTIVE"), {"status": "ACTIVE"}),
    Row("moves", "live", act("live_migrate", "ACTIVE", host=None, block_migration="auto"), {"status": "ACTIVE"}),
    Row("moves", "migrations", of("migrations", "list"), [{"status": "confirmed"}, {"status": "reverted"}]),
    Row("moves", "none_running", lambda nova, kept: nova.server_migrations.list(kept.one), list),
    Row("power", "stopped", act("stop", "SHUTOFF"), {"OS-EXT-STS:power_state": 4}),
    Row("power", "started", act("start", "ACTIVE"), {"OS-EXT-STS:power_state": 1}),
    Row("power", "rebooted", act("reboot", "ACTIVE"), {"status": "ACTIVE"}),
    Row("power", "reset", act("reboot", "ACTIVE", reboot_type="HARD"), {"status": "ACTIVE"}),
    Row("power", "paused", act("pause", "PAUSED"), {"status": "PAUSED"}),
    Row("power", "unpaused", act("unpause", "ACTIVE"), {"status": "ACTIVE"}),
    Row("power", "suspended", act("suspend", "SUSPENDED"), {"status": "SUSPENDED"}),
    Row("power", "resumed", act("resume", "ACTIVE"), {"status": "ACTIVE"}),
    Row("power", "rescued", act("rescue", "RESCUE", image=ALPINE), {"status": "RESCUE"}),
    Row("power", "unrescued", act("unrescue", "ACTIVE"), {"status": "ACTIVE"}),
    Row("power", "shelved", act("shelve", "SHELVED_OFFLOADED"), {"OS-EXT-SRV-ATTR:host": lambda told: told is None}),
    Row("power", "unshelved", act("unshelve", "ACTIVE"), {"OS-EXT-SRV-ATTR:host": str}),
    Row("power", "locked", act("lock", "ACTIVE", reason="because"), {"locked": True, "locked_reason": "because"}),
    Row("power", "unlocked", act("unlock", "ACTIVE"), {"locked": False}),
    Row("power", "rebuilt", act("rebuild", "ACTIVE", ALPINE, name="one", key_name="nkey", description=None), {
        "name": "one", "key_name": "nkey", "description": lambda told: told is None}),
    Row("power", "password", one("change_password", "s3cret")),
    Row("power", "no_password", one("get_password"), ""),
    Row("power", "cleared", one("clear_password")),
    Row("power", "failed", act("reset_state", "ERROR"), {"status": "ERROR"}),
    Row("power", "well", act("reset_state", "ACTIVE", "active"), {"status": "ACTIVE"}),
    Row("snapshots", "image", one("create_image", "snap"), str),
    Row("snapshots", "settled", lambda nova, kept: rest(nova, kept, "ACTIVE"), {"status": "ACTIVE"}),
    Row("snapshots", "backup", act("backup", "ACTIVE", "backup", "daily", 1), {"status": "ACTIVE"}),
    Row("consoles", "output", one("get_console_output", length=5), str),
    Row("consoles", "vnc", one("get_console_url", "novnc"), {"remote_console": {"url": str}}),
    Row("consoles", "diagnostics", one("diagnostics"), lambda told: told[1]["state"] == "running"),
    Row("consoles", "dump", one("trigger_crash_dump")),
    Row("networks", "interfaces", one("interface_list"), [{"port_state": "ACTIVE"}]),
    Row("networks", "security_groups", one("list_security_group"), [{"name": "default"}]),
    Row("volumes", "volumes", lambda nova, kept: nova.volumes.get_server_volumes(kept.one.id), empty),
    Row("history", "actions", lambda nova, kept: nova.instance_action.list(kept.one), [{"action": "create"},
                                                                                      {"action": "rebuild"}]),
    Row("history", "action", lambda nova, kept: nova.instance_action.get(kept.one, kept.actions[0].request_id),
        {"events": list}),
    Row("history", "usages", lambda nova, kept: nova.usage.list(*_span(), detailed=True), [{"server_usages": list}]),
    Row("history", "usage", lambda nova, kept: nova.usage.get(kept.told.tenant_id, *_span()), {"tenant_id": str}),
    Row("history", "audit", of("instance_usage_audit_log", "get"), {"log": dict, "num_hosts": 6}),
    Row("administration", "services", of("services", "list", binary="nova-compute"), [{"state": "up"}]),
    Row("administration", "disabled", lambda nova, kept: nova.services.disable_log_reason(
        kept.services[-1].id, "because"), {"disabled_reason": "because"}),
    Row("administration", "enabled", lambda nova, kept: nova.services.enable(kept.services[-1].id),
        {"status": "enabled"}),
    Row("administration", "hypervisors", of("hypervisors", "list", detailed=True), [{"state": "up"}]),
    Row("administration", "hypervisor", lambda nova, kept: nova.hypervisors.get(kept.hypervisors[0].id), {
        "hypervisor_hostname": str}),
    Row("administration", "with_servers", of("hypervisors", "search", "cmp-", servers=True), list),
    Row("administration", "zones", of("availability_zones", "list", detailed=True), [{"zoneName": "nova"}]),
    Row("administration", "aggregate", of("aggregates", "create", "nagg", "nz"), {"name": "nagg"}),
    Row("administration", "host_added", lambda nova, kept: kept.aggregate.add_host(HOST),
        {"hosts": [HOST]}),
    Row("administration", "metadata", lambda nova, kept: kept.aggregate.set_metadata({"a": "b"}), {
        "metadata": {"a": "b"}}),
    Row("administration", "cached", lambda nova, kept: nova.aggregates.cache_images(kept.aggregate, [CIRROS])),
    Row("administration", "host_removed", lambda nova, kept: kept.aggregate.remove_host(HOST), {"hosts": empty}),
    Row("administration", "no_aggregate", lambda nova, kept: kept.aggregate.delete()),
    Row("administration", "events", lambda nova, kept: nova.server_external_events.create(
        [{"name": "network-changed", "server_uuid": kept.one.id}]), [{"status": "completed"}]),
    Row("quotas", "limits", of("limits", "get"), {"absolute": object}),
    Row("quotas", "quota", lambda nova, kept: nova.quotas.get(kept.told.tenant_id, detail=True), {
        "instances": {"limit": 10, "in_use": 1}}),
    Row("quotas", "raised", lambda nova, kept: nova.quotas.update(kept.told.tenant_id, cores=30), {"cores": 30}),
    Row("quotas", "default", lambda nova, kept: nova.quotas.defaults(kept.told.tenant_id), {"cores": 20}),
    Row("quotas", "put_back", lambda nova, kept: nova.quotas.delete(kept.told.tenant_id)),
    Row("quotas", "class", of("quota_classes", "get", "default"), {"instances": 10}),
    Row("servers", "away", one("delete")),
    Row("servers", "gone", lambda nova, kept: _gone(nova, kept), True),
    Row("server groups", "no_group", lambda nova, kept: kept.group.delete()),
    Row("key pairs", "no_key", of("keypairs", "delete", "nkey")),
]
COMMANDS = [
    "list", "flavor-list", "flavor-show m1.small", "service-list", "hypervisor-list", "usage-list", "limits",
    "availability-zone-list", "keypair-list", "server-group-list", "aggregate-list", "migration-list", "quota-show",
    "boot --flavor m1.tiny --image cirros --nic none --poll cli", "show cli", "stop cli", "delete cli", "version-list"]


def _span():
    import datetime

    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    return now - datetime.timedelta(days=1), now + datetime.timedelta(days=1)


def _gone(nova, kept):
    with pytest.raises(exceptions.NotFound):
        rest(nova, kept, "nothing", 30)
    return True


@pytest.fixture(scope="module")
def nova(cloud):
    login = session.Session(auth=v3.Password(**cloud.account()))
    return client.Client(API_MAX_VERSION.get_string(), session=login)


@pytest.fixture(scope="module")
def kept(nova):
    return types.SimpleNamespace()


def told(result):
    """A result as plain values."""
    if isinstance(result, list):
        return [told(item) for item in result]
    return result.to_dict() if hasattr(result, "to_dict") else result


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.area}-{row.name}")
def test_session(nova, kept, row, fits):
    result = row.call(nova, kept)
    setattr(kept, row.name, result)
    if row.expected is not None:
        assert fits(told(result), row.expected), told(result)


class Line(NamedTuple):
    """A line at a terminal."""
    area: str
    command: str


@pytest.mark.parametrize("row", [Line("command", command) for command in COMMANDS], ids=lambda row: row.command)
def test_command(cloud, row):
    login = {f"OS_{name.upper()}": value for name, value in cloud.account().items()}
    out, before = io.StringIO(), dict(os.environ)
    os.environ |= login | {"OS_IDENTITY_API_VERSION": "3"}
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            shell.OpenStackComputeShell().main(shlex.split(row.command))
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert "ERROR" not in out.getvalue()
