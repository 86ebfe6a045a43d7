"""Which action is legal when: every action of the API on a server in every pair of vm_state and task_state (spec 2.3).

What is right stands here once more, as the specification has it: the product's own table is not asked. A request that
is legal is made so that it ends behind the state check, and changes nothing: with a flavor, a host or an image that
there is not; the others reach a proxy that sends nothing.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import pytest

from novasim.api.server_actions import ACTIONS

VM_STATES = ("active", "building", "paused", "suspended", "stopped", "rescued", "resized", "soft-delete", "deleted",
             "error", "shelved", "shelved_offloaded")
TASKS = (
    None, "scheduling", "block_device_mapping", "networking", "spawning", "powering-off", "powering-on", "rebooting",
    "reboot_pending", "reboot_started", "rebooting_hard", "reboot_pending_hard", "reboot_started_hard", "pausing",
    "unpausing", "suspending", "resuming", "rescuing", "unrescuing", "rebuilding", "rebuild_block_device_mapping",
    "rebuild_spawning", "migrating", "deleting", "soft-deleting", "restoring", "image_snapshot",
    "image_snapshot_pending", "image_pending_upload", "image_uploading", "image_backup", "updating_password",
    "shelving", "shelving_image_pending_upload", "shelving_image_uploading", "shelving_offloading", "unshelving",
    "resize_prep", "resize_migrating", "resize_migrated", "resize_finish", "resize_reverting")
NO_TASK = (None,)
ANY = None
HARD = (None, "rebooting", "reboot_pending", "reboot_started", "rebooting_hard", "resuming", "unpausing", "pausing",
        "suspending")
NOBODY = "11111111-2222-4333-8444-555555555555"
VOLUME = "a07f71dc-8151-4e7d-a0cc-cd24a3f11113"


class Row(NamedTuple):
    """A row of spec 2.3: the request, where it is legal (None: anywhere), and how it is answered there."""
    row: str
    body: Any
    vm: tuple[str, ...] | None
    answer: tuple[int, str | None]
    task: tuple[str | None, ...] | None = NO_TASK
    launched: bool = True
    locked: bool = True
    name: str = ""
    method: str = "POST"
    path: str = "/action"
    version: str = "2.104"


def no_volume(action: str, method: str, path: str, body: Any, row: str, *vm: str) -> Row:
    return Row(row, body, vm, (404, f"Volume {VOLUME} could not be found."), name=action, method=method,
               path=f"/os-volume_attachments{path}")


OFF = (202, None)
HAS_VOLUMES = ("active", "paused", "stopped", "resized", "soft-delete", "shelved", "shelved_offloaded")
ATTACH = {"volumeAttachment": {"volumeId": VOLUME}}
PLUGGED = ("active", "paused", "stopped")
META = ("active", "paused", "suspended", "stopped")
ROWS = {
    "resize": Row("resize", {"flavorRef": "nope"}, ("active", "stopped"), (400, "Flavor nope could not be found.")),
    "migrate": Row("migrate", {"host": "nope"}, ("active", "stopped"), (400, "Compute host nope could not be found.")),
    "confirmResize": Row("confirmResize", None, ("resized",), (400, "Instance has not been resized.")),
    "revertResize": Row("revertResize", None, ("resized",), (400, "Instance has not been resized.")),
    "os-stop": Row("os-stop", None, ("active", "error"), OFF, name="stop"),
    "os-start": Row("os-start", None, ("stopped",), OFF, name="start"),
    "reboot SOFT": Row("reboot-soft", {"type": "SOFT"}, ("active",), OFF, name="reboot"),
    "reboot HARD": Row("reboot-hard", {"type": "HARD"}, ("active", "stopped", "paused", "suspended", "error"), OFF,
                       HARD, name="reboot"),
    "rebuild": Row("rebuild", {"imageRef": NOBODY}, ("active", "stopped", "error"),
                   (400, f"Image {NOBODY} could not be found.")),
    "pause": Row("pause", None, ("active",), OFF),
    "unpause": Row("unpause", None, ("paused",), OFF),
    "suspend": Row("suspend", None, ("active",), OFF),
    "resume": Row("resume", None, ("suspended",), OFF),
    "rescue": Row("rescue", {"rescue_image_ref": NOBODY}, ("active", "stopped", "error"),
                  (400, f"Requested rescue image '{NOBODY}' is not supported")),
    "unrescue": Row("unrescue", None, ("rescued",), OFF),
    "shelve": Row("shelve", None, ("active", "stopped", "paused", "suspended"), OFF),
    "shelveOffload": Row("shelveOffload", None, ("shelved",), OFF),
    "unshelve": Row("unshelve", None, ("shelved", "shelved_offloaded"), OFF),
    "createImage": Row("createImage", {"name": "x"}, ("active", "stopped", "paused", "suspended"), OFF),
    "createBackup": Row("createBackup", {"name": "x", "backup_type": "daily", "rotation": 1},
                        ("active", "stopped", "paused", "suspended"), OFF),
    "changePassword": Row("changePassword", {"adminPass": "x"}, ("active",), OFF),
    "os-migrateLive": Row("os-migrateLive", {"host": "nope", "block_migration": "auto"}, ("active", "paused"),
                          (400, "Compute host nope could not be found.")),
    "evacuate": Row("evacuate", {}, ("active", "stopped", "error"), (400, "Compute service of cmp-1 is still in use."),
                    ANY),
    "attach volume": no_volume("attach_volume", "POST", "", ATTACH, "attach-volume", *HAS_VOLUMES),
    "detach volume": no_volume("detach_volume", "DELETE", f"/{VOLUME}", None, "attach-volume", *HAS_VOLUMES),
    "swap volume": no_volume("swap_volume", "PUT", f"/{VOLUME}", {"volumeAttachment": {"volumeId": NOBODY}},
                             "swap-volume", "active", "paused", "resized"),
    "attach interface": Row("", {"interfaceAttachment": {"net_id": NOBODY}}, PLUGGED,
                            (404, f"Network {NOBODY} could not be found."), name="attach_interface",
                            path="/os-interface"),
    "detach interface": Row("", None, PLUGGED, (404, f"Port id {NOBODY} could not be found."), name="detach_interface",
                            method="DELETE", path=f"/os-interface/{NOBODY}"),
    "addFixedIp": Row("", {"networkId": NOBODY}, PLUGGED, (404, f"Network {NOBODY} could not be found."),
                      version="2.43"),
    "removeFixedIp": Row("", {"address": "10.0.0.9"}, PLUGGED,
                         (400, "The instance does not have fixed IP 10.0.0.9."), version="2.43"),
    "addSecurityGroup": Row("", {"name": "default"}, ANY, OFF, ANY, launched=False),
    "removeSecurityGroup": Row("", {"name": "x"}, ANY, (404, "Security group x not found for project p1."), ANY,
                               launched=False),
    "set metadata": Row("metadata", {"metadata": {}}, META, (200, None), ANY, name="update metadata", path="/metadata"),
    "delete metadata": Row("metadata", None, META, (404, "Metadata item was not found"), ANY, name="delete metadata",
                           method="DELETE", path="/metadata/nope"),
    "delete": Row("delete", None, ANY, (204, None), ANY, launched=False, method="DELETE", path=""),
    "restore": Row("restore", None, ("soft-delete",), OFF),
    "forceDelete": Row("forceDelete", None, ANY, OFF, ANY, launched=False),
    "lock": Row("lock", None, ANY, OFF, ANY, launched=False, locked=False),
    "unlock": Row("unlock", None, ANY, OFF, ANY, launched=False, locked=False),
    "injectNetworkInfo": Row("lock", None, ANY, OFF, ANY, launched=False),
    "os-resetState": Row("lock", {"state": "error"}, ANY, OFF, ANY, launched=False, locked=False),
}


ROWS |= {"trigger_crash_dump": Row("", None, ("active", "paused", "rescued", "resized", "error"), OFF)}
ROWS |= {action: Row("", {"address": "172.24.9.9"}, ANY, (404, "floating IP not found"), ANY, launched=False,
                     locked=False, version="2.43") for action in ("addFloatingIp", "removeFloatingIp")}
ROWS |= {action: Row("", body, ANY, (200, None), ANY, launched=False, locked=False, version="2.5") for action, body in (
    ("os-getConsoleOutput", {"length": 5}), ("os-getVNCConsole", {"type": "novnc"}),
    ("os-getSPICEConsole", {"type": "spice-html5"}), ("os-getRDPConsole", {"type": "rdp-html5"}),
    ("os-getSerialConsole", {"type": "serial"}))}


def ask(cloud: Any, server: str, action: str, user: str = "admin:admin") -> Any:
    """Make the request of a row."""
    row = ROWS[action]
    body = {action.partition(" ")[0]: row.body} if row.path == "/action" else row.body
    return cloud.call(row.method, f"/servers/{server}{row.path}", body, version=row.version, user=user)


def legal(row: Row, vm_state: str, task_state: str | None) -> bool:
    return (row.vm is None or vm_state in row.vm) and (row.task is None or task_state in row.task)


def refusal(action: str, server: str, vm_state: str, task_state: str | None) -> str:
    row = ROWS[action]
    wrong = row.vm is not None and vm_state not in row.vm
    attr, state = ("vm_state", vm_state) if wrong else ("task_state", task_state)
    return f"Cannot '{row.name or action}' instance {server} while it is in {attr} {state}"


def check(cloud: Any, server: str, action: str, vm_state: str, task_state: str | None) -> bool:
    """See how an action is answered in a state; returns whether it may have changed the server."""
    row, answer = ROWS[action], ask(cloud, server, action)
    told = (answer.status, answer.message if answer.status >= 400 else None)
    right = row.answer if legal(row, vm_state, task_state) else (409, refusal(action, server, vm_state, task_state))
    assert told == right, (action, vm_state, task_state)
    return answer.status < 400


@pytest.mark.spec("2.3/resize", "2.3/migrate", "2.3/confirmResize", "2.3/revertResize", "2.3/os-stop",
                  "2.3/os-start", "2.3/reboot-soft", "2.3/reboot-hard", "2.3/rebuild", "2.3/pause", "2.3/unpause",
                  "2.3/suspend", "2.3/resume", "2.3/rescue", "2.3/unrescue", "2.3/shelve", "2.3/shelveOffload",
                  "2.3/unshelve", "2.3/createImage", "2.3/createBackup", "2.3/changePassword", "2.3/os-migrateLive",
                  "2.3/evacuate", "2.3/attach-volume", "2.3/swap-volume", "2.3/metadata", "2.3/delete",
                  "2.3/restore", "2.3/forceDelete", "2.3/lock", "3.2/9")
@pytest.mark.parametrize("vm_state", VM_STATES)
def test_every_action_in_every_state(cloud, vm_state):
    server = cloud.boot()
    for task_state in TASKS:
        state = {"vm_state": vm_state, "task_state": task_state, "locked": False}
        cloud.set(server, **state)
        for action in ROWS:
            if check(cloud, server, action, vm_state, task_state):
                cloud.set(server, **state)


def test_no_action_is_forgotten():
    assert {action.partition(" ")[0] for action, row in ROWS.items() if row.path == "/action"} == set(ACTIONS)


@pytest.mark.spec("2.3/soft-delete", "2.3/delete")
def test_soft_delete_in_every_state(make_cloud):
    cloud = make_cloud(reclaim_instance_interval=3600)
    server = cloud.boot()
    for vm_state, task_state in itertools.product(VM_STATES, TASKS):
        cloud.set(server, vm_state=vm_state, task_state=task_state)
        assert check(cloud, server, "delete", vm_state, task_state)
        begun = cloud.row(server).task_state
        if task_state == "deleting":
            assert begun == "deleting"
        elif (vm_state, task_state) == ("soft-delete", None):
            assert begun is None
        else:
            assert begun == "soft-deleting", (vm_state, task_state)
    assert {method for method, *_ in cloud.compute.sent} == {"soft_delete_instance", "terminate_instance"}


@pytest.mark.spec("2.3/never-launched")
def test_a_server_that_was_never_active(cloud):
    server = cloud.boot()
    for action, row in ROWS.items():
        cloud.set(server, launched_at=None, vm_state=row.vm[0] if row.vm else "building", task_state=None)
        answer = ask(cloud, server, action)
        if row.launched:
            assert (answer.status, answer.message) == (
                409, f"Instance {server} is in an invalid state for '{row.name or action}'")
        else:
            assert answer.status == row.answer[0], action


@pytest.mark.spec("2.3/soft-delete", "2.3/never-launched")
def test_a_server_that_was_never_active_is_deleted_for_good(make_cloud):
    cloud = make_cloud(reclaim_instance_interval=3600)
    server = cloud.boot()
    cloud.set(server, launched_at=None)
    assert ask(cloud, server, "delete").status == 204
    assert cloud.row(server).task_state == "deleting"


@pytest.mark.spec("2.3/locked", "2.3/lock", "3.2/7", "3.3/locked")
def test_a_locked_server(cloud, monkeypatch):
    """Refused to its owner whatever its state, where the policy lets owners do it; the lock is looked at first. An
    admin may."""
    monkeypatch.setattr(cloud.api.policy, "authorize", lambda *_: None)
    server = cloud.boot()
    for action, row in ROWS.items():
        cloud.set(server, locked=True, locked_by="owner", vm_state="rescued", task_state="unrescuing")
        answer = ask(cloud, server, action, "bob:p1")
        if row.locked:
            assert (answer.status, answer.message) == (409, f"Instance {server} is locked")
        else:
            assert answer.status == row.answer[0], action
        cloud.set(server, locked=True, vm_state=row.vm[0] if row.vm else "active", task_state=None)
        assert ask(cloud, server, action).status == row.answer[0], action


RESIZE_TASKS = ("resize_prep", "resize_migrating", "resize_migrated", "resize_finish")
COLUMNS = ("resize", "migrate", "confirmResize", "revertResize", "os-stop", "os-start", "reboot HARD", "os-migrateLive",
           "attach volume", "delete")
# The small matrix of spec 2.3: (row, vm_state, tasks, legal actions).
SMALL = [
    ("active", "active", NO_TASK, "resize, migrate, os-stop, reboot HARD, os-migrateLive, attach volume, delete"),
    ("stopped", "stopped", NO_TASK, "resize, migrate, os-start, reboot HARD, attach volume, delete"),
    ("resizing", "active", RESIZE_TASKS, "delete"),
    ("resizing", "stopped", RESIZE_TASKS, "delete"),
    ("resized", "resized", NO_TASK, "confirmResize, revertResize, attach volume, delete"),
    ("reverting", "resized", ("resize_reverting",), "delete"),
    ("error", "error", NO_TASK, "os-stop, reboot HARD, delete"),
    ("others", "paused", NO_TASK, "reboot HARD, os-migrateLive, attach volume, delete"),
    ("others", "suspended", NO_TASK, "reboot HARD, delete"),
    ("others", "rescued", NO_TASK, "delete"),
    ("others", "shelved", NO_TASK, "attach volume, delete"),
]


@pytest.mark.spec("2.3/matrix-active", "2.3/matrix-stopped", "2.3/matrix-resizing", "2.3/matrix-resized",
                  "2.3/matrix-reverting", "2.3/matrix-error", "2.3/matrix-others")
@pytest.mark.parametrize(("row", "vm_state", "tasks", "allowed"), SMALL)
def test_the_matrix_of_a_resize(cloud, row, vm_state, tasks, allowed):
    server = cloud.boot()
    for task_state, action in itertools.product(tasks, COLUMNS):
        cloud.set(server, vm_state=vm_state, task_state=task_state)
        assert (ask(cloud, server, action).status != 409) == (action in allowed.split(", ")), (task_state, action)


@pytest.mark.spec("2.3/matrix-resized", "2.3/matrix-confirming")
def test_while_a_resize_is_confirmed(cloud):
    """The state is as before, but there is no move that waits: 400 for a second confirm, and for a revert."""
    server = cloud.boot()
    cloud.resized(server)
    assert cloud.act(server, "confirmResize").status == 204
    for action in COLUMNS:
        answer = ask(cloud, server, action)
        if action in ("confirmResize", "revertResize"):
            assert (answer.status, answer.message) == (400, "Instance has not been resized.")
        else:
            assert (answer.status != 409) == (action in ("attach volume", "delete")), action
