"""Answers are held against what is documented of them: their status, and their body in the version they are of."""

from __future__ import annotations

import functools
import json
from typing import Any

import jsonschema
import webob

from novasim.api import answers, microversion, routes, wsgi
from novasim.api.openapi import operations, refusals
from novasim.api.openapi.operations import Operation


@functools.cache
def _tree(service: str) -> dict[str, Any]:
    table: dict[str, dict[str, dict[str, Operation]]] = {}
    for one in operations.SERVICES[service]():
        path, _, name = one.path.partition("#")
        table.setdefault(path, {}).setdefault(one.method, {})[name] = one
    return routes.tree(table)


@functools.cache
def _checker(service: str, path: str, method: str, status: int, version: int) -> Any:
    """None for no body."""
    found = _operation(service, path, method)
    assert found is not None
    if status >= 400:
        schema = answers.schema(refusals.shape(service, status))
    else:
        said = found.at(version)
        schema = answers.schema(said.shapes[status], version) if said else None
    return None if schema is None else jsonschema.Draft202012Validator(schema)


@functools.cache
def _operation(service: str, path: str, method: str) -> Operation | None:
    return next((one for one in operations.SERVICES[service]() if (one.path, one.method) == (path, method)), None)


def find(request: webob.Request) -> Operation | None:
    """The operation that a request asks for, where it asks for one."""
    for service, prefix in operations.PREFIXES.items():
        if request.path_info.startswith(f"{prefix}/"):
            path = request.path_info[len(prefix):]
            try:
                methods, _ = routes.match(routes.split_project(path)[0] if service == "compute" else path,
                                          _tree(service))
            except wsgi.HttpError:
                return None
            method = "GET" if request.method == "HEAD" else request.method
            named: dict[str, Operation] = methods.get(method, {})
            return named.get("") or named.get(_action(request.body))
    return None


def _action(body: bytes) -> str:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return next(iter(said)) if isinstance(said, dict) and said else ""


def check(request: webob.Request, answer: webob.Response) -> None:
    """See that an answer is a documented one. A failure on purpose of what is below is none, nor is what says that a
    service is off."""
    found, status = find(request), answer.status_int
    if found is None or status in (300, 500):
        return
    text = answer.headers.get(microversion.HEADER, "").partition(".")[2]
    version = int(text) if text.isdigit() else microversion.MIN
    said, where = found.at(version), f"{found.method} {found.url} at 2.{version}"
    known = status in found.errors or (said is not None and status in said.shapes)
    assert known, f"{where} is not said to give {status}"
    if request.method == "HEAD" or (said is not None and said.gives != "application/json" and status < 400):
        return
    checker = _checker(found.service, found.path, found.method, status, version)
    if checker is None:
        assert answer.body == b"", f"{where}: {status} is said to have no body, and has {answer.text}"
        return
    error = jsonschema.exceptions.best_match(checker.iter_errors(answer.json))
    assert error is None, f"{where}: {status}: {error.json_path}: {error.message[:1000]}"
