#!/usr/bin/env python3
"""Writes the pages that say what the code says, so that nobody keeps them by hand: the sample configuration and policy,
the RPC contracts, the states, the REST resources. Only what is ours is listed: options of libraries change with their
versions, and they have generators of their own.
"""

from __future__ import annotations

import argparse
import inspect
import itertools
import pathlib
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import conformance

from novasim.launch import seam

seam.choose(seam.THREADING)

from oslo_config import cfg  # noqa: E402
from oslo_policy import policy as oslo_policy  # noqa: E402

from novasim import policy, states  # noqa: E402
from novasim.api import microversion, routes, server_actions  # noqa: E402
from novasim.launch import wiring  # noqa: E402
from novasim.rpc.compute import Compute  # noqa: E402
from novasim.rpc.conductor import Conductor  # noqa: E402
from novasim.rpc.contract import CALL, Contract, Method  # noqa: E402
from novasim.rpc.faults import FaultRules  # noqa: E402
from novasim.rpc.fleet import Fleet  # noqa: E402
from novasim.rpc.scheduler import Scheduler  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
CONTRACTS = (Conductor, Scheduler, Compute, Fleet, FaultRules)
NOTICE = "Made by tools/generate_docs.py; edit the code it is made from, then run that."
WIDTH = 100

code = "`{}`".format


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def page(title: str, *parts: str) -> str:
    """A Markdown page."""
    return "\n\n".join([f"# {title}", f"<!-- {NOTICE} -->", *parts]) + "\n"


def first_sentence(text: str) -> str:
    """The first sentence of a docstring, on one line."""
    return " ".join(text.split("\n\n")[0].split()).partition(". ")[0].rstrip(".")


# The sample configuration -------------------------------------------------------------------------------------------

_KINDS = {
    cfg.StrOpt: "text", cfg.IntOpt: "whole number", cfg.FloatOpt: "number", cfg.BoolOpt: "true or false",
    cfg.ListOpt: "list, comma-separated", cfg.MultiStrOpt: "text, may be given many times", cfg.PortOpt: "port",
}
_CONF_HEAD = f"""\
The options of novasim with their defaults.
{NOTICE}

novasim up writes a file like this into its state directory and takes any option as --set SECTION.OPTION=VALUE.
Services that are started by hand are given one: novasim-conductor --config-file FILE.

The bus, the log and the file of policy rules are options of the libraries behind them. Those of a split cluster:
  [DEFAULT]
  transport_url = rabbit://USER:PASSWORD@HOST:5672/
  log_dir = DIRECTORY
All of them: oslo-config-generator --namespace oslo.messaging --namespace oslo.log --namespace oslo.policy"""


def options() -> dict[str, list[cfg.Opt]]:
    """All options of ours by section, each once, as the rooms list them."""
    sections: dict[str, dict[str, cfg.Opt]] = {}
    for section, members in wiring.list_opts():
        sections.setdefault(section or "DEFAULT", {}).update({option.name: option for option in members})
    order = sorted(sections, key=lambda section: (section != "DEFAULT", section))
    return {section: list(sections[section].values()) for section in order}


def _values(option: cfg.Opt) -> list[str]:
    """The default as it is written into a file: one text a line of the file."""
    default = option.default if option.sample_default is None else option.sample_default
    if default is None:
        return ["<none>"]
    if isinstance(option, cfg.MultiStrOpt):
        return list(default)
    if isinstance(option, cfg.ListOpt):
        return [",".join(default)]
    return [str(default).lower() if isinstance(default, bool) else str(default)]


def _option(option: cfg.Opt) -> str:
    about = [_KINDS.get(type(option), str(option.type))]
    lowest, highest = getattr(option.type, "min", None), getattr(option.type, "max", None)
    if not isinstance(option, cfg.PortOpt):
        about += [f"at least {lowest}"] * (lowest is not None) + [f"at most {highest}"] * (highest is not None)
    if getattr(option.type, "choices", None):
        about.append("one of " + ", ".join(option.type.choices))
    was = [f"[{old.group or 'DEFAULT'}] {old.name or option.dest}" for old in option.deprecated_opts]
    lines = textwrap.wrap(f"{option.help} ({'; '.join(about)})", WIDTH)
    lines += [f"Earlier name: {name}" for name in was]
    return "\n".join([*(f"# {line}" for line in lines), *(f"#{option.dest} = {text}" for text in _values(option))])


def conf_sample() -> str:
    """etc/novasim/novasim.conf.sample."""
    parts = ["\n".join(f"# {line}".rstrip() for line in _CONF_HEAD.splitlines())]
    for section, members in options().items():
        parts += [f"\n[{section}]", *(_option(option) for option in members)]
    return "\n\n".join(parts) + "\n"


# The sample of the policy file --------------------------------------------------------------------------------------

def _rule(rule: oslo_policy.RuleDefault) -> str:
    operations = [f"{operation['method']} {operation['path']}" for operation in getattr(rule, "operations", None) or []]
    comments = [line for text in (rule.description, *operations) for line in textwrap.wrap(text, WIDTH)]
    return "\n".join([*(f"# {line}" for line in comments), f'#"{rule.name}": "{rule.check_str}"'])


def policy_sample() -> str:
    """etc/novasim/policy.yaml.sample."""
    head = (f"# Who may do what, with the defaults.\n# {NOTICE}\n"
            "# Put what you change into a file and name it with [oslo_policy] policy_file.")
    return "\n\n".join([head, *(_rule(rule) for rule in policy.list_rules())]) + "\n"


# RPC ----------------------------------------------------------------------------------------------------------------

_RPC_ABOUT = """\
What services ask of each other, from `rpc/`. A **cast** is sent and forgotten; a **call** waits for its answer.
A *directed* method goes to the queue of one host (`compute.cmp-0001`), any other to whichever server of the topic is
free.

Every message carries the request context ([`kernel/context.py`](../kernel/context.py)). `Instance` and `Migration`
travel as named objects, everything else as plain values. With a version cap (`[upgrade_levels]`) the newest version
below it is sent; in *older* ones objects travel as plain dicts, and no argument that came *since* is sent.

Any method may fail in the caller with `RoutingError` (the arguments do not fit the contract; nothing was sent),
`RPCVersionCapError` (the cap allows no version of it) or `MessageDeliveryFailure` (the bus did not take it). A call may
also fail with `MessagingTimeout`, and then nobody knows whether it was done."""


def _type(annotation: Any) -> str:
    text = inspect.formatannotation(annotation)
    return text.replace("typing.", "").replace("novasim.objects.", "").replace("NoneType", "None")


def _argument(parameter: inspect.Parameter) -> tuple[str, str, str]:
    default = "" if parameter.default is parameter.empty else code(repr(parameter.default))
    return code(parameter.name), code(_type(parameter.annotation)), default


def _method(method: Method) -> str:
    errors = ", ".join(f"{code(error.__name__)} (“{error.template}”)" for error in method.raises)  # type: ignore[attr-defined]
    whom = ", directed to a host" if method.directed else ", sent to all" if method.fanout else ""
    facts = [f"**{method.kind}**{whom}", f"version {method.version}", *(f"older: {one}" for one in method.older),
             *(f"{code(name)} since {version}" for name, version in method.added.items())]
    parts = [f"### {method.name}", "; ".join(facts) + ".", method.doc,
             table(("argument", "type", "default"), map(_argument, method.signature.parameters.values()))]
    if method.kind == CALL:
        answer = code(_type(method.signature.return_annotation))
        parts.append(f"Returns {answer}. Raises: {errors or 'nothing of its own'}.")
    return "\n\n".join(parts)


def _contract(contract: type[Contract]) -> str:
    caps = ", ".join(f"`{name}` = {version}" for name, version in contract.aliases.items())
    facts = [("topic", code(contract.topic)), ("namespace", code(contract.namespace) if contract.namespace else "none"),
             ("version", contract.version), ("also answers", ", ".join(contract.older_versions) or "no older major"),
             ("names for caps", caps)]
    return "\n\n".join([f"## {contract.__name__}", first_sentence(inspect.getdoc(contract) or "") + ".",
                        table(("", ""), facts), *map(_method, contract.methods.values())])


def rpc_page() -> str:
    """doc/rpc.md."""
    rows = [(contract.__name__, f"[{method.name}](#{method.name})", method.kind, method.version,
             "one host" if method.directed else "all" if method.fanout else "any")
            for contract in CONTRACTS for method in contract.methods.values()]
    overview = table(("contract", "method", "kind", "version", "goes to"), rows)
    return page("RPC contracts", _RPC_ABOUT, overview, *map(_contract, CONTRACTS))


# States -------------------------------------------------------------------------------------------------------------

_STATES_ABOUT = """\
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


def states_page() -> str:
    """doc/states.md."""
    return page(
        "States", _STATES_ABOUT,
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


# REST ---------------------------------------------------------------------------------------------------------------

_REST_ABOUT = f"""\
Everything under `/v2.1` (`api/routes.py`). Requests and answers are JSON; the version is asked for by the header
`{microversion.HEADER}: compute 2.N`, from 2.{microversion.MIN} to 2.{microversion.MAX}. Without a range in the table
a method exists in all of them. Rules are those of [`policy.yaml.sample`](../etc/novasim/policy.yaml.sample), without
their `os_compute_api:`. A URL that is not here answers 404, a method that is not here 405:
[not-served.md](not-served.md) says what other clouds have.

`/v2/{{project}}`, and `/v1.1/{{project}}` too, is the API of 2014: what there was then (`api/legacy/surface.py`), in
JSON or XML, with the checks, codes and texts of then."""


def _operations() -> dict[tuple[str, str], oslo_policy.DocumentedRuleDefault]:
    """The first rule that is asked for each (method, path); a path may end in an optional part."""
    found: dict[tuple[str, str], oslo_policy.DocumentedRuleDefault] = {}
    for rule in policy.list_rules():
        for operation in getattr(rule, "operations", None) or []:
            path, _, tail = operation["path"].partition("[")
            for full in [path] + [path + tail.rstrip("]")] * bool(tail):
                found.setdefault((operation["method"], full), rule)
    return found


def _versions(entry: microversion.Ranged) -> str:
    if (entry.since, entry.until) == (microversion.MIN, microversion.MAX):
        return ""
    return f"from 2.{entry.since}" if entry.until == microversion.MAX else f"2.{entry.since} to 2.{entry.until}"


def _short(rule: oslo_policy.RuleDefault | None) -> str:
    return code(rule.name.removeprefix("os_compute_api:")) if rule else ""


def _summary(handler: Callable[..., Any], rule: oslo_policy.RuleDefault | None) -> str:
    """What a handler says it does; else the rule that allows it, else the file it stands in."""
    own = inspect.getdoc(handler) or (rule.description if rule else None)
    return first_sentence(own or inspect.getdoc(inspect.getmodule(handler)) or "")


def _route_rows() -> Iterable[tuple[str, ...]]:
    rules = _operations()
    for path, methods in routes.ROUTES.items():
        for method, entry in methods.items():
            for one in entry if type(entry) is tuple else (entry,):
                ranged = one if isinstance(one, microversion.Ranged) else microversion.Ranged(one)
                rule, handler = rules.get((method, path)), ranged.handler
                place = f"{handler.__module__.removeprefix('novasim.').replace('.', '/')}.py"
                yield method, code(path), _summary(handler, rule), _versions(ranged), _short(rule), code(
                    f"{place}: {handler.__name__}")


def _server_action_rows() -> Iterable[tuple[str, ...]]:
    rules = {rule.name.removeprefix("os_compute_api:"): rule for rule in policy.list_rules()}
    for name, action in server_actions.ACTIONS.items():
        yield code(name), rules[action.rule].description, code(action.rule), str(action.status)


def rest_page() -> str:
    """doc/rest.md."""
    return page(
        "REST resources", _REST_ABOUT,
        table(("method", "URL", "what", "versions", "rule", "played by"), _route_rows()),
        "## Actions of a server", "The body of `POST /servers/{server_id}/action` has one key, which names the action.",
        table(("action", "what", "rule", "answer"), _server_action_rows()))


def conformance_page() -> str:
    """Which test shows which row of the specification."""
    sections = (f"## {heading}\n\n{table(conformance.HEAD, rows)}" for heading, rows in conformance.tables(ROOT))
    return page("Conformance", conformance.INTRODUCTION, *sections)


PAGES: dict[str, Callable[[], str]] = {
    "etc/novasim/novasim.conf.sample": conf_sample,
    "etc/novasim/policy.yaml.sample": policy_sample,
    "doc/rpc.md": rpc_page,
    "doc/states.md": states_page,
    "doc/rest.md": rest_page,
    "doc/conformance.md": conformance_page,
}


def stale(root: pathlib.Path) -> dict[str, str]:
    """The pages that are not what the code says, with what they should be."""
    return {path: text for path, text in ((path, make()) for path, make in PAGES.items())
            if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text}


def main(argv: Sequence[str]) -> int:
    """Write what is stale, or with --check say it; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write the generated pages, or see that they are fresh.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name each page that is stale")
    check = parser.parse_args(argv).check
    found = stale(ROOT)
    for path, text in found.items():
        if not check:
            (ROOT / path).write_text(text, encoding="utf-8")
        print(f"{path} is stale" if check else f"{path} written")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
