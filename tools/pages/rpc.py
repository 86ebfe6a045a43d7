"""The RPC contracts."""

from __future__ import annotations

import inspect
from typing import Any

from novasim.api.openapi.operations import first_sentence
from novasim.rpc.compute import Compute
from novasim.rpc.conductor import Conductor
from novasim.rpc.contract import CALL, Contract, Method
from novasim.rpc.faults import FaultRules
from novasim.rpc.fleet import Fleet
from novasim.rpc.scheduler import Scheduler
from pages import markdown
from pages.markdown import code, table

CONTRACTS = (Conductor, Scheduler, Compute, Fleet, FaultRules)

_ABOUT = """\
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


def page() -> str:
    """doc/rpc.md."""
    rows = [(contract.__name__, f"[{method.name}](#{method.name})", method.kind, method.version,
             "one host" if method.directed else "all" if method.fanout else "any")
            for contract in CONTRACTS for method in contract.methods.values()]
    overview = table(("contract", "method", "kind", "version", "goes to"), rows)
    return markdown.page("RPC contracts", _ABOUT, overview, *map(_contract, CONTRACTS))
