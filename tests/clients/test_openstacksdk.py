"""openstacksdk: the compute proxy and the cloud layer, as a program uses them, logged in with a password."""

import types
from collections.abc import Callable
from typing import Any, NamedTuple

import openstack
import pytest
from openstack import exceptions, utils

CLIENT = "openstacksdk"
FLAVOR = {"name": "sdk", "ram": 64, "vcpus": 1, "disk": 1}


class Row(NamedTuple):
    """A call: ``call(cloud, compute, kept)``; its result is kept under its name, and has what is expected of it."""
    area: str
    name: str
    call: Callable[[Any, Any, Any], Any]
    expected: Any = None


def wait(status):
    """Wait for a server after something was asked of it, and show it; its status alone does not tell of an image that
    is being made."""
    def waited(compute, server):
        compute.wait_for_server(compute.get_server(server.id), status=status, interval=0.2, wait=60)
        for _ in utils.iterate_timeout(60, "its task does not end", wait=0.2):
            found = compute.get_server(server.id)
            if found.task_state is None:
                return found
        raise AssertionError("the line above has an end")
    return waited


ACTIVE, VERIFY = wait("ACTIVE"), wait("VERIFY_RESIZE")


def act(verb, status, *args, **kwargs):
    """A call of the proxy that changes the server ``one``, and the server when it has ended."""
    def call(cloud, compute, kept):
        getattr(compute, verb)(kept.one, *args, **kwargs)
        return wait(status)(compute, kept.one)
    return call


def one(verb, *args, **kwargs):
    """A call of the proxy about the server ``one``."""
    return lambda cloud, compute, kept: getattr(compute, verb)(kept.one, *args, **kwargs)


def plain(verb, *args, **kwargs):
    """A call of the proxy."""
    return lambda cloud, compute, kept: getattr(compute, verb)(*args, **kwargs)


def refused(call):
    """The status of a refusal."""
    def asked(cloud, compute, kept):
        with pytest.raises(exceptions.HttpException) as refusal:
            call(cloud, compute, kept)
        return refusal.value.status_code
    return asked


ROWS = [
    Row("flavors", "flavor", plain("create_flavor", **FLAVOR), {"name": "sdk", "ram": 64, "is_public": True}),
    Row("flavors", "flavor_found", plain("find_flavor", "sdk", get_extra_specs=True), {"extra_specs": dict}),
    Row("flavors", "flavors", lambda cloud, compute, kept: list(compute.flavors(min_ram=600)), [{"name": "m1.small"}]),
    Row("flavors", "specs", lambda cloud, compute, kept: compute.create_flavor_extra_specs(kept.flavor, {"a:b": "c"}),
        {"extra_specs": {"a:b": "c"}}),
    Row("flavors", "spec", lambda cloud, compute, kept: compute.update_flavor_extra_specs_property(
        kept.flavor, "a:b", "d"), "d"),
    Row("flavors", "no_spec", lambda cloud, compute, kept: compute.delete_flavor_extra_specs_property(
        kept.flavor, "a:b")),
    Row("flavors", "described", lambda cloud, compute, kept: compute.update_flavor(kept.flavor.id, description="words"),
        {"description": "words"}),
    Row("flavors", "private", plain("create_flavor", **FLAVOR | {"name": "own"}, is_public=False),
        {"is_public": False}),
    Row("flavors", "granted", lambda cloud, compute, kept: compute.flavor_add_tenant_access(
        kept.private, cloud.current_project_id)),
    Row("flavors", "access", lambda cloud, compute, kept: compute.get_flavor_access(kept.private), [
        {"flavor_id": str, "tenant_id": str}]),
    Row("flavors", "no_private", lambda cloud, compute, kept: compute.delete_flavor(kept.private)),
    Row("flavors", "unknown_flavor", plain("find_flavor", "nothing"), lambda told: told is None),
    Row("key pairs", "key", plain("create_keypair", name="key"), {"private_key": str, "fingerprint": str}),
    Row("key pairs", "keys", lambda cloud, compute, kept: list(compute.keypairs()), [{"name": "key"}]),
    Row("key pairs", "key_found", plain("find_keypair", "key"), {"type": "ssh"}),
    Row("server groups", "group", plain("create_server_group", name="group", policy="soft-anti-affinity"),
        {"policy": "soft-anti-affinity"}),
    Row("server groups", "groups", lambda cloud, compute, kept: list(compute.server_groups()), [{"name": "group"}]),
    Row("servers", "one", lambda cloud, compute, kept: ACTIVE(compute, compute.create_server(
        name="one", image_id=compute.find_image("cirros").id, flavor_id=compute.find_flavor("m1.tiny").id,
        networks="auto", key_name="key", metadata={"a": "b"}, tags=["t"], description="words",
        scheduler_hints={"group": kept.group.id})), {
            "status": "ACTIVE", "key_name": "key", "metadata": {"a": "b"}, "tags": ["t"], "description": "words",
            "addresses": dict, "compute_host": str, "is_locked": False}),
    Row("servers", "listed", lambda cloud, compute, kept: list(compute.servers(name="one")), [{"name": "one"}]),
    Row("servers", "brief", lambda cloud, compute, kept: list(compute.servers(details=False)), [{"name": "one"}]),
    Row("servers", "found", plain("find_server", "one"), {"name": "one"}),
    Row("servers", "pages", lambda cloud, compute, kept: list(compute.servers(limit=1, all_projects=True)),
        [{"name": "one"}]),
    Row("servers", "renamed", one("update_server", name="uno", description="more"), {"name": "uno",
                                                                                    "description": "more"}),
    Row("servers", "unknown", refused(plain("get_server", "nothing")), 404),
    Row("servers", "metadata", one("set_server_metadata", c="d")),
    Row("servers", "less_metadata", one("delete_server_metadata", ["c"])),
    Row("servers", "metadata_told", one("get_server_metadata"), {"metadata": lambda told: told == {"a": "b"}}),
    Row("servers", "tagged", one("add_tag_to_server", "u")),
    Row("servers", "untagged", one("remove_tag_from_server", "t")),
    Row("servers", "tags", one("get_server"), {"tags": ["u"]}),
    Row("servers", "ips", lambda cloud, compute, kept: list(compute.server_ips(kept.one)), [{"address": str}]),
    Row("servers", "in_group", lambda cloud, compute, kept: compute.get_server_group(kept.group.id),
        {"member_ids": [str]}),
    Row("moves", "resized", lambda cloud, compute, kept: act(
        "resize_server", "VERIFY_RESIZE", compute.find_flavor("m1.small").id)(cloud, compute, kept),
        {"flavor": {"original_name": "m1.small"}}),
    Row("moves", "confirmed", act("confirm_server_resize", "ACTIVE"), {"flavor": {"original_name": "m1.small"}}),
    Row("moves", "resized_again", lambda cloud, compute, kept: act(
        "resize_server", "VERIFY_RESIZE", compute.find_flavor("m1.medium").id)(cloud, compute, kept),
        {"flavor": {"original_name": "m1.medium"}}),
    Row("moves", "reverted", act("revert_server_resize", "ACTIVE"), {"flavor": {"original_name": "m1.small"}}),
    Row("moves", "same_flavor", refused(lambda cloud, compute, kept: compute.resize_server(
        kept.one, compute.find_flavor("m1.small").id)), 400),
    Row("moves", "nothing_to_confirm", refused(one("confirm_server_resize")), 409),
    Row("moves", "migrated", act("migrate_server", "VERIFY_RESIZE"), {"status": "VERIFY_RESIZE"}),
    Row("moves", "migration_confirmed", act("confirm_server_resize", "ACTIVE"), {"status": "ACTIVE"}),
    Row("moves", "live", act("live_migrate_server", "ACTIVE", block_migration="auto"), {"status": "ACTIVE"}),
    Row("moves", "migrations", lambda cloud, compute, kept: list(compute.migrations()), [
        {"status": "confirmed", "migration_type": "resize"}, {"status": "reverted"}, {"migration_type": "migration"},
        {"migration_type": "live-migration"}]),
    Row("moves", "in_progress", lambda cloud, compute, kept: list(compute.server_migrations(kept.one)), list),
    Row("power", "stopped", act("stop_server", "SHUTOFF"), {"power_state": 4}),
    Row("power", "started", act("start_server", "ACTIVE"), {"power_state": 1}),
    Row("power", "rebooted", act("reboot_server", "ACTIVE", "SOFT"), {"status": "ACTIVE"}),
    Row("power", "reset", act("reboot_server", "ACTIVE", "HARD"), {"status": "ACTIVE"}),
    Row("power", "paused", act("pause_server", "PAUSED"), {"power_state": 3}),
    Row("power", "unpaused", act("unpause_server", "ACTIVE"), {"status": "ACTIVE"}),
    Row("power", "suspended", act("suspend_server", "SUSPENDED"), {"status": "SUSPENDED"}),
    Row("power", "resumed", act("resume_server", "ACTIVE"), {"status": "ACTIVE"}),
    Row("power", "rescued", act("rescue_server", "RESCUE"), {"status": "RESCUE"}),
    Row("power", "unrescued", act("unrescue_server", "ACTIVE"), {"status": "ACTIVE"}),
    Row("power", "shelved", act("shelve_server", "SHELVED_OFFLOADED"), {"compute_host": lambda told: told is None}),
    Row("power", "unshelved", act("unshelve_server", "ACTIVE"), {"compute_host": str}),
    Row("power", "locked", act("lock_server", "ACTIVE", locked_reason="because"), {"is_locked": True}),
    Row("power", "unlocked", act("unlock_server", "ACTIVE"), {"is_locked": False}),
    Row("power", "rebuilt", lambda cloud, compute, kept: act(
        "rebuild_server", "ACTIVE", compute.find_image("alpine").id, name="one")(cloud, compute, kept),
        {"name": "one"}),
    Row("power", "password", one("change_server_password", "s3cret")),
    Row("power", "failed", act("reset_server_state", "ERROR", "error"), {"status": "ERROR"}),
    Row("power", "well", act("reset_server_state", "ACTIVE", "active"), {"status": "ACTIVE"}),
    Row("power", "unknown_reboot", refused(one("reboot_server", "GENTLE")), 400),
    Row("snapshots", "image", one("create_server_image", "snap", wait=True, timeout=60), {"status": "active"}),
    Row("snapshots", "backup", one("backup_server", "backup", "daily", 1)),
    Row("snapshots", "settled", lambda cloud, compute, kept: ACTIVE(compute, kept.one), {"status": "ACTIVE"}),
    Row("history", "actions", lambda cloud, compute, kept: list(compute.server_actions(kept.one)), [
        {"action": "create"}, {"action": "resize"}, {"action": "rebuild"}]),
    Row("history", "action", lambda cloud, compute, kept: compute.get_server_action(
        kept.actions[0].request_id, kept.one), {"events": list}),
    Row("history", "usage", lambda cloud, compute, kept: compute.get_usage(cloud.current_project_id), {
        "total_hours": float, "server_usages": [{"name": "one"}]}),
    Row("history", "usages", lambda cloud, compute, kept: list(compute.usages()), [{"project_id": str}]),
    Row("consoles", "output", one("get_server_console_output", length=5), {"output": str}),
    Row("consoles", "console", one("create_console", "novnc"), {"url": str}),
    Row("consoles", "remote", one("create_server_remote_console", protocol="vnc", type="novnc"), {"url": str}),
    Row("consoles", "diagnostics", one("get_server_diagnostics"), {"state": "running"}),
    Row("consoles", "no_password", one("get_server_password"), ""),
    Row("consoles", "crash_dump", one("trigger_server_crash_dump")),
    Row("networks", "interfaces", lambda cloud, compute, kept: list(compute.server_interfaces(kept.one)), [
        {"port_state": "ACTIVE", "fixed_ips": list}]),
    Row("networks", "interface", lambda cloud, compute, kept: compute.create_server_interface(
        kept.one, net_id=cloud.network.find_network("private").id), {"port_id": str, "mac_addr": str}),
    Row("networks", "no_interface", lambda cloud, compute, kept: compute.delete_server_interface(
        kept.interface, server=kept.one)),
    Row("networks", "security_groups", one("fetch_server_security_groups"), {"security_groups": [{"name": "default"}]}),
    Row("volumes", "volumes", lambda cloud, compute, kept: list(compute.volume_attachments(kept.one)), list),
    Row("administration", "services", lambda cloud, compute, kept: list(compute.services(binary="nova-compute")), [
        {"host": "cmp-0006", "state": "up", "status": "enabled"}]),
    Row("administration", "disabled", lambda cloud, compute, kept: compute.disable_service(
        compute.find_service("nova-compute", host="cmp-0006"), disabled_reason="because"), {"status": "disabled"}),
    Row("administration", "enabled", lambda cloud, compute, kept: compute.enable_service(
        compute.find_service("nova-compute", host="cmp-0006")), {"status": "enabled"}),
    Row("administration", "hypervisors", lambda cloud, compute, kept: list(compute.hypervisors(details=True)), [
        {"name": "cmp-0001", "state": "up", "status": "enabled"}]),
    Row("administration", "hypervisor", plain("find_hypervisor", "cmp-0001"), {"name": "cmp-0001"}),
    Row("administration", "zones", lambda cloud, compute, kept: list(compute.availability_zones(details=True)), [
        {"name": "nova"}, {"name": "internal"}]),
    Row("administration", "aggregate", plain("create_aggregate", name="agg", availability_zone="z"), {"name": "agg"}),
    Row("administration", "host_added", lambda cloud, compute, kept: compute.add_host_to_aggregate(
        kept.aggregate, "cmp-0006"), {"hosts": ["cmp-0006"]}),
    Row("administration", "aggregate_metadata", lambda cloud, compute, kept: compute.set_aggregate_metadata(
        kept.aggregate, {"a": "b"}), {"metadata": {"a": "b"}}),
    Row("administration", "aggregates", lambda cloud, compute, kept: list(compute.aggregates()), [{"name": "agg"}]),
    Row("administration", "host_removed", lambda cloud, compute, kept: compute.remove_host_from_aggregate(
        kept.aggregate, "cmp-0006"), {"hosts": lambda told: told == []}),
    Row("administration", "no_aggregate", lambda cloud, compute, kept: compute.delete_aggregate(kept.aggregate)),
    Row("administration", "extensions", lambda cloud, compute, kept: list(compute.extensions()), [
        {"alias": "os-keypairs"}]),
    Row("quotas", "limits", plain("get_limits"), {"absolute": {"instances": 10, "instances_used": int}}),
    Row("quotas", "quota", lambda cloud, compute, kept: compute.get_quota_set(cloud.current_project_id, usage=True),
        {"cores": 20, "usage": {"instances": 1}}),
    Row("quotas", "raised", lambda cloud, compute, kept: compute.update_quota_set(
        cloud.current_project_id, cores=30), {"cores": 30}),
    Row("quotas", "put_back", lambda cloud, compute, kept: compute.revert_quota_set(cloud.current_project_id)),
    Row("quotas", "default", lambda cloud, compute, kept: compute.get_quota_set_defaults(cloud.current_project_id),
        {"cores": 20}),
    Row("cloud layer", "made", lambda cloud, compute, kept: cloud.create_server(
        "two", image="cirros", flavor="m1.tiny", wait=True, auto_ip=False, timeout=60), {"status": "ACTIVE"}),
    Row("cloud layer", "searched", lambda cloud, compute, kept: cloud.search_servers("two"), [{"name": "two"}]),
    Row("cloud layer", "images", lambda cloud, compute, kept: cloud.list_images(), [{"name": "cirros"}]),
    Row("cloud layer", "computes", lambda cloud, compute, kept: cloud.list_hypervisors(), [{"name": "cmp-0001"}]),
    Row("cloud layer", "deleted", lambda cloud, compute, kept: cloud.delete_server("two", wait=True, timeout=60), True),
    Row("servers", "away", lambda cloud, compute, kept: (
        compute.delete_server(kept.one), compute.wait_for_delete(kept.one, interval=0.2, wait=60))),
    Row("servers", "gone", plain("find_server", "one"), lambda told: told is None),
    Row("server groups", "no_group", lambda cloud, compute, kept: compute.delete_server_group(kept.group)),
    Row("key pairs", "no_key", plain("delete_keypair", "key")),
    Row("flavors", "no_flavor", lambda cloud, compute, kept: compute.delete_flavor(kept.flavor)),
    Row("snapshots", "no_images", lambda cloud, compute, kept: [
        cloud.image.delete_image(image) for image in list(cloud.image.images()) if image.name in ("snap", "backup")]),
]


@pytest.fixture(scope="module")
def connection(cloud):
    with openstack.connect(auth_type="password", identity_api_version="3", region_name="RegionOne",
                           auth=cloud.account(), load_yaml_config=False, load_envvars=False) as connected:
        yield connected


@pytest.fixture(scope="module")
def kept(connection):
    return types.SimpleNamespace()


def told(result):
    """A result as plain values."""
    if isinstance(result, list):
        return [told(item) for item in result]
    return result.to_dict(original_names=False) if hasattr(result, "to_dict") else result


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.area}-{row.name}")
def test_session(connection, kept, row, fits):
    result = row.call(connection, connection.compute, kept)
    setattr(kept, row.name, result)
    if row.expected is not None:
        assert fits(told(result), row.expected), told(result)
