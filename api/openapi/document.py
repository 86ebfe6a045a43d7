"""The OpenAPI 3.1 document. What differs by microversion is told as the generators of OpenStack's own documents do it:
``x-openstack`` says which versions a schema holds in.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from novasim.api import answers, auth, microversion, query, schemas, versions
from novasim.api.answers import Answers
from novasim.api.openapi import operations, refusals
from novasim.api.openapi.operations import Operation, Variant
from novasim.api.query import Parameter
from novasim.api.schemas import Versions
from novasim.version import __version__

PATH = "openapi.json"
JSON = "application/json"
TOKEN = "X-Auth-Token"
Schema = dict[str, Any]
_ABOUT = """\
A compute cluster of which only the hypervisors are simulated. An action of a server is told apart by a fragment of its
URL, which is not sent. The API of 2014 below /v2 is not described here."""
_REASONS = {
    200: "Done", 201: "Made", 202: "Accepted", 204: "Done; there is nothing to tell",
    207: "Done in part", 300: "Where to go on",
    400: "The request is malformed", 401: "Nobody knows who asks", 403: "The caller may not", 404: "There is none",
    405: "Another URL than was meant, which does not take the method", 406: "Only JSON can be answered",
    409: "Not in the state that it is in", 410: "It was deleted meanwhile", 413: "The request is too large",
    415: "The body is of another type", 501: "This is not simulated", 503: "Somebody else does not answer",
}
_WHOLE = {"type": "integer", "minimum": 0, "maximum": 0x7FFFFFFF}
_BOOLEAN = {"type": "string", "enum": [value for value in schemas.BOOLEAN["enum"] if isinstance(value, str)]}
# How a parameter's parser is told; what is not here is text.
_PARSERS: Mapping[Callable[[str], Any], Schema] = {
    query.whole: _WHOLE, query.boolean: _BOOLEAN, query.moment: {"type": "string", "format": "date-time"},
    query.direction: {"type": "string", "enum": ["asc", "desc"]}}
_VERSION = "#/components/parameters/version"
_NAMED = re.compile(r"\{(\w+)\}")


class Range(NamedTuple):
    """What holds from a version to another; ``schema`` None for no body."""
    since: int
    until: int
    schema: Schema | None

    @property
    def title(self) -> str:
        return f"2.{self.since} to 2.{self.until}"

    @property
    def known(self) -> Schema:
        """Its schema, which says in which versions it holds."""
        whole = (self.since, self.until) == (microversion.MIN, microversion.MAX)
        return {**(self.schema or {})} if whole else {"title": self.title, **(self.schema or {}), "x-openstack": {
            "min-ver": f"2.{self.since}", "max-ver": f"2.{self.until}"}}


def _ranges(since: int, until: int, changes: Iterable[int], at: Callable[[int], Schema | None]) -> list[Range]:
    """The schemas of a span of versions, neighbours that are alike as one."""
    starts = [since, *sorted(version for version in set(changes) if since < version <= until)]
    found: list[Range] = []
    for start, end in zip(starts, [*(start - 1 for start in starts[1:]), until], strict=True):
        schema = at(start)
        if found and found[-1].schema == schema:
            found[-1] = found[-1]._replace(until=end)
        else:
            found.append(Range(start, end, schema))
    return found


def _any(ranges: Sequence[Range]) -> Schema:
    """One of these."""
    if len(ranges) == 1:
        return ranges[0].known
    versions = len({(one.since, one.until) for one in ranges}) > 1
    return {"anyOf": [one.known for one in ranges]} | (
        {"x-openstack": {"discriminator": "microversion"}} if versions else {})


def bodies(variant: Variant) -> Iterator[Range]:
    """What a request may send."""
    for taken in variant.answers.takes:
        starts = taken.starts if isinstance(taken, Versions) else ()
        yield from _ranges(variant.since, variant.until, starts, functools.partial(_body, taken))


def _body(taken: Versions | schemas.Schema, version: int) -> Schema:
    return (taken.at(version) if isinstance(taken, Versions) else taken).schema


def shown(operation: Operation, status: int) -> list[Range]:
    """The bodies of a success."""
    return [one for variant in operation.variants if status in variant.answers.shapes for one in _ranges(
        variant.since, variant.until, answers.changes(variant.answers.shapes[status]),
        functools.partial(answers.schema, variant.answers.shapes[status])) if one.schema != answers.ABSENT]


def _success(operation: Operation, status: int) -> Schema:
    """A status. A body that some versions have and some have not is no content, which is always there."""
    found = shown(operation, status)
    told: Schema = {"description": _REASONS[status], "headers": {
        "x-openstack-request-id": {"$ref": "#/components/headers/request-id"}}}
    empty = sum(one.schema is None for one in found)
    if not empty:
        return told | {"content": {operation.variants[-1].answers.gives: {"schema": _any(found)}}}
    if empty < len(found):
        told["x-openstack-content"] = _any([one for one in found if one.schema is not None])
    return told


def _parameter(name: str, parameter: Parameter) -> Schema:
    kind = _PARSERS.get(parameter.parse, {"type": "string"})
    since = {} if parameter.since == microversion.MIN else {"x-openstack": {"min-ver": f"2.{parameter.since}"}}
    return {"name": name, "in": "query", "schema": {"type": "array", "items": kind} if parameter.many else kind} | since


def _parameters(operation: Operation) -> list[Schema]:
    found = [{"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
             for name in _NAMED.findall(operation.path)]
    if operation.service == operations.COMPUTE:
        found.append({"$ref": _VERSION})
    asked: dict[str, Schema] = {}
    for variant in operation.variants:
        asked |= {name: _parameter(name, one) for name, one in variant.answers.query.items()}
        found += [{"name": name, "in": "header", "schema": {"type": "string"}}
                  for name in variant.answers.headers]
    return [*found, *asked.values()]


def _told(operation: Operation) -> Schema:
    """One operation."""
    latest: Answers = operation.variants[-1].answers
    made: Schema = {
        "operationId": _id(operation), "summary": operation.summary, "tags": [operation.service],
        "parameters": _parameters(operation), "responses": {}}
    if operation.rule is None:
        made["security"] = []
    else:
        made["x-openstack-policy"] = operation.rule
    if operation.service == operations.COMPUTE:
        made |= {"x-openstack-min-version": f"2.{operation.since}", "x-openstack-max-version": f"2.{operation.until}"}
    strict = [variant.answers.strict for variant in operation.variants if variant.answers.strict is not None]
    if strict:
        made["x-openstack-unknown-parameters-refused-since"] = f"2.{strict[0]}"
    sent = [one for variant in operation.variants for one in bodies(variant)]
    if sent:
        made["requestBody"] = {"required": True, "content": {
            media: {"schema": _any(sent)} for media in latest.media}}
    statuses = {status for variant in operation.variants for status in variant.answers.shapes}
    made["responses"] = {str(status): _success(operation, status) for status in sorted(statuses)} | {
        str(status): {"$ref": f"#/components/responses/{_refusal(operation.service, status)}"}
        for status in sorted(operation.errors)}
    return made


def _id(operation: Operation) -> str:
    return re.sub(r"\W+", "-", f"{operation.method.lower()}{operation.url}").strip("-")


def _refusal(service: str, status: int) -> str:
    return f"{service}-{status}"


def _refusals(services: Iterable[str], found: Iterable[Operation]) -> Schema:
    statuses = {(operation.service, status) for operation in found for status in operation.errors}
    return {_refusal(service, status): {
        "description": _REASONS[status],
        "content": {JSON: {"schema": answers.schema(refusals.shape(service, status))}}}
        for service, status in sorted(statuses)}


@functools.cache
def document(services: tuple[str, ...], strategy: str) -> Schema:
    """The document of these services, but for where they are. What is refused whole is no part of it.

    :param strategy: who may ask: a value of ``[api] auth_strategy``
    """
    found = [operation for service in services for operation in operations.SERVICES[service]() if operation.is_served]
    paths: dict[str, Schema] = {}
    for operation in found:
        paths.setdefault(operation.url, {})[operation.method.lower()] = _told(operation)
    token: list[Schema] = [{"token": []}]
    return {
        "openapi": "3.1.0", "info": {"title": "novasim", "version": __version__, "description": _ABOUT},
        # Without anybody who checks, no token is needed either.
        "security": [*token, {}] if strategy == auth.NOAUTH else token, "paths": paths | dict(_documents(services)),
        "components": {
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": TOKEN}},
            "headers": {"request-id": {"schema": {"type": "string"}, "description": "Names the request in logs"}},
            "parameters": {"version": {
                "name": microversion.HEADER, "in": "header", "description": "The microversion; 2.1 without it",
                "schema": {"type": "string", "enum": ["compute latest", *(
                    f"compute 2.{minor}" for minor in range(microversion.MIN, microversion.MAX + 1))]}}},
            "responses": _refusals(services, found)}}


def _documents(services: Iterable[str]) -> Iterator[tuple[str, Schema]]:
    """What can be read without a token, before anything else."""
    for service in services:
        for path, (status, shape) in versions.DOCUMENTS.get(service, {}).items():
            yield path, {"get": {
                "operationId": re.sub(r"\W+", "-", f"versions{path}").strip("-"), "summary": "Which versions there are",
                "tags": [service], "security": [], "responses": {str(status): {
                    "description": _REASONS[status], "content": {JSON: {"schema": answers.schema(shape)}}}}}}
