"""The words for what a server, a guest and a migration can be, and which action is legal when.

Everything that asks "may this happen now?" or "what does the user see?" asks the tables here (spec 2.1-2.4, 2.6),
so that the rule, the REST answer and the diagram in doc/ cannot differ.
"""

from __future__ import annotations

from typing import NamedTuple

# vm_state: what the server is when nothing is going on.
ACTIVE = "active"
BUILDING = "building"
PAUSED = "paused"
SUSPENDED = "suspended"
STOPPED = "stopped"
RESCUED = "rescued"
RESIZED = "resized"
SOFT_DELETED = "soft-delete"
DELETED = "deleted"
ERROR = "error"
SHELVED = "shelved"
SHELVED_OFFLOADED = "shelved_offloaded"

VM_STATES = frozenset({ACTIVE, BUILDING, PAUSED, SUSPENDED, STOPPED, RESCUED, RESIZED, SOFT_DELETED, DELETED,
                       ERROR, SHELVED, SHELVED_OFFLOADED})

# task_state: what is being done to it; None in between.
SCHEDULING = "scheduling"
BLOCK_DEVICE_MAPPING = "block_device_mapping"
NETWORKING = "networking"
SPAWNING = "spawning"
POWERING_OFF = "powering-off"
POWERING_ON = "powering-on"
REBOOTING = "rebooting"
REBOOT_PENDING = "reboot_pending"
REBOOT_STARTED = "reboot_started"
REBOOTING_HARD = "rebooting_hard"
REBOOT_PENDING_HARD = "reboot_pending_hard"
REBOOT_STARTED_HARD = "reboot_started_hard"
PAUSING = "pausing"
UNPAUSING = "unpausing"
SUSPENDING = "suspending"
RESUMING = "resuming"
UPDATING_PASSWORD = "updating_password"
REBUILDING = "rebuilding"
REBUILD_BLOCK_DEVICE_MAPPING = "rebuild_block_device_mapping"
REBUILD_SPAWNING = "rebuild_spawning"
MIGRATING = "migrating"
DELETING = "deleting"
RESIZE_PREP = "resize_prep"
RESIZE_MIGRATING = "resize_migrating"
RESIZE_MIGRATED = "resize_migrated"
RESIZE_FINISH = "resize_finish"
RESIZE_REVERTING = "resize_reverting"

RESIZE_TASKS = (RESIZE_PREP, RESIZE_MIGRATING, RESIZE_MIGRATED, RESIZE_FINISH)
REBOOT_TASKS = (REBOOTING, REBOOT_PENDING, REBOOT_STARTED, REBOOTING_HARD, REBOOT_PENDING_HARD,
                REBOOT_STARTED_HARD)

# power_state: what the hypervisor says of the guest; the numbers are part of the REST API.
NOSTATE = 0
RUNNING = 1
POWER_PAUSED = 3
SHUTDOWN = 4
CRASHED = 6
POWER_SUSPENDED = 7

# migration.status (spec 2.6)
PRE_MIGRATING = "pre-migrating"
MIG_MIGRATING = "migrating"
POST_MIGRATING = "post-migrating"
FINISHED = "finished"
CONFIRMING = "confirming"
CONFIRMED = "confirmed"
REVERTING = "reverting"
REVERTED = "reverted"
MIG_ERROR = "error"

# The only ways a migration may go (invariant 5 of spec 12.4); any of the first seven may also end in error.
MIGRATION_FLOW = {
    PRE_MIGRATING: (MIG_MIGRATING,),
    MIG_MIGRATING: (POST_MIGRATING,),
    POST_MIGRATING: (FINISHED,),
    # Deleting a server that waits for its confirm confirms it.
    FINISHED: (CONFIRMING, REVERTING, CONFIRMED),
    CONFIRMING: (CONFIRMED, FINISHED),
    REVERTING: (REVERTED,),
}
IN_PROGRESS = tuple(MIGRATION_FLOW)

# The status a user reads (spec 2.2): vm_state -> (default, {task_state: status}).
_RESIZING = dict.fromkeys(RESIZE_TASKS, "RESIZE")
_REBUILDING = dict.fromkeys((REBUILDING, REBUILD_BLOCK_DEVICE_MAPPING, REBUILD_SPAWNING), "REBUILD")
STATUS: dict[str, tuple[str, dict[str, str]]] = {
    ACTIVE: ("ACTIVE", {
        **dict.fromkeys((REBOOTING, REBOOT_PENDING, REBOOT_STARTED), "REBOOT"),
        **dict.fromkeys((REBOOTING_HARD, REBOOT_PENDING_HARD, REBOOT_STARTED_HARD), "HARD_REBOOT"),
        UPDATING_PASSWORD: "PASSWORD", MIGRATING: "MIGRATING", **_REBUILDING, **_RESIZING}),
    STOPPED: ("SHUTOFF", {**_REBUILDING, **_RESIZING}),
    RESIZED: ("VERIFY_RESIZE", {RESIZE_REVERTING: "REVERT_RESIZE"}),
    BUILDING: ("BUILD", {}),
    PAUSED: ("PAUSED", {MIGRATING: "MIGRATING"}),
    SUSPENDED: ("SUSPENDED", {}),
    RESCUED: ("RESCUE", {}),
    ERROR: ("ERROR", _REBUILDING),
    SOFT_DELETED: ("SOFT_DELETED", {}),
    DELETED: ("DELETED", {}),
    SHELVED: ("SHELVED", {}),
    SHELVED_OFFLOADED: ("SHELVED_OFFLOADED", {}),
}
PROGRESS_STATUSES = frozenset({"ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING"})


def status_of(vm_state: str | None, task_state: str | None, deleted: bool = False) -> str:
    """The REST status of a server in (vm_state, task_state) (spec 2.2)."""
    if deleted:
        return "DELETED"
    default, by_task = STATUS.get(vm_state or "", ("UNKNOWN", {}))
    return by_task.get(task_state or "", default)


class StateFilter(NamedTuple):
    """Which rows have a status: one vm_state with the tasks that give it, or all tasks but some."""
    vm_state: str
    tasks: tuple[str, ...] | None
    not_tasks: tuple[str, ...]


def states_of(status: str) -> list[StateFilter]:
    """The inverse of :func:`status_of`, for ``GET /servers?status=``; empty when there is no such status."""
    found = []
    for vm_state, (default, by_task) in STATUS.items():
        if default == status.upper():
            found.append(StateFilter(vm_state, None, tuple(by_task)))
            continue
        tasks = tuple(task for task, name in by_task.items() if name == status.upper())
        if tasks:
            found.append(StateFilter(vm_state, tasks, ()))
    return found


class Action(NamedTuple):
    """When an action of the API is legal (spec 2.3) and which task_state it sets.

    ``vm`` and ``task`` None mean any; ``launched`` asks that the server has been active once; ``lock`` says that a
    locked server refuses it to everybody but an admin.
    """
    vm: frozenset[str] | None
    task: frozenset[str | None] | None = frozenset({None})
    sets: str | None = None
    launched: bool = True
    lock: bool = True


_SOFT_REBOOT = frozenset({None})
_HARD_REBOOT = frozenset({None, REBOOTING, REBOOT_PENDING, REBOOT_STARTED, REBOOTING_HARD, RESUMING, UNPAUSING,
                          PAUSING, SUSPENDING})

ACTIONS: dict[str, Action] = {
    "resize": Action(frozenset({ACTIVE, STOPPED}), sets=RESIZE_PREP),
    "migrate": Action(frozenset({ACTIVE, STOPPED}), sets=RESIZE_PREP),
    "confirmResize": Action(frozenset({RESIZED})),
    "revertResize": Action(frozenset({RESIZED}), sets=RESIZE_REVERTING),
    "os-stop": Action(frozenset({ACTIVE, ERROR}), sets=POWERING_OFF),
    "os-start": Action(frozenset({STOPPED}), sets=POWERING_ON),
    "reboot_soft": Action(frozenset({ACTIVE}), _SOFT_REBOOT, sets=REBOOTING),
    "reboot_hard": Action(frozenset({ACTIVE, STOPPED, PAUSED, SUSPENDED, ERROR}), _HARD_REBOOT,
                          sets=REBOOTING_HARD),
    "delete": Action(None, None, sets=DELETING, launched=False),
    "forceDelete": Action(None, None, sets=DELETING, launched=False),
    "update_metadata": Action(frozenset({ACTIVE, PAUSED, SUSPENDED, STOPPED}), None, launched=False),
    "lock": Action(None, None, launched=False, lock=False),
    "unlock": Action(None, None, launched=False, lock=False),
    "os-resetState": Action(None, None, launched=False, lock=False),
}
