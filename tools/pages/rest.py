"""The REST resources."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from oslo_policy import policy as oslo_policy

from novasim import policy
from novasim.api import microversion, routes, server_actions
from pages import markdown
from pages.markdown import code, first_sentence, table

_ABOUT = f"""\
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


def page() -> str:
    """doc/rest.md."""
    return markdown.page(
        "REST resources", _ABOUT,
        table(("method", "URL", "what", "versions", "rule", "played by"), _route_rows()),
        "## Actions of a server", "The body of `POST /servers/{server_id}/action` has one key, which names the action.",
        table(("action", "what", "rule", "answer"), _server_action_rows()))
