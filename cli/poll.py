"""Following a server until what was asked of it has come to its end, with one live line for the user.

A server that is back where it was may not have done what was asked: then the instance action is asked why.
"""

import contextlib
import dataclasses
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from novasim.cli.client import ApiError, Client
from novasim.cli.errors import CliError

SHORTEST_S = 0.1
LONGEST_S = 2.0
GROWTH = 1.5
# The failed event of an action is written just after the server's state was put back.
REASON_TRIES = 5

Show = Callable[[dict[str, Any]], None]


@dataclasses.dataclass(frozen=True)
class Ends:
    """How an operation on a server ends.

    :param good: statuses, with no task, in which it is done
    :param going: statuses, with no task, in which it still goes on (confirm does not set a task)
    :param ambiguous: done looks like never begun, so the action must be asked
    """

    good: frozenset[str]
    going: frozenset[str] = frozenset()
    ambiguous: bool = False


REST = frozenset({"ACTIVE", "SHUTOFF"})
VERIFY = frozenset({"VERIFY_RESIZE"})
ENDS = {
    "create": Ends(frozenset({"ACTIVE"}), going=frozenset({"BUILD"})),
    "resize": Ends(VERIFY),
    "migrate": Ends(VERIFY),
    "confirmResize": Ends(REST, going=VERIFY),
    "revertResize": Ends(REST),
    "reboot": Ends(frozenset({"ACTIVE"}), ambiguous=True),
    "os-start": Ends(frozenset({"ACTIVE"})),
    "pause": Ends(frozenset({"PAUSED"})),
    "unpause": Ends(frozenset({"ACTIVE"})),
    "suspend": Ends(frozenset({"SUSPENDED"})),
    "resume": Ends(frozenset({"ACTIVE"})),
    "rescue": Ends(frozenset({"RESCUE"})),
    "unrescue": Ends(frozenset({"ACTIVE"})),
    "restore": Ends(frozenset({"ACTIVE"})),
    "changePassword": Ends(frozenset({"ACTIVE"}), ambiguous=True),
    "os-stop": Ends(frozenset({"SHUTOFF"})),
    "rebuild": Ends(REST, ambiguous=True),
    **dict.fromkeys(("createImage", "createBackup"), Ends(REST | {"PAUSED", "SUSPENDED"}, ambiguous=True)),
    "os-migrateLive": Ends(frozenset({"ACTIVE", "PAUSED"}), ambiguous=True),
    "evacuate": Ends(REST, ambiguous=True),
    "shelve": Ends(frozenset({"SHELVED", "SHELVED_OFFLOADED"})),
    "shelveOffload": Ends(frozenset({"SHELVED_OFFLOADED"})),
    "unshelve": Ends(frozenset({"ACTIVE"})),
}


class Failed(CliError):
    """The operation ended, but not as it was asked."""


def follow(client: Client, server_id: str, verb: str, request_id: str | None, show: Show) -> dict[str, Any]:
    """Wait until `verb` has ended on a server and return the server.

    :param verb: a key of ENDS
    :param request_id: that of the action, to ask why it failed
    :param show: called with the server at each look
    :raises Failed: the server is in ERROR, or is back where it was
    """
    ends = ENDS[verb]
    for _look in pauses():
        server = _look_at(client, server_id)
        show(server)
        status = server["status"]
        if status == "ERROR":
            reason = fault_of(server) or failure(client, server_id, request_id)
            raise Failed(f"{server['name']} is in ERROR: {reason or 'no fault was recorded'}")
        if server.get("OS-EXT-STS:task_state") is not None or status in ends.going:
            continue
        reason = "" if status in ends.good and not ends.ambiguous else failure(
            client, server_id, request_id, tries=1 if status in ends.good else REASON_TRIES)
        if status not in ends.good or reason:
            because = (reason or "no reason was recorded").rstrip(".")
            raise Failed(f"{verb} failed: {because}. {server['name']} is {status} again")
        return server
    raise AssertionError("pauses() has no end")


def follow_delete(client: Client, server_id: str, show: Show) -> None:
    """Wait until a server is gone, or kept as a deleted one.

    :raises Failed: it went to ERROR instead
    """
    for _look in pauses():
        try:
            server = client.get(f"/servers/{server_id}")["server"]
        except ApiError as error:
            if error.status == 404:
                return
            raise
        show(server)
        if server["status"] in ("DELETED", "SOFT_DELETED") and server.get("OS-EXT-STS:task_state") is None:
            return
        if server["status"] == "ERROR" and server.get("OS-EXT-STS:task_state") is None:
            reason = server.get("fault", {}).get("message", "no fault was recorded")
            raise Failed(f"{server['name']} was not deleted: {reason}")


def fault_of(server: dict[str, Any]) -> str:
    """Return why a server is in ERROR, or "" when nothing says so; details that go on where the message ends are an
    admin's, and say more."""
    fault = server.get("fault", {})
    message, details = fault.get("message", ""), fault.get("details", "").partition("\n")[0]
    return details if message and details.startswith(message) else message


def failure(client: Client, server_id: str, request_id: str | None, tries: int = 1) -> str:
    """Return why the action of `request_id` failed, or "" when it did not (or is not known to have).

    :param tries: how often to look, a tenth of a second apart
    """
    if not request_id:
        return ""
    version = client.up_to("2.84")
    for _try, _look in zip(range(tries), pauses(longest=SHORTEST_S), strict=False):
        try:
            action = client.get(f"/servers/{server_id}/os-instance-actions/{request_id}",
                                version=version)["instanceAction"]
        except ApiError as error:
            if error.status != 404:
                raise
            continue
        broken = [event for event in action.get("events") or [] if event["result"] == "Error"]
        if broken or action["message"]:
            return _reason(broken) or action["message"]
    return ""


def pauses(shortest: float = SHORTEST_S, longest: float = LONGEST_S) -> Iterator[int]:
    """Count looks: one at once, others after a pause that grows from `shortest` to `longest` seconds."""
    never = threading.Event()
    pause, number = shortest, 0
    while True:
        yield number
        never.wait(pause)
        pause, number = min(pause * GROWTH, longest), number + 1


@contextlib.contextmanager
def progress(stream: TextIO, title: str) -> Iterator[Show]:
    """Give a function that shows where a server is: a live line on a terminal, else a line a change."""
    began = time.monotonic()
    if not stream.isatty():
        yield _plain(stream, title, began)
        return
    from rich import console
    from rich import progress as bars

    columns = (bars.SpinnerColumn(), bars.TextColumn("{task.description}"), bars.BarColumn(bar_width=24),
               bars.TaskProgressColumn(), bars.TimeElapsedColumn())
    with bars.Progress(*columns, console=console.Console(file=stream), transient=True) as bar:
        task = bar.add_task(title, total=100)
        yield lambda server: bar.update(task, description=_where(title, server), completed=percent(server))


def percent(server: dict[str, Any]) -> int:
    """Return how far the server says it is, 0 to 100."""
    return int(server.get("progress") or 0)


def _plain(stream: TextIO, title: str, began: float) -> Show:
    last = None

    def show(server: dict[str, Any]) -> None:
        nonlocal last
        line = f"{_where(title, server)}{f' {percent(server)}%' if percent(server) else ''}"
        if line != last:
            stream.write(f"{line} {time.monotonic() - began:.1f} s\n")
            stream.flush()
            last = line

    return show


def _where(title: str, server: dict[str, Any]) -> str:
    task = server.get("OS-EXT-STS:task_state")
    return f"{title}: {server['status']}{f'/{task}' if task else ''}"


def _look_at(client: Client, server_id: str) -> dict[str, Any]:
    try:
        return client.get(f"/servers/{server_id}")["server"]
    except ApiError as error:
        if error.status == 404:
            raise Failed(f"server {server_id} is gone. Somebody deleted it") from error
        raise


def _reason(events: list[dict[str, Any]]) -> str:
    """Why the first event failed: its details (2.84), or the text of the error its traceback ends with (admins)."""
    for event in events:
        if event.get("details"):
            return event["details"]
        traceback = (event.get("traceback") or "").strip()
        if traceback:
            return re.sub(r"^[\w.]+: ", "", traceback.splitlines()[-1].strip())
    return ""
