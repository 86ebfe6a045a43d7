"""The states of servers and migrations, and what leads from one to another."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from novasim import states
from pages import markdown
from pages.markdown import code, table

_ABOUT = """\
The words for what a server and a migration can be, and which action is legal when, from
[`kernel/states.py`](../kernel/states.py). A server has a `vm_state` (what it is when nothing is going on), a
`task_state` (what is being done to it; none in between) and a `power_state` (what its hypervisor says)."""


def _dashed(text: str) -> str:
    """A mermaid identifier."""
    return text.replace("-", "_")


def _server(vm_state: str, task: str | None = None) -> tuple[str, str]:
    """The mermaid identifier and text of a server's state."""
    name = _dashed(f"{vm_state}__{task}" if task else vm_state)
    return name, f"{states.status_of(vm_state, task)}: {vm_state} / {task or '-'}"


def _resize_diagram() -> str:
    """How a server goes through a move: the tasks in their order, the actions that begin and end it."""
    begin, revert = states.ACTIONS["resize"], states.ACTIONS["revertResize"]
    homes = sorted(begin.vm or ())
    nodes, edges = [], []
    resized, reverting = _server(states.RESIZED), _server(states.RESIZED, revert.sets)
    for vm_state in homes:
        home, tasks = _server(vm_state), [_server(vm_state, task) for task in states.RESIZE_TASKS]
        nodes += [home, *tasks]
        edges += [(home, tasks[0], "resize, migrate"), *((one, two, "") for one, two in itertools.pairwise(tasks)),
                  (tasks[-1], resized, ""), (resized, home, "confirmResize"), (reverting, home, "")]
    nodes += [resized, reverting]
    edges.append((resized, reverting, "revertResize"))
    return _mermaid(nodes, edges)


def _migration_diagram(flow: Mapping[str, tuple[str, ...]]) -> str:
    edges = [(one, two) for one, following in flow.items() for two in _after(one, following)]
    nodes = {text: (_dashed(text), text) for edge in edges for text in edge}
    return _mermaid(list(nodes.values()), [(nodes[one], nodes[two], "") for one, two in edges])


def _after(status: str, following: tuple[str, ...]) -> tuple[str, ...]:
    """What may follow a status: any in which a move is in progress may end in error."""
    return (*following, states.MIG_ERROR) if status in states.IN_PROGRESS else following


def _mermaid(nodes: Sequence[tuple[str, str]], edges: Iterable[tuple[tuple[str, str], tuple[str, str], str]]) -> str:
    lines = [f'    state "{text}" as {name}' for name, text in nodes]
    lines += [f"    {one[0]} --> {two[0]}" + (f": {label}" if label else "") for one, two, label in edges]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def _listed(values: Iterable[str | None]) -> str:
    return ", ".join(code(value) if value else "none" for value in sorted(values, key=lambda value: value or ""))


def _action_rows() -> Iterable[tuple[str, ...]]:
    for name, rule in states.ACTIONS.items():
        yield (code(name), "any" if rule.vm is None else _listed(rule.vm),
               "any" if rule.task is None else _listed(rule.task), code(rule.sets) if rule.sets else "-",
               "yes" if rule.launched else "no", "refused" if rule.lock else "allowed")


def _status_rows() -> Iterable[tuple[str, ...]]:
    for vm_state, (default, by_task) in states.STATUS.items():
        yield code(vm_state), "any other" if by_task else "any", default
        for status in sorted(set(by_task.values())):
            yield code(vm_state), _listed(task for task, name in by_task.items() if name == status), status


def _power_rows() -> Iterable[tuple[str, str]]:
    """power_state is the one family of numbers in the module."""
    numbers = {value: name for name, value in vars(states).items() if name.isupper() and type(value) is int}
    return [(str(value), numbers[value].removeprefix("POWER_")) for value in sorted(numbers)]


def _flow_rows(flow: Mapping[str, tuple[str, ...]]) -> Iterable[tuple[str, str]]:
    for status, following in flow.items():
        yield code(status), ", ".join(map(code, _after(status, following)))


def page() -> str:
    """doc/states.md."""
    return markdown.page(
        "States", _ABOUT,
        "## A server in a resize or cold migration", _resize_diagram(),
        "A failure ends in the state that the server had before, or in ERROR where its guest was touched.",
        "## A migration",
        "Each change is a compare-and-swap in `db/migrations.py`; nothing that is not in these tables is written.",
        *(part for title, flow in (("Resize and cold migration", states.MIGRATION_FLOW),
                                   ("Live migration", states.LIVE_FLOW), ("Evacuation", states.EVACUATION_FLOW))
          for part in (f"### {title}", _migration_diagram(flow), table(("status", "may become"), _flow_rows(flow)))),
        "## When an action is legal",
        "*Launched*: the server must have been active once. *Locked*: what a locked server says to all but admins.",
        table(("action", "vm_state", "task_state", "sets task_state", "launched", "locked"), _action_rows()),
        "## What the user sees", table(("vm_state", "task_state", "status"), _status_rows()),
        "Any other pair is `UNKNOWN`; a deleted server is `DELETED`.",
        "## Power states", table(("number", "meaning"), _power_rows()))
