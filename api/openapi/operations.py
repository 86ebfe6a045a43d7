"""All requests that are answered, with what is known of each: the tables of routes of all services, put together.

An action of a server is an operation of its own, told apart by a fragment, which no client sends: its body, its rights
and its answer are others than those of the next.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from novasim import policy
from novasim.api import answers, routes, server_actions
from novasim.api.answers import Answers
from novasim.api.image import routes as image
from novasim.api.microversion import Ranged
from novasim.api.network import routes as network

COMPUTE, IMAGE, NETWORK, IDENTITY = "compute", "image", "network", "identity"
PREFIXES = {COMPUTE: "/v2.1", IMAGE: "/image", NETWORK: "/network", IDENTITY: "/identity/v3"}
ACTIONS = "/servers/{server_id}/action"
# What any request may be refused with, and any that has a body; only compute minds what a client accepts.
ALWAYS, WITH_BODY = frozenset({400, 401, 403, 404}), frozenset({413, 415})
_OWN = {COMPUTE: frozenset({406})}


class Variant(NamedTuple):
    """An operation in a range of versions."""
    since: int
    until: int
    answers: Answers
    handler: Callable[..., Any]


class Operation(NamedTuple):
    """A method of a URL.

    :ivar path: below the service's prefix; an action's name stands behind a #
    :ivar rule: who may, as policy files or the service itself call it; None for everybody, without a token
    :ivar errors: the statuses of all its refusals
    """
    service: str
    method: str
    path: str
    variants: Sequence[Variant]
    rule: str | None
    summary: str
    errors: frozenset[int]

    @property
    def since(self) -> int:
        return min(variant.since for variant in self.variants)

    @property
    def until(self) -> int:
        return max(variant.until for variant in self.variants)

    @property
    def is_served(self) -> bool:
        """Whether there is any other answer to it than a refusal."""
        return any(variant.answers.shapes for variant in self.variants)

    @property
    def url(self) -> str:
        return PREFIXES[self.service] + self.path

    def at(self, version: int) -> Answers | None:
        """What holds in a version; None where the operation does not exist."""
        return next((one.answers for one in self.variants if one.since <= version <= one.until), None)


def first_sentence(text: str) -> str:
    """The first sentence of a docstring, on one line."""
    return " ".join(text.split("\n\n")[0].split()).partition(". ")[0].rstrip(".")


def summary(variant: Variant, rule: Any = None) -> str:
    """What a handler says it does; else the rule that allows it, else the file it stands in."""
    function = getattr(variant.handler, "func", variant.handler)
    own = variant.answers.about or inspect.getdoc(function) or (rule.description if rule else None)
    return first_sentence(own or inspect.getdoc(inspect.getmodule(function)) or "")


def _rules() -> dict[tuple[str, str], Any]:
    """The first rule that is asked for each (method, path); a path may end in an optional part."""
    found: dict[tuple[str, str], Any] = {}
    for rule in policy.list_rules():
        for operation in getattr(rule, "operations", None) or []:
            path, _, tail = operation["path"].partition("[")
            for full in [path] + [path + tail.rstrip("]")] * bool(tail):
                found.setdefault((operation["method"], full), rule)
    return found


def _variants(entry: Any) -> list[Variant]:
    """The handlers of a method that say something; a test of the house sees to it that all do."""
    known = [one if isinstance(one, Ranged) else Ranged(one) for one in (entry if type(entry) is tuple else (entry,))]
    return [Variant(one.since, one.until, said, one.handler) for one in known if (said := answers.of(one.handler))]


def _is_shadowed(path: str, tree: Mapping[str, Any]) -> bool:
    """Whether an id of a path may spell another URL, which has other methods."""
    here: Any = tree
    for segment in path[1:].split("/"):
        if not segment.startswith("{"):
            here = here[segment]
            continue
        if len(here) > 1:
            return True
        here = here["{}"][1]
    return False


def _operation(service: str, method: str, path: str, variants: Sequence[Variant], rule: str | None, told: str,
               tree: Mapping[str, Any]) -> Operation:
    errors = ALWAYS | _OWN.get(service, frozenset()) | (frozenset({405}) if _is_shadowed(path, tree) else frozenset())
    for variant in variants:
        errors |= variant.answers.errors | (WITH_BODY if variant.answers.takes else frozenset())
    return Operation(service, method, path, variants, rule, told, errors)


def _compute() -> Iterator[Operation]:
    rules, tree = _rules(), routes.tree(routes.ROUTES)
    named = {rule.name.removeprefix("os_compute_api:"): rule for rule in policy.list_rules()}
    for path, method, entry in _entries(routes.ROUTES):
        if path == ACTIONS:
            for name, action in server_actions.ACTIONS.items():
                variant = Variant(action.since, action.until, server_actions.of_action(action), action.perform)
                yield _operation(COMPUTE, method, path, [variant], named[action.rule].name,
                                 named[action.rule].description or "", tree)._replace(path=f"{path}#{name}")
        elif variants := _variants(entry):
            rule = rules.get((method, path))
            yield _operation(COMPUTE, method, path, variants, rule.name if rule else "any token",
                             summary(variants[-1], rule), tree)


def _entries(table: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    return ((path, method, entry) for path, methods in table.items() for method, entry in methods.items())


def _mounted(service: str, table: Mapping[str, Any]) -> Iterator[Operation]:
    """Of a service whose rights are simple."""
    tree = routes.tree(table)
    for path, method, entry in _entries(table):
        if variants := _variants(entry):
            yield _operation(service, method, path, variants, "reader" if method == "GET" else "member",
                             summary(variants[0]), tree)


def _identity() -> Iterator[Operation]:
    from novasim.api.identity import routes as identity

    for path, method, (handler, rule) in _entries(identity.ROUTES):
        if variants := _variants(handler):
            yield _operation(IDENTITY, method, path, variants, rule and rule.__name__, summary(variants[0]),
                             identity.TREE)


SERVICES: dict[str, Callable[[], Iterator[Operation]]] = {
    COMPUTE: _compute, IMAGE: lambda: _mounted(IMAGE, image.ROUTES),
    NETWORK: lambda: _mounted(NETWORK, network.ROUTES), IDENTITY: _identity}


def unsaid() -> list[str]:
    """The routes of which nothing is said."""
    from novasim.api.identity import routes as identity

    tables: dict[str, Mapping[str, Mapping[str, Any]]] = {
        COMPUTE: routes.ROUTES, IMAGE: image.ROUTES, NETWORK: network.ROUTES, IDENTITY: {
        path: {method: handler for method, (handler, _) in methods.items()}
        for path, methods in identity.ROUTES.items()}}
    return [f"{method} {PREFIXES[service]}{path} does not say what it answers: its handler needs a line @answers(...), "
            "see novasim/api/answers.py" for service, table in tables.items() for path, method, entry in _entries(table)
            if len(_variants(entry)) < (len(entry) if type(entry) is tuple else 1)]
