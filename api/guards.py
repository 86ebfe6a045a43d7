"""What every change of a server goes through, in the order of spec 3.2: found, allowed, not locked, in a fit state;
and how a lost race or a bus that takes no message is told to the user.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from novasim import exceptions, states
from novasim.api import liveness
from novasim.api.wsgi import Request
from novasim.db import actions, hosts, instances, migrations, quotas
from novasim.db.engine import Transaction
from novasim.objects import Instance

if TYPE_CHECKING:
    from novasim.api.app import Api

LOG = logging.getLogger(__name__)
Rules = Mapping[str, states.Action]


def find(request: Request, server_id: str, read_deleted: bool = False, complete: bool = True,
         with_metadata: bool | None = None) -> Instance:
    """A server that the caller may know of.

    :param complete: with metadata and system_metadata
    :param with_metadata: with the user's metadata or not, where that differs
    :raises InstanceNotFound: when there is none in the caller's project; admins see all projects
    """
    return request.api.db.read(instances.get, server_id, request.context.viewer, read_deleted, complete,
                               complete if with_metadata is None else with_metadata)


def find_beside(request: Request, server_id: str, beside: instances.Beside,
                **parameters: Any) -> tuple[Instance, dict[str, Any]]:
    """A server that the caller may know of, and what lies beside it; with the time since when a host that lives has
    been heard of.

    :raises InstanceNotFound: when there is none in the caller's project; admins see all projects
    """
    return request.api.db.read(instances.get_beside, server_id, request.context.viewer, beside, {
        "since": liveness.alive_since(request.api), **parameters})


def check_lock(request: Request, instance: Instance) -> None:
    """
    :raises InstanceIsLocked: for a locked server, to all but admins
    """
    if instance.locked and not request.context.is_admin:
        raise exceptions.InstanceIsLocked(instance_uuid=instance.uuid)


def check_cell(api: Api, instance: Instance) -> None:
    """
    :raises InstanceUnknownCell: in the cell of the API, for a server that no cell has taken yet (spec 3.2 item 8)
    """
    if api.conf.cells.cell_type == "api" and not instance.cell_name:
        raise exceptions.InstanceUnknownCell(instance_uuid=instance.uuid)


def check_state(instance: Instance, action: str, name: str | None = None, rules: Rules = states.ACTIONS) -> None:
    """See that an action is legal now (spec 2.3).

    :param action: key of ``rules``
    :param name: what a refusal calls it
    :param rules: those of the request's generation
    :raises InstanceInvalidState: naming the state that forbids it
    :raises InstanceNeverActive: when the server has not been active yet
    """
    rule, name = rules[action], name or action
    if rule.vm is not None and instance.vm_state not in rule.vm:
        raise _invalid(instance, name, "vm_state", instance.vm_state)
    if rule.task is not None and instance.task_state not in rule.task:
        raise _invalid(instance, name, "task_state", instance.task_state)
    if rule.launched and instance.launched_at is None:
        raise exceptions.InstanceNeverActive(instance_uuid=instance.uuid, action=name)


def _invalid(instance: Instance, action: str, attr: str, state: str | None) -> exceptions.InstanceInvalidState:
    return exceptions.InstanceInvalidState(action=action, instance_uuid=instance.uuid, attr=attr, state=state)


def check(request: Request, instance: Instance, action: str, name: str | None = None) -> None:
    """Lock, then cell, then state."""
    if request.actions[action].lock:
        check_lock(request, instance)
        check_cell(request.api, instance)
    check_state(instance, action, name, request.actions)


def check_host_up(api: Api, instance: Instance, host: str | None) -> None:
    """
    :raises InstanceNotReady: when the server has no host
    :raises ServiceUnavailable: when the host's agent is not alive
    """
    require_up(instance, host, host is not None and api.db.read(hosts.is_up, host, liveness.alive_since(api)))


def require_up(instance: Instance, host: str | None, is_up: bool) -> None:
    """The same, of an agent that was looked up already."""
    if host is None:
        raise exceptions.InstanceNotReady(instance_id=instance.uuid)
    if not is_up:
        raise exceptions.ServiceUnavailable()


def expected(action: str, rules: Rules = states.ACTIONS) -> dict[str, tuple[str | None, ...]]:
    """The states of an action's compare-and-swap: those that it is legal in."""
    rule = rules[action]
    return {column: tuple(sorted(allowed, key=str)) for column, allowed in
            (("vm_state", rule.vm), ("task_state", rule.task)) if allowed is not None}


@contextlib.contextmanager
def lost_races(api: Api, instance: Instance, name: str) -> Iterator[None]:
    """Turn a lost compare-and-swap into the answer that a moment later would have been given.

    :raises InstanceInvalidState: with the winner's state
    """
    try:
        yield
    except exceptions.UnexpectedTaskStateError as error:
        now = api.db.read(instances.get, instance.uuid, None, False, False, False)
        others = (name for name, allowed in error.kwargs["expected"].items()
                  if name != "task_state" and getattr(now, name) not in allowed)
        attr = "task_state" if now.task_state else next(others, "vm_state")
        raise _invalid(instance, name, attr, getattr(now, attr)) from error


# What the checks of a server rest on.
_FOUND = ("vm_state", "task_state", "host", "instance_type_id")


def take(tx: Transaction, instance: Instance, **values: Any) -> Instance:
    """Change a server, if it is as it was found: nothing that was checked of it has become untrue.

    :param values: new values by column
    :returns: the server as it is from now on
    :raises UnexpectedTaskStateError, InstanceNotFound: when it is not
    """
    instances.update(tx, instance.uuid, {name: (getattr(instance, name),) for name in _FOUND}, **values)
    return msgspec.structs.replace(instance, updated_at=tx.now, **values)


def reread(tx: Transaction, instance: Instance) -> Instance:
    """The row as this transaction left it, with the metadata that was read before."""
    now = instances.get(tx, instance.uuid, None, False, False, False)
    now.metadata, now.system_metadata = instance.metadata, instance.system_metadata
    return now


def send(cast: Callable[..., Any], *args: Any, undo: Callable[[Exception], None] | None = None,
         **kwargs: Any) -> None:
    """Send a message; when the bus does not take it, undo what the request began.

    :raises MessagingUnavailable: then
    """
    try:
        cast(*args, **kwargs)
    except Exception as error:
        LOG.exception("A message could not be sent")
        if undo is not None:
            undo(error)
        reason = error.text if isinstance(error, exceptions.ComputeServiceUnavailable) else type(error).__name__
        raise exceptions.MessagingUnavailable(reason=reason) from error


def ask(request: Request, instance: Instance, call: Callable[..., Any], **arguments: Any) -> Any:
    """Ask the agent of a server's host something, and wait for the answer.

    :param call: of the agent's contract
    :raises InstanceNotReady, ServiceUnavailable: when there is no agent to be asked
    :raises Conflict: when its hypervisor cannot say
    :raises MessagingUnavailable: when no answer comes
    """
    check_host_up(request.api, instance, instance.host)
    try:
        answer = call(request.context, instance.host, instance=instance, **arguments)
        if answer is None:
            # It has died over it.
            raise exceptions.MessagingUnavailable(reason="no answer")
        return answer
    except exceptions.HypervisorError as error:
        # Its text names the host, which is not for users.
        LOG.warning("Server %s could not be asked about: %s", instance.uuid, error.text)
        raise exceptions.Conflict(f"The guest of instance {instance.uuid} cannot be asked at this time.") from error
    except exceptions.NovasimException:
        raise
    except Exception as error:
        LOG.exception("An agent did not answer")
        raise exceptions.MessagingUnavailable(reason=type(error).__name__) from error


def undo_task(request: Request, instance: Instance, task: str | None,
              also: Callable[[Transaction], None] | None = None) -> Callable[[Exception], None]:
    """What takes a begun task back: no task, no reservation, a failed action and a fault.

    The bus may have taken the message after all: what has begun to work on it is left alone.

    :param task: the task_state it set
    :param also: what else was begun, and is taken back in the same transaction
    """
    def take_back(tx: Transaction) -> None:
        mine = {"task_state": (task,), "task_request_id": (request.context.request_id,)}
        instances.update(tx, instance.uuid, mine, task_state=None)
        move = migrations.in_progress(tx, instance.uuid)
        if move is not None:
            raise exceptions.MigrationStatusConflict(migration_id=move.id, actual=move.status, expected="none")
        quotas.rollback(tx, instance.uuid)
        if also is not None:
            also(tx)
    return undo(request, instance, take_back)


def undo(request: Request, instance: Instance,
         take_back: Callable[[Transaction], None]) -> Callable[[Exception], None]:
    """What takes a begun request back that reached nobody: a failed action and a fault tell of it.

    :param take_back: gives the server back as it was; what it raises when that is not the request's any more is let be
    """
    def run(error: Exception) -> None:
        def transaction(tx: Transaction) -> None:
            take_back(tx)
            actions.fail(tx, request.context.request_id, instance.uuid)
            actions.add_fault(tx, instance.uuid, error)

        with contextlib.suppress(exceptions.InstanceNotFound, exceptions.UnexpectedTaskStateError,
                                 exceptions.MigrationStatusConflict):
            request.api.db.write(transaction)
    return run
