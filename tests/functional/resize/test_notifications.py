"""What is told on the bus of a resize (spec 4.5): the events of 2014 in order, the versioned ones, the failures."""

import threading

import oslo_messaging
import pytest
from cluster_fixture import MEDIUM, SMALL, TINY

from novasim.db import keypairs

DRIVER = {"oslo_messaging_notifications.driver": ["messagingv2"]}
DEADLINE_S = 10
STANDARD = {
    "tenant_id", "user_id", "instance_id", "display_name", "reservation_id", "hostname", "instance_type",
    "instance_type_id", "instance_flavor_id", "architecture", "memory_mb", "disk_gb", "vcpus", "root_gb",
    "ephemeral_gb", "host", "node", "availability_zone", "created_at", "terminated_at", "deleted_at", "launched_at",
    "image_ref_url", "os_type", "kernel_id", "ramdisk_id", "state", "state_description", "access_ip_v4",
    "access_ip_v6", "progress", "image_meta", "metadata"}


class Listener:
    """Subscribes to the topics as an operator's billing or monitoring would."""

    def __init__(self, cluster):
        self.heard = []
        self._news = threading.Condition()
        transport = oslo_messaging.get_notification_transport(cluster.conf)
        topics = [oslo_messaging.Target(topic=topic) for topic in ("notifications", "versioned_notifications")]
        self._listener = oslo_messaging.get_notification_listener(transport, topics, [self], executor="threading")
        self._listener.start()

    def _take(self, priority, publisher_id, event_type, payload):
        with self._news:
            self.heard.append((priority, publisher_id, event_type, payload))
            self._news.notify_all()

    def info(self, ctxt, publisher_id, event_type, payload, metadata):
        self._take("INFO", publisher_id, event_type, payload)

    def error(self, ctxt, publisher_id, event_type, payload, metadata):
        self._take("ERROR", publisher_id, event_type, payload)

    def events(self, until, times=1):
        """The event types up to the ``times``th of ``until``."""
        def names():
            return [event for _, _, event, _ in self.heard]

        with self._news:
            assert self._news.wait_for(lambda: names().count(until) >= times, DEADLINE_S), (until, names())
            return names()

    def payload(self, event):
        return next(payload for _, _, name, payload in self.heard if name == event)

    def stop(self):
        self._listener.stop()
        self._listener.wait()


@pytest.fixture
def listening(make_cluster):
    """A cluster that notifies, and who listens: ``listening(**options)``."""
    listeners = []

    def make(hosts=3, **options):
        cluster = make_cluster(hosts=hosts, **DRIVER, **options)
        listeners.append(Listener(cluster))
        return cluster, listeners[-1]

    yield make
    for listener in listeners:
        listener.stop()


def of_moves(events):
    return [event.removeprefix("compute.instance.") for event in events if event.startswith("compute.instance.")]


@pytest.mark.spec("8.2/2", "8.2/9", "8.3/5", "8.3/13", "8.4/8", "8.5/3")
def test_a_resize_and_its_confirm(listening):
    cluster, listener = listening()
    uuid = cluster.boot(TINY)
    cluster.resize(uuid, SMALL)
    # RESIZED is saved before its end is told, as in the original: a hasty confirm would be told in between.
    listener.events("compute.instance.finish_resize.end")
    cluster.confirm(uuid)
    events = listener.events("compute.instance.resize.confirm.end")
    assert of_moves(events) == [
        "exists", "resize.prep.start", "resize.prep.end", "resize.start", "resize.end", "finish_resize.start",
        "finish_resize.end", "resize.confirm.start", "resize.confirm.end"]
    choice = [event for event in events if event.startswith("scheduler.")]
    assert choice == ["scheduler.select_destinations.start", "scheduler.select_destinations.end"] * 2
    for _, publisher, event, payload in listener.heard:
        if event.startswith("compute.instance."):
            assert set(payload) >= STANDARD, event
            assert payload["instance_id"] == uuid
            assert publisher.startswith("compute.cmp-")
    prepared = listener.payload("compute.instance.resize.prep.end")
    assert (prepared["instance_type"], prepared["new_instance_type"]) == ("m1.tiny", "m1.small")
    assert listener.payload("compute.instance.finish_resize.end")["state"] == "resized"
    assert listener.payload("compute.instance.finish_resize.end")["memory_mb"] == 2048
    request_spec = listener.heard[events.index("scheduler.select_destinations.end")][3]["request_spec"]
    assert request_spec["instance_uuids"] == [uuid]


@pytest.mark.spec("8.6/exists")
def test_a_revert(listening):
    cluster, listener = listening()
    uuid = cluster.boot()
    cluster.resize(uuid)
    listener.events("compute.instance.finish_resize.end")
    cluster.revert(uuid)
    assert of_moves(listener.events("compute.instance.resize.revert.end"))[-3:] == [
        "exists", "resize.revert.start", "resize.revert.end"]


@pytest.mark.spec("6.5/notification", "S17")
def test_no_host(listening):
    cluster, listener = listening(hosts=1)
    uuid = cluster.boot()
    cluster.resize(uuid, MEDIUM, until="restored")
    listener.events("compute_task.migrate_server")
    payload = listener.payload("compute_task.migrate_server")
    assert payload["reason"].startswith("No valid host was found.")
    assert (payload["instance_id"], payload["state"], payload["method"]) == (uuid, "active", "migrate_server")
    assert payload["request_spec"]["instance_type"]["name"] == "m1.medium"
    assert "ERROR" in {priority for priority, _, event, _ in listener.heard if event == "compute_task.migrate_server"}


@pytest.mark.spec("8.1/exception-notifier")
@pytest.mark.parametrize(("point", "method"), [
    ("migrate_disk_and_power_off", "resize_instance"), ("finish_migration", "finish_resize"),
    ("confirm_migration", "confirm_resize")])
def test_a_hop_that_fails(listening, point, method):
    cluster, listener = listening()
    uuid = cluster.boot()
    cluster.faults.add({"at": f"virt.{point}", "do": {"raise": "no power"}})
    if method == "confirm_resize":
        cluster.resize(uuid)
        cluster.confirm(uuid, until=f"compute_{method} failed")
    else:
        cluster.resize(uuid, until=f"compute_{method} failed")
    listener.events(method)
    payload = listener.payload(method)
    assert payload["exception"] == "no power"
    assert payload["args"]["instance"]["uuid"] == uuid
    cluster.faults.clear()


def test_versioned(listening):
    cluster, listener = listening(**{"notifications.notification_format": "versioned"})
    key = {"user_id": "alice", "name": "key", "type": "ssh", "fingerprint": "00:11", "public_key": "ssh-rsa AAAA"}
    cluster.db.write(keypairs.create, key, "demo", {"key_pairs": 1})
    uuid = cluster.boot(TINY, key_name="key")
    cluster.resize(uuid, SMALL)
    listener.events("instance.resize_finish.end")
    cluster.db.write(keypairs.delete, "alice", "key")
    cluster.revert(uuid)
    assert listener.events("instance.resize_revert.end") == [
        f"instance.{step}.{end}" for step in ("resize_prep", "resize", "resize_finish", "resize_revert")
        for end in ("start", "end")]
    payload = listener.payload("instance.resize_prep.end")
    assert payload["nova_object.name"] == "InstanceActionResizePrepPayload"
    data = payload["nova_object.data"]
    assert (data["uuid"], data["state"], data["task_state"]) == (uuid, "active", "resize_prep")
    assert data["flavor"]["nova_object.data"]["name"] == "m1.tiny"
    assert data["new_flavor"]["nova_object.data"]["name"] == "m1.small"
    assert (data["action_initiator_user"], data["action_initiator_project"]) == ("alice", "demo")
    assert [pair["nova_object.data"] for pair in data["keypairs"]] == [key]
    data = listener.payload("instance.resize_revert.end")["nova_object.data"]
    assert (data["key_name"], data["keypairs"]) == ("key", []), "it is gone, the server remembers its name"
    assert listener.heard[0][1].startswith("nova-compute:cmp-")


def test_both_and_an_error(listening):
    cluster, listener = listening(**{"notifications.notification_format": "both"})
    uuid = cluster.boot()
    cluster.faults.add({"at": "virt.migrate_disk_and_power_off", "do": {"raise": "no power"}})
    cluster.resize(uuid, until="compute_resize_instance failed")
    events = listener.events("instance.resize.error")
    assert "resize_instance" in events
    fault = listener.payload("instance.resize.error")["nova_object.data"]["fault"]["nova_object.data"]
    assert fault["exception_message"] == "no power"


def test_changes_of_state(listening):
    cluster, listener = listening(**{"notifications.notify_on_state_change": "vm_and_task_state"})
    uuid = cluster.boot()
    cluster.resize(uuid)
    listener.events("compute.instance.finish_resize.end")
    tasks = [(payload["old_task_state"], payload["new_task_state"]) for _, _, event, payload in listener.heard
             if event == "compute.instance.update" and payload["instance_id"] == uuid]
    # The end of the build is told after it can be seen: a hasty resize may come in between.
    assert [pair for pair in tasks if not {"scheduling", "spawning"} & {*pair}] == [
        (None, "resize_prep"), ("resize_prep", "resize_migrating"), ("resize_migrating", "resize_migrated"),
        ("resize_migrated", "resize_finish"), ("resize_finish", None)]


def test_changes_of_vm_state_only(listening):
    cluster, listener = listening(**{"notifications.notify_on_state_change": "vm_state"})
    uuid = cluster.boot()
    cluster.resize(uuid)
    listener.events("compute.instance.finish_resize.end")
    changes = [(payload["old_state"], payload["state"]) for _, _, event, payload in listener.heard
               if event == "compute.instance.update"]
    assert changes == [("building", "active"), ("active", "resized")]


def test_nothing_by_default(make_cluster):
    cluster = make_cluster()
    listener = Listener(cluster)
    cluster.resize(cluster.boot())
    listener.stop()
    assert listener.heard == []


def test_the_addresses_of_a_server_are_told(listening):
    cluster, listener = listening(**{"notifications.notification_format": "both"})
    uuid = cluster.boot(TINY, networks="auto")
    [address] = cluster.get(f"/servers/{uuid}")["server"]["addresses"]["private"]
    cluster.resize(uuid, SMALL)
    listener.events("instance.resize_finish.end")
    [flat] = listener.payload("compute.instance.resize.start")["fixed_ips"]
    assert flat.items() >= {"address": address["addr"], "label": "private", "version": 4}.items()
    [told] = listener.payload("instance.resize_finish.end")["nova_object.data"]["ip_addresses"]
    assert told["nova_object.data"].items() >= {
        "address": address["addr"], "mac": address["OS-EXT-IPS-MAC:mac_addr"], "label": "private"}.items()
