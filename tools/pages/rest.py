"""The REST resources of each service, one page a service: what the OpenAPI document says, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from novasim.api import microversion
from novasim.api.openapi import document, operations
from novasim.api.openapi.operations import Operation
from pages import markdown
from pages.markdown import code, table

_EVERYWHERE = """\
Requests and answers are JSON. The same, with the schemas of bodies and answers, is the OpenAPI document at
`/openapi.json` of a running cluster. *Answers* names the statuses of successes and of the refusals that not every
request may get: any may be refused with {always}, one with a body with {with_body}."""
_ABOUTS = {
    operations.COMPUTE: ("REST resources", f"""\
Everything under `/v2.1` (`api/routes.py`). The version is asked for by the header
`{microversion.HEADER}: compute 2.N`, from 2.{microversion.MIN} to 2.{microversion.MAX}. Without a range in the table
a method exists in all of them. Rules are those of [`policy.yaml.sample`](../etc/novasim/policy.yaml.sample), without
their `os_compute_api:`. A URL that is not here answers 404, a method that is not here 405:
[coverage.md](coverage.md) says what other clouds have. The other services: [identity](rest-identity.md),
[images](rest-image.md), [networks](rest-network.md).

`/v2/{{project}}`, and `/v1.1/{{project}}` too, is the API of 2014: what there was then (`api/legacy/surface.py`), in
JSON or XML, with the checks, codes and texts of then."""),
    operations.IDENTITY: ("REST resources: identity", """\
Everything under `/identity/v3` (`api/identity/routes.py`), where `[api] auth_strategy` is `identity`; how to use it is
in [identity.md](identity.md). *Who may* names a function of `api/identity/access.py`; without one no token is
needed."""),
    operations.IMAGE: ("REST resources: images", """\
Everything under `/image` (`api/image/routes.py`), where `[image] enabled` is true. Who reads sees what is their
project's, shared with it or public; members change what is their project's, admins everything."""),
    operations.NETWORK: ("REST resources: networks", """\
Everything under `/network` (`api/network/routes.py`), where `[network] enabled` is true. Who reads sees what is their
project's or shared; members change what is their project's, admins everything."""),
}
_HEAD = ("method", "URL", "what", "versions", "who may", "body", "answers", "played by")


def versions(since: int, until: int) -> str:
    """A range of versions; nothing for all of them."""
    if (since, until) == (microversion.MIN, microversion.MAX):
        return ""
    return f"from 2.{since}" if until == microversion.MAX else f"2.{since} to 2.{until}"


def _place(handler: Any) -> str:
    function = getattr(handler, "func", handler)
    return code(f"{function.__module__.removeprefix('novasim.').replace('.', '/')}.py: {function.__name__}")


def _keys(schema: Any) -> str:
    """The keys of a body: where there is one only, those of the object behind it too."""
    outer = list(schema.get("properties", ()))
    inner = list(schema["properties"][outer[0]].get("properties", ())) if len(outer) == 1 else []
    return code(f"{outer[0]}: {', '.join(inner)}" if inner else ", ".join(outer)) if outer else ""


def _body(operation: Operation) -> str:
    """What is sent, in the latest version."""
    latest = operation.variants[-1]
    found = dict.fromkeys(_keys(one.schema) for one in document.bodies(latest) if one.until == latest.until)
    return "; ".join(filter(None, found))


def _answers(operation: Operation) -> str:
    good = sorted({status for variant in operation.variants for status in variant.answers.shapes})
    other = sorted(operation.errors - operations.ALWAYS - operations.WITH_BODY - {405, 406})
    return ", ".join(map(str, [*good, *other]))


def _row(operation: Operation) -> tuple[str, ...]:
    path = operation.path.partition("#")[0]
    return (operation.method, code(path), operation.summary, versions(operation.since, operation.until),
            code(operation.rule.removeprefix("os_compute_api:")) if operation.rule else "", _body(operation),
            _answers(operation), ", ".join(_place(one.handler) for one in operation.variants))


def _actions(found: Iterable[Operation]) -> Iterator[tuple[str, ...]]:
    for operation in found:
        _, _, what, between, rule, body, told, _ = _row(operation)
        yield code(operation.path.partition("#")[2]), what, between, rule, body, told


def page(service: str) -> str:
    """doc/rest*.md."""
    title, about = _ABOUTS[service]
    everywhere = _EVERYWHERE.format(always=", ".join(map(str, sorted(operations.ALWAYS))),
                                    with_body=" and ".join(map(str, sorted(operations.WITH_BODY))))
    found = list(operations.SERVICES[service]())
    actions = [one for one in found if "#" in one.path]
    parts = [table(_HEAD, (_row(one) for one in found if "#" not in one.path))]
    if actions:
        parts += ["## Actions of a server",
                  f"The body of `POST {operations.ACTIONS}` has one key, which names the action.",
                  table(("action", "what", "versions", "rule", "body", "answers"), _actions(actions))]
    return markdown.page(title, about, everywhere, *parts)
