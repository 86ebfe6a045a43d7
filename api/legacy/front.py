"""The way of a request of 2014: from its URL to the row of surface.py, to the handler of today, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib import parse

import webob

from novasim import exceptions, states
from novasim.api import routes, versions, wsgi
from novasim.api.legacy import faults, markup, media, surface
from novasim.context import RequestContext

if TYPE_CHECKING:
    from novasim.api.app import Api

_PARSERS = {media.JSON: wsgi.parse, media.XML: markup.loads}


class Request(wsgi.Request):
    """A request under ``/v2`` or ``/v1.1``.

    :ivar operation: its row in surface.py; for an action, that of the action once the body is read
    """

    actions: Mapping[str, states.Action] = states.ACTIONS_2014

    def __init__(self, api: Api, wire: webob.Request, context: RequestContext, under: str, project: str):
        # Links named the project, those without a version too.
        project = parse.quote(project, safe="")
        super().__init__(api, wire, context, surface.VERSION, f"/{under}/{project}")
        self.root = f"{self.root}/{project}"
        self.operation = surface.Operation()

    def json(self) -> dict[str, Any]:
        """The body, in JSON or XML, as the handler of today expects it.

        :raises Invalid: 400, in the words of 2014
        :raises HttpError: 400, 413 or 422
        """
        parse_body, raw = _PARSERS[media.sent(self.wire)], self.read()
        try:
            # To no body some operations answered in another way than to a bad one.
            sent = parse_body(raw) if raw else None
        except ValueError as error:
            raise exceptions.MalformedRequestBody() from error
        self.operation, body = self.operation.read(sent)
        return body

    def error_response(self, error: Exception) -> wsgi.Response:
        return faults.response(error, self.operation.errors)

    def check_query(self) -> None:
        """
        :raises Invalid: for a parameter that 2014 refused in words of its own
        """
        for name, text in self.query:
            read, refusal = self.operation.query.get(name, (str, ""))
            try:
                read(text)
            except ValueError as error:
                raise exceptions.Invalid(refusal) from error


def serve(api: Api, wire: webob.Request, request_id: str) -> webob.Response:
    """Answer a request that is not for ``/v2.1``."""
    document = versions.document(wire)
    path, asked = media.split_suffix(wire.path_info)
    kind = asked or media.accepted(wire)
    try:
        return media.to_wire(document or _serve(api, wire, path, kind, request_id), kind or media.JSON, request_id)
    except Exception as error:
        return media.to_wire(faults.response(error, {}), kind or media.JSON, request_id)


def _serve(api: Api, wire: webob.Request, path: str, kind: str | None, request_id: str) -> wsgi.Response:
    if kind is None:
        raise wsgi.HttpError(406, f"Only {media.JSON} and {media.XML} can be answered")
    context = api.authenticate(wire, request_id)
    under, project, rest = (path.strip("/").split("/", 2) + ["", ""])[:3]
    request = Request(api, wire, context, under, project)

    def handle(_request: Request) -> Any:
        api.rate_limits.check(context.user_id, wire.method, f"/{rest}?{wire.query_string}")
        methods, ids = routes.match(rest, surface.TREE)
        request.check_project(project)
        handler, request.operation = routes.served(methods, wire.method)
        request.check_query()
        response, operation = wsgi.to_response(handler(api, request, **ids)), request.operation
        if operation.view is None or response.body is None:
            return response
        return response._replace(body=operation.view(request, response.body))

    return api.perform(request, handle)
