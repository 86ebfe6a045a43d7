"""Tells whoever listens on the bus what happens to servers (spec 4.5).

It hears what the journal hears: each hop with the state after it. So no service needs to know of notifications, what
is told of and what is traced cannot differ, and without a driver (the default) nothing runs at all.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import oslo_messaging

from novasim import exceptions, states
from novasim.db import actions, flavors, instances, keypairs, ports
from novasim.db.engine import Database
from novasim.launch import notification_payloads as payloads
from novasim.objects import NEW, Flavor, Instance
from novasim.sim.clock import Clock
from novasim.sim.journal import Journal

LOG = logging.getLogger(__name__)
REMEMBERED = 100_000
BOTH = "both"


class _Told(NamedTuple):
    """What one hop is told as: the event of 2014 and its versioned twin; with ``exists`` before it."""
    unversioned: str
    versioned: str | None
    exists: bool = False


# (service, hop of the journal) -> what is told.
_TOLD = {
    ("compute", "receive prep_resize"): _Told("resize.prep.start", "resize_prep.start", exists=True),
    ("compute", "prep_resize"): _Told("resize.prep.end", "resize_prep.end"),
    ("compute", "prep_resize failed"): _Told("resize.error", "resize.error"),
    ("compute", "powering off and moving"): _Told("resize.start", "resize.start"),
    ("compute", "disks moved"): _Told("resize.end", "resize.end"),
    ("compute", "starting on destination"): _Told("finish_resize.start", "resize_finish.start"),
    ("compute", "waiting for confirm or revert"): _Told("finish_resize.end", "resize_finish.end"),
    ("compute", "receive confirm_resize"): _Told("resize.confirm.start", "resize_confirm.start"),
    ("compute", "confirmed"): _Told("resize.confirm.end", "resize_confirm.end"),
    ("compute", "receive revert_resize"): _Told("", None, exists=True),
    ("compute", "receive finish_revert_resize"): _Told("resize.revert.start", "resize_revert.start"),
    ("compute", "reverted"): _Told("resize.revert.end", "resize_revert.end"),
}
# What a step of a move found as task_state, whichever process had left it so.
_FROM = {"prep_resize": states.RESIZE_PREP, "powering off and moving": states.RESIZE_PREP,
         "disks moved": states.RESIZE_MIGRATING, "starting on destination": states.RESIZE_MIGRATED,
         "waiting for confirm or revert": states.RESIZE_FINISH, "reverted": states.RESIZE_REVERTING}


class Notifications:
    """The listener of a process.

    :param conf: [notifications] and oslo.messaging's own [oslo_messaging_notifications]
    """

    def __init__(self, conf: Any, db: Database, clock: Clock, journal: Journal):
        self._options = conf.notifications
        self._on_change = self._options.notify_on_state_change
        self._db = db
        self._clock = clock
        self._known: OrderedDict[str, tuple[str | None, str | None]] = OrderedDict()
        self._lock = threading.Lock()
        transport = oslo_messaging.get_notification_transport(conf)
        self._driven = bool(conf.oslo_messaging_notifications.driver)
        self._unversioned = oslo_messaging.Notifier(transport)
        self._versioned = oslo_messaging.Notifier(transport, topics=self._options.versioned_notifications_topics)
        self.close: Callable[[], object] = journal.subscribe(self._hear) if self._driven else lambda: None

    def _hear(self, hop: dict[str, Any]) -> None:
        """A hop must not suffer from being told of."""
        try:
            self._tell(hop)
        except exceptions.InstanceNotFound:
            LOG.debug("%s is gone; nothing to tell of %s", hop.get("instance_uuid"), hop["what"])
        except Exception:
            LOG.exception("Could not tell of %s", hop["what"])

    def _tell(self, hop: dict[str, Any]) -> None:
        uuid = hop.get("instance_uuid")
        if uuid is None:
            return
        service, what = hop["service"], hop["what"]
        told = _TOLD.get((service, what))
        changed = self._change(hop, uuid) if self._on_change and "vm_state" in hop else None
        failed = service == "compute" and what.endswith(" failed")
        unplaced = service == "conductor" and what == "restored"
        chosen = service == "scheduler" and what.endswith("select_destinations")
        if not (told or changed or failed or unplaced or chosen):
            return
        server = self._db.read(instances.get, uuid, None, True)
        if changed:
            self._send(hop, "compute.instance.update", self._standard(server) | changed | self._audit_period())
        if told:
            self._tell_of_move(hop, server, told)
        if failed:
            self._tell_of_failure(hop, server)
        if unplaced:
            self._tell_of_restored(hop, server)
        if chosen:
            self._tell_of_choice(hop, server)

    def _change(self, hop: dict[str, Any], uuid: str) -> dict[str, Any] | None:
        """Old and new states, where the hop changed what notify_on_state_change asks for."""
        task_state = None if hop["task_state"] == "-" else hop["task_state"]
        now = (hop["vm_state"], task_state)
        with self._lock:
            vm_state, task = self._known.pop(uuid, (hop["vm_state"], None))
            self._known[uuid] = now
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        before = (vm_state, _FROM.get(hop["what"], task))
        if now == before or (self._on_change == "vm_state" and now[0] == before[0]):
            return None
        return {"old_state": before[0], "state": now[0], "old_task_state": before[1], "new_task_state": now[1],
                "bandwidth": {}}

    def _audit_period(self) -> dict[str, Any]:
        now = self._clock.now()
        begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return {"audit_period_beginning": str(begin), "audit_period_ending": str(now)}

    def _standard(self, server: Instance) -> dict[str, Any]:
        return payloads.unversioned(server, server.flavor())

    def _tell_of_move(self, hop: dict[str, Any], server: Instance, told: _Told) -> None:
        if told.exists:
            self._send(hop, "compute.instance.exists", self._standard(server) | self._audit_period() | {
                "bandwidth": {}})
        fault = self._fault(server) if told.unversioned == "resize.error" else None
        new = server.flavor(NEW) if NEW + "id" in server.system_metadata else None
        more: dict[str, Any] = {}
        if "prep" not in told.unversioned:
            more = {"fixed_ips": payloads.fixed_ips(self._addresses(server))}
        if told.unversioned == "resize.prep.end" and new is not None:
            more = {"new_instance_type": new.name, "new_instance_type_id": new.id}
        if fault is not None:
            more["fault"] = fault["message"]
        if told.unversioned:
            self._send(hop, "compute.instance." + told.unversioned, self._standard(server) | more)
        if told.versioned is not None:
            self._send_versioned(hop, server, told.versioned, fault, new if "prep" in told.versioned else None)

    def _addresses(self, server: Instance) -> list[Any]:
        if ports.NETWORK_ALLOCATED not in server.system_metadata:
            return []
        return self._db.read(ports.of_servers, [server.uuid])[server.uuid]

    def _keypairs(self, server: Instance) -> list[Any]:
        """The key pair of a server, while its user has it."""
        if server.key_name is None:
            return []
        try:
            return [self._db.read(keypairs.get, server.user_id, server.key_name)]
        except exceptions.NotFound:
            return []

    def _fault(self, server: Instance) -> dict[str, Any]:
        return self._db.read(actions.latest_faults, [server.uuid]).get(server.uuid) or {"message": ""}

    def _tell_of_failure(self, hop: dict[str, Any], server: Instance) -> None:
        method = hop["what"].removesuffix(" failed").removeprefix("compute_")
        fault = self._fault(server)
        self._send(hop, method, {"exception": fault["message"], "args": {"instance": msgspec.to_builtins(server)}},
                   error=True)
        if method in ("resize_instance", "finish_resize"):
            self._send_versioned(hop, server, "resize.error", fault, None)

    def _wanted(self, hop: dict[str, Any], server: Instance) -> Flavor:
        """The flavor that was asked for: its id is in the hop."""
        flavor_id = hop.get("instance_type_id", server.instance_type_id)
        return self._db.read(flavors.by_ids, [flavor_id]).get(flavor_id) or server.flavor()

    def _request_spec(self, hop: dict[str, Any], server: Instance) -> dict[str, Any]:
        return {"instance_properties": msgspec.to_builtins(server), "num_instances": 1,
                "instance_type": msgspec.to_builtins(self._wanted(hop, server)), "instance_uuids": [server.uuid]}

    def _tell_of_restored(self, hop: dict[str, Any], server: Instance) -> None:
        self._send(hop, "compute_task.migrate_server", {
            "request_spec": self._request_spec(hop, server), "instance_properties": msgspec.to_builtins(server),
            "instance_id": server.uuid, "state": server.vm_state, "method": "migrate_server",
            "reason": self._fault(server)["message"]}, error=True)

    def _tell_of_choice(self, hop: dict[str, Any], server: Instance) -> None:
        end = "start" if hop["what"].startswith("receive") else "end"
        self._send(hop, f"scheduler.select_destinations.{end}", {"request_spec": self._request_spec(hop, server)})

    def _publisher(self, hop: dict[str, Any]) -> str:
        return f"{hop['service']}.{hop['host']}" if hop["host"] else str(hop["service"])

    def _send(self, hop: dict[str, Any], event: str, payload: dict[str, Any], error: bool = False) -> None:
        if self._options.notification_format != "versioned":
            notifier = self._unversioned.prepare(publisher_id=self._publisher(hop))
            send = notifier.error if error else getattr(notifier, self._options.default_level.lower())
            send({"request_id": hop["request_id"]}, event, payload)

    def _send_versioned(self, hop: dict[str, Any], server: Instance, event: str, fault: dict[str, Any] | None,
                        new_flavor: Flavor | None) -> None:
        if self._options.notification_format == "unversioned":
            return
        trouble = None if fault is None else payloads.fault_object(fault, hop["what"].removesuffix(" failed"))
        initiator = self._db.read(actions.initiator, server.uuid, hop["request_id"])
        payload = payloads.versioned(server, server.flavor(), self._addresses(server), self._keypairs(server),
                                     initiator, hop["request_id"], trouble, new_flavor)
        notifier = self._versioned.prepare(publisher_id=f"nova-{self._publisher(hop).replace('.', ':', 1)}")
        send = notifier.error if trouble else notifier.info
        send({"request_id": hop["request_id"]}, f"instance.{event}", payload)
