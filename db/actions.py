"""The record of what was done to a server: actions, their events, and faults (spec 3.10, 6.5).

An action is one client request; an event is one hop of it, found by (server, request id, event name). A hop that is
taken up again after a restart is a second event of that name.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Insert, Select, Update, and_, bindparam, func, insert, literal, select, union_all
from sqlalchemy import update as sql_update
from sqlalchemy.sql import ColumnElement

from novasim import exceptions
from novasim.context import RequestContext
from novasim.db import models, pages
from novasim.db.engine import Transaction, one_of

_A = models.instance_actions.c
_E = models.instance_actions_events.c
_F = models.instance_faults.c
SUCCESS, ERROR = "Success", "Error"
Event = str | tuple[str, ...]
# What a conductor does for a resize or cold migration, in today's name and in that of 2014 (spec 3.10).
COLD_MIGRATE = ("conductor_migrate_server", "cold_migrate")

_OF_REQUEST = and_(_A.instance_uuid == bindparam("b_uuid"), _A.request_id == bindparam("b_request"))
_OPEN_EVENTS = select(_E.id).join_from(
    models.instance_actions, models.instance_actions_events, _E.action_id == _A.id).where(
    _A.instance_uuid == bindparam("uuid"), _E.finish_time.is_(None))
_START = insert(models.instance_actions)
_FAIL_ACTION = sql_update(models.instance_actions).where(_OF_REQUEST).values(
    message=ERROR, finish_time=bindparam("b_now"), updated_at=bindparam("b_now"))


def start(tx: Transaction, context: RequestContext, instance_uuid: str, action: str) -> None:
    """Note that a request began; its id is the action's."""
    tx.change(_START, {
        "action": action, "instance_uuid": instance_uuid, "request_id": context.request_id,
        "user_id": context.user_id, "project_id": context.project_id, "start_time": tx.now, "created_at": tx.now,
        "updated_at": tx.now, "deleted": 0})


def _names(event: Event) -> tuple[str, ...]:
    return (event,) if isinstance(event, str) else event


@functools.cache
def _finish_statement(names: tuple[str, ...]) -> Update:
    return sql_update(models.instance_actions_events).where(
        one_of(_E.event, names), _E.finish_time.is_(None),
        # Equal, not in: MariaDB 10.11 reads the whole table of events for an UPDATE with IN (SELECT ...).
        _E.action_id == select(func.max(_A.id)).where(_OF_REQUEST).scalar_subquery()).values(
        finish_time=bindparam("b_now"), updated_at=bindparam("b_now"), result=bindparam("b_result"),
        traceback=bindparam("b_traceback"), details=bindparam("b_details"))


@functools.cache
def _start_statement(names: tuple[str, ...]) -> Insert:
    """Insert these events for a request that has an action; nothing for one that has none."""
    now, host = bindparam("b_now", type_=models.Time), bindparam("b_host", type_=models.Name)

    def new(event: ColumnElement[Any], action_id: ColumnElement[Any]) -> Select[Any]:
        return select(event, action_id, now, bindparam("b_finish", type_=models.Time),
                      bindparam("b_result", type_=models.Name), host, now, literal(0))

    newest = func.max(_A.id)
    # Most hops are one event, and a table of one name is dear on MariaDB.
    if len(names) == 1:
        rows = new(literal(names[0], models.Name), newest).where(_OF_REQUEST).having(newest.is_not(None))
    else:
        action = select(newest.label("id")).where(_OF_REQUEST).subquery()
        each = union_all(*(select(literal(name, models.Name).label("event")) for name in names)).subquery()
        rows = new(each.c.event, action.c.id).select_from(each.join(action, action.c.id.is_not(None)))
    return insert(models.instance_actions_events).from_select(
        ["event", "action_id", "start_time", "finish_time", "result", "host", "created_at", "deleted"], rows)


def start_event(tx: Transaction, request_id: str, instance_uuid: str, event: Event, host: str | None = None,
                done: bool = False, again: bool = False) -> None:
    """Note that a hop began; with ``done`` also that it ended well, where it is one transaction.

    :param event: its name, or those of the events that it is nested in, outermost first
    :param again: it had begun before, and its process died: what was noted then has failed
    """
    names = _names(event)
    if again:
        for name in names:
            break_off(tx, instance_uuid, "The service ended in the middle of it", name)
    tx.change(_start_statement(names), {
        "b_now": tx.now, "b_finish": tx.now if done else None, "b_result": SUCCESS if done else None, "b_host": host,
        "b_uuid": instance_uuid, "b_request": request_id})


def finish_event(tx: Transaction, request_id: str, instance_uuid: str, event: Event,
                 traceback: str | None = None, final: bool = True, details: str | None = None) -> None:
    """Note that a hop ended: well, or with a traceback; if that is final, it fails its action too.

    :param details: in a sentence, why
    """
    tx.change(_finish_statement(_names(event)), {
        "b_now": tx.now, "b_result": SUCCESS if traceback is None else ERROR,
        "b_traceback": traceback, "b_details": details, "b_uuid": instance_uuid, "b_request": request_id})
    if traceback is not None and final:
        fail(tx, request_id, instance_uuid)


def fail(tx: Transaction, request_id: str, instance_uuid: str) -> None:
    """Mark the action as failed: the user sees ``message: Error``."""
    tx.change(_FAIL_ACTION, {"b_uuid": instance_uuid, "b_request": request_id, "b_now": tx.now})


def break_off(tx: Transaction, instance_uuid: str, why: str, event: str | None = None) -> None:
    """Whatever was under way with a server, or one hop of it, has ended from outside: it does not stay open.

    :param why: what of it the server's owner may read
    """
    opened = _OPEN_EVENTS if event is None else _OPEN_EVENTS.where(_E.event == event)
    ids = list(tx.execute(opened, {"uuid": instance_uuid}).scalars())
    if ids:
        tx.execute(sql_update(models.instance_actions_events).where(_E.id.in_(ids)).values(
            finish_time=tx.now, updated_at=tx.now, result=ERROR, details=why))


def open_events(tx: Transaction) -> list[Any]:
    """Every hop that has begun and not ended, with its server: for checkers, not for services."""
    return list(tx.execute(select(_A.instance_uuid, _E.event, _E.start_time).join_from(
        models.instance_actions_events, models.instance_actions, _E.action_id == _A.id).where(
        _E.finish_time.is_(None))).all())


def text_of(error: BaseException) -> str:
    """What is told of an error: its message alone, or its class's name where it has none."""
    return getattr(error, "text", None) or str(error) or type(error).__name__


def full_text_of(error: BaseException) -> str:
    """The same, with what only admins may read: an error that has such a ``summary`` brings it along on the wire."""
    return " ".join(filter(None, [text_of(error), getattr(error, "kwargs", {}).get("summary")]))


def add_fault(tx: Transaction, instance_uuid: str, error: BaseException, host: str | None = None,
              details: str | None = None) -> None:
    """Note why a server failed (spec 6.5): the message is cut to 255, details are for admins."""
    # Other libraries' errors have codes too: SQLAlchemy's are texts.
    code = error.code if isinstance(error, exceptions.NovasimException) else 500
    tx.execute(insert(models.instance_faults), {
        "instance_uuid": instance_uuid, "code": code, "message": text_of(error)[:255],
        "details": details, "host": host, "created_at": tx.now, "deleted": 0})


def record_failure(tx: Transaction, context: RequestContext, instance_uuid: str, event: Event, error: Exception,
                   final: bool = True) -> None:
    """What the user and the admin see of a failed hop: fault, event with traceback, failed action (spec 6.5).

    :param final: False when another host is tried: the action may still succeed (spec 6.4)
    """
    trace = "".join(traceback.format_exception(error))
    told = full_text_of(error)
    add_fault(tx, instance_uuid, error, context.addressed_host,
              trace if told == text_of(error) else f"{told}\n{trace}")
    finish_event(tx, context.request_id, instance_uuid, event, trace, final, told)


def latest_faults(tx: Transaction, instance_uuids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The newest fault of each server: one statement."""
    newest = select(func.max(_F.id)).where(_F.instance_uuid.in_(instance_uuids), _F.deleted == 0).group_by(
        _F.instance_uuid)
    return {row.instance_uuid: dict(row._mapping)
            for row in tx.execute(select(models.instance_faults).where(_F.id.in_(newest)))}


def list_page(tx: Transaction, instance_uuid: str, limit: int | None = None, marker: str | None = None,
              changes_since: datetime | None = None, changes_before: datetime | None = None) -> list[dict[str, Any]]:
    """The actions of a server, newest first.

    :param marker: request id
    :raises Invalid: when the marker is unknown
    """
    order = ((_A.created_at, "desc"), (_A.id, "desc"))
    statement = select(models.instance_actions).where(_A.instance_uuid == instance_uuid).limit(limit)
    if marker is not None:
        at = tx.execute(select(_A.created_at, _A.id).where(
            _A.instance_uuid == instance_uuid, _A.request_id == marker)).first()
        if at is None:
            raise exceptions.Invalid(f"marker [{marker}] not found")
        statement = pages.after(statement, at, order)
    if changes_since is not None:
        statement = statement.where(_A.updated_at >= changes_since)
    if changes_before is not None:
        statement = statement.where(_A.updated_at <= changes_before)
    return [dict(row._mapping) for row in tx.execute(pages.ordered(statement, order, tx.dialect))]


def get(tx: Transaction, instance_uuid: str, request_id: str) -> dict[str, Any]:
    """One action with its events, newest event first.

    :raises ActionNotFound: when there is none
    """
    row = tx.execute(select(models.instance_actions).where(
        _A.instance_uuid == instance_uuid, _A.request_id == request_id).order_by(_A.id.desc())).first()
    if row is None:
        raise exceptions.ActionNotFound(request_id=request_id)
    events = tx.execute(select(models.instance_actions_events).where(_E.action_id == row.id).order_by(
        _E.created_at.desc(), _E.id.desc()))
    return dict(row._mapping) | {"events": [dict(event._mapping) for event in events]}


def initiator(tx: Transaction, instance_uuid: str, request_id: str) -> tuple[str | None, str | None]:
    """(user, project) that asked for an action."""
    row = tx.execute(select(_A.user_id, _A.project_id).where(
        _A.instance_uuid == instance_uuid, _A.request_id == request_id)).first()
    return (None, None) if row is None else (row.user_id, row.project_id)


def newest_request(tx: Transaction, instance_uuid: str, names: Sequence[str]) -> str | None:
    """The request id of the newest action of these names: under which a broken-off hop is taken up again."""
    row = tx.execute(select(_A.request_id).where(_A.instance_uuid == instance_uuid, _A.action.in_(names)).order_by(
        _A.id.desc())).first()
    return None if row is None else str(row.request_id)
