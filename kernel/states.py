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
RESCUING = "rescuing"
UNRESCUING = "unrescuing"
IMAGE_SNAPSHOT = "image_snapshot"
IMAGE_SNAPSHOT_PENDING = "image_snapshot_pending"
IMAGE_PENDING_UPLOAD = "image_pending_upload"
IMAGE_UPLOADING = "image_uploading"
IMAGE_BACKUP = "image_backup"
SHELVING = "shelving"
SHELVING_IMAGE_PENDING_UPLOAD = "shelving_image_pending_upload"
SHELVING_IMAGE_UPLOADING = "shelving_image_uploading"
SHELVING_OFFLOADING = "shelving_offloading"
UNSHELVING = "unshelving"
SOFT_DELETING = "soft-deleting"
RESTORING = "restoring"
DELETING = "deleting"
RESIZE_PREP = "resize_prep"
RESIZE_MIGRATING = "resize_migrating"
RESIZE_MIGRATED = "resize_migrated"
RESIZE_FINISH = "resize_finish"
RESIZE_REVERTING = "resize_reverting"

RESIZE_TASKS = (RESIZE_PREP, RESIZE_MIGRATING, RESIZE_MIGRATED, RESIZE_FINISH)
REBUILD_TASKS = (REBUILDING, REBUILD_BLOCK_DEVICE_MAPPING, REBUILD_SPAWNING)
# What making an image goes through, in this order: asked for, begun, written, sent away.
SNAPSHOT_TASKS = (IMAGE_SNAPSHOT_PENDING, IMAGE_SNAPSHOT, IMAGE_PENDING_UPLOAD, IMAGE_UPLOADING)
BACKUP_TASKS = (IMAGE_BACKUP, IMAGE_PENDING_UPLOAD, IMAGE_UPLOADING)
SHELVE_TASKS = (SHELVING, SHELVING_IMAGE_PENDING_UPLOAD, SHELVING_IMAGE_UPLOADING)
REBOOT_TASKS = (REBOOTING, REBOOT_PENDING, REBOOT_STARTED, REBOOTING_HARD, REBOOT_PENDING_HARD,
                REBOOT_STARTED_HARD)

# power_state: what the hypervisor says of the guest; the numbers are part of the REST API.
NOSTATE = 0
RUNNING = 1
POWER_PAUSED = 3
SHUTDOWN = 4
CRASHED = 6
POWER_SUSPENDED = 7
NOT_SHUTDOWN = (NOSTATE, RUNNING, POWER_PAUSED, CRASHED, POWER_SUSPENDED)

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
# Of live migrations and evacuations only.
ACCEPTED = "accepted"
QUEUED = "queued"
PREPARING = "preparing"
MIG_RUNNING = "running"
COMPLETED = "completed"
CANCELLED = "cancelled"
DONE = "done"
FAILED = "failed"

# migration.migration_type
RESIZE, MIGRATION, LIVE_MIGRATION, EVACUATION = "resize", "migration", "live-migration", "evacuation"

# migration.step: how far within a status.
FINISHING = "finishing"
ON_SOURCE = "on-source"
ON_DEST = "on-dest"
DEST_DONE = "dest-done"
SOURCE_DONE = "source-done"
CLAIMED = "claimed"
FORCED = "forced"
# Of a move that failed: its server has its guest, so no copy of a disk is the last one any more.
SETTLED = "settled"

# The only ways a migration may go (invariant 5 of spec 12.4); any of the first seven may also end in error.
MIGRATION_FLOW = {
    PRE_MIGRATING: (MIG_MIGRATING,),
    MIG_MIGRATING: (POST_MIGRATING,),
    POST_MIGRATING: (FINISHED,),
    FINISHED: (CONFIRMING, REVERTING),
    # Back, when no host could be told: the request failed as a whole, before any hop of it (api/resize.py).
    CONFIRMING: (CONFIRMED, FINISHED),
    REVERTING: (REVERTED,),
}
# A live migration has no confirm: it is over, or the server is as it was. Deleting the server cancels it at any time.
LIVE_FLOW: dict[str, tuple[str, ...]] = {
    ACCEPTED: (QUEUED, CANCELLED),
    QUEUED: (PREPARING, CANCELLED),
    PREPARING: (MIG_RUNNING, CANCELLED),
    MIG_RUNNING: (POST_MIGRATING, CANCELLED, FAILED),
    POST_MIGRATING: (COMPLETED, CANCELLED),
}
# What an evacuation left on its source is removed when that host is back: done becomes completed.
EVACUATION_FLOW: dict[str, tuple[str, ...]] = {
    ACCEPTED: (PRE_MIGRATING,),
    PRE_MIGRATING: (DONE,),
    DONE: (COMPLETED,),
}
FLOWS: dict[str, dict[str, tuple[str, ...]]] = {
    RESIZE: MIGRATION_FLOW, MIGRATION: MIGRATION_FLOW, LIVE_MIGRATION: LIVE_FLOW, EVACUATION: EVACUATION_FLOW}
# In these a move holds room on its destination; there is one move of a server at a time.
IN_PROGRESS = tuple(dict.fromkeys(status for flow in FLOWS.values() for status in flow if status != DONE))
# In these a live migration is shown below its server (spec 3.8).
LIVE_IN_PROGRESS = (QUEUED, PREPARING, MIG_RUNNING, POST_MIGRATING)

# The status a user reads (spec 2.2): vm_state -> (default, {task_state: status}).
_RESIZING = dict.fromkeys(RESIZE_TASKS, "RESIZE")
_REBUILDING = dict.fromkeys(REBUILD_TASKS, "REBUILD")
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

def _vm(*vm_states: str, sets: str | None = None, task: frozenset[str | None] | None = frozenset({None})) -> Action:
    return Action(frozenset(vm_states), task, sets)


# Every action of the API, by its name in a request; those with several rules, or that are no action there, by one of
# their own. Present-day rules; ACTIONS_2014 has what /v2 does otherwise.
ACTIONS: dict[str, Action] = {
    "resize": _vm(ACTIVE, STOPPED, sets=RESIZE_PREP),
    "migrate": _vm(ACTIVE, STOPPED, sets=RESIZE_PREP),
    "confirmResize": _vm(RESIZED),
    "revertResize": _vm(RESIZED, sets=RESIZE_REVERTING),
    "os-stop": _vm(ACTIVE, ERROR, sets=POWERING_OFF),
    "os-start": _vm(STOPPED, sets=POWERING_ON),
    "reboot_soft": _vm(ACTIVE, sets=REBOOTING, task=_SOFT_REBOOT),
    "reboot_hard": _vm(ACTIVE, STOPPED, PAUSED, SUSPENDED, ERROR, sets=REBOOTING_HARD, task=_HARD_REBOOT),
    "rebuild": _vm(ACTIVE, STOPPED, ERROR, sets=REBUILDING),
    "pause": _vm(ACTIVE, sets=PAUSING),
    "unpause": _vm(PAUSED, sets=UNPAUSING),
    "suspend": _vm(ACTIVE, sets=SUSPENDING),
    "resume": _vm(SUSPENDED, sets=RESUMING),
    "rescue": _vm(ACTIVE, STOPPED, ERROR, sets=RESCUING),
    "unrescue": _vm(RESCUED, sets=UNRESCUING),
    "shelve": _vm(ACTIVE, STOPPED, PAUSED, SUSPENDED, sets=SHELVING),
    "shelveOffload": _vm(SHELVED, sets=SHELVING_OFFLOADING),
    "unshelve": _vm(SHELVED, SHELVED_OFFLOADED, sets=UNSHELVING),
    "createImage": _vm(ACTIVE, STOPPED, PAUSED, SUSPENDED, sets=IMAGE_SNAPSHOT_PENDING),
    "createBackup": _vm(ACTIVE, STOPPED, PAUSED, SUSPENDED, sets=IMAGE_BACKUP),
    "changePassword": _vm(ACTIVE, sets=UPDATING_PASSWORD),
    "os-migrateLive": _vm(ACTIVE, PAUSED, sets=MIGRATING),
    "evacuate": _vm(ACTIVE, STOPPED, ERROR, sets=REBUILDING, task=None),
    "attach_volume": _vm(ACTIVE, PAUSED, STOPPED, RESIZED, SOFT_DELETED, SHELVED, SHELVED_OFFLOADED),
    "detach_volume": _vm(ACTIVE, PAUSED, STOPPED, RESIZED, SOFT_DELETED, SHELVED, SHELVED_OFFLOADED),
    "swap_volume": _vm(ACTIVE, PAUSED, RESIZED),
    "attach_share": _vm(STOPPED),
    "detach_share": _vm(STOPPED),
    "attach_interface": _vm(ACTIVE, PAUSED, STOPPED),
    "detach_interface": _vm(ACTIVE, PAUSED, STOPPED),
    "addFixedIp": _vm(ACTIVE, PAUSED, STOPPED),
    "removeFixedIp": _vm(ACTIVE, PAUSED, STOPPED),
    "addSecurityGroup": Action(None, None, launched=False),
    "removeSecurityGroup": Action(None, None, launched=False),
    "update_metadata": _vm(ACTIVE, PAUSED, SUSPENDED, STOPPED, task=None),
    "update_tags": Action(frozenset((ACTIVE, PAUSED, SUSPENDED, STOPPED)), None, launched=False, lock=False),
    "delete": Action(None, None, sets=DELETING, launched=False),
    "soft_delete": Action(None, None, sets=SOFT_DELETING),
    "restore": _vm(SOFT_DELETED, sets=RESTORING),
    "forceDelete": Action(None, None, sets=DELETING, launched=False),
    "lock": Action(None, None, launched=False, lock=False),
    "unlock": Action(None, None, launched=False, lock=False),
    "injectNetworkInfo": Action(None, None, launched=False),
    "os-resetState": Action(None, None, launched=False, lock=False),
    "trigger_crash_dump": _vm(ACTIVE, PAUSED, RESCUED, RESIZED, ERROR),
}

_REBOOT_2014 = frozenset({None, REBOOTING, REBOOTING_HARD, RESUMING, UNPAUSING, PAUSING, SUSPENDING})
_VOLUME_2014 = _vm(ACTIVE, PAUSED, STOPPED, RESIZED, SOFT_DELETED)
ACTIONS_2014: dict[str, Action] = ACTIONS | {
    # The 2014 check let more through than its compare-and-swap, which ended as a 500; what the swap takes is allowed.
    "reboot_soft": _vm(ACTIVE, sets=REBOOTING, task=_REBOOT_2014 - {REBOOTING, REBOOTING_HARD}),
    "reboot_hard": ACTIONS["reboot_hard"]._replace(task=_REBOOT_2014 - {REBOOTING_HARD}),
    "createBackup": _vm(ACTIVE, STOPPED, sets=IMAGE_BACKUP),
    "os-migrateLive": _vm(ACTIVE, sets=MIGRATING),
    "evacuate": _vm(ACTIVE, STOPPED, sets=REBUILDING),
    "attach_volume": _VOLUME_2014,
    "detach_volume": _VOLUME_2014,
    "swap_volume": _vm(ACTIVE, PAUSED, SUSPENDED, STOPPED, RESIZED, SOFT_DELETED),
    "forceDelete": _vm(SOFT_DELETED, sets=DELETING)._replace(launched=False),
}
