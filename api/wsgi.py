"""The edge of HTTP: what a handler gets and gives, and how any error becomes the answer of the Compute API.

A handler is a plain function ``(api, request, **ids) -> value | Response``. WebOb stays in here.
"""

from __future__ import annotations

import http
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import webob

from novasim import exceptions, states
from novasim.api import microversion
from novasim.context import RequestContext
from novasim.objects import Instance

if TYPE_CHECKING:
    from novasim.api.app import Api

LOG = logging.getLogger(__name__)
JSON_TYPES = ("application/json", "application/vnd.openstack.compute+json")
# The name of the one key of an error's body (spec 3.1); computeFault where a code has none.
FAULT_NAMES = {
    400: "badRequest", 401: "unauthorized", 403: "forbidden", 404: "itemNotFound", 405: "badMethod",
    409: "conflictingRequest", 413: "overLimit", 415: "badMediaType", 429: "overLimit", 501: "notImplemented",
    503: "serviceUnavailable",
}
UNEXPECTED = ("Unexpected API Error. Please report this to the operator of this cluster with the request id "
              "and attach the API log if possible.\n%s")


class Response(NamedTuple):
    """An answer: a status, a value to send as JSON (bytes are sent as they are, None is an empty body), headers."""
    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = {}


class HttpError(Exception):
    """An answer below the level of the domain's errors: an unknown URL, a wrong method, a body too large."""

    def __init__(self, code: int, message: str, headers: Mapping[str, str] | None = None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


class Unauthorized(HttpError):
    """Nobody knows who asks. It says no more than that: not what was wrong."""

    def __init__(self) -> None:
        super().__init__(401, "The request you have made requires authentication.")


class Request:
    """A request under ``/v2.1``: its context, version, query and body.

    :cvar actions: when an action is legal, in this generation of the API
    """

    actions: Mapping[str, states.Action] = states.ACTIONS

    def __init__(self, api: Api, wire: webob.Request, context: RequestContext, version: int, prefix: str):
        self.api = api
        self.wire = wire
        self.context = context
        self.version = version
        # Scheme, host and script name, without and with the version: what links begin with.
        self.root = wire.application_url
        self.prefix = self.root + prefix
        self.noted = False

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query's (name, value) pairs in their order.

        :raises ValidationError: when it is no UTF-8, or names a NUL, which no column can hold
        """
        try:
            pairs = list(self.wire.GET.items())
        except UnicodeDecodeError as error:
            raise exceptions.ValidationError(detail="Query string is not UTF-8 encoded") from error
        for name, text in pairs:
            if "\0" in text:
                raise exceptions.ValidationError(detail=f"The query parameter {name} contains a NUL character")
        return pairs

    def json(self) -> dict[str, Any]:
        """The body.

        :raises MalformedRequestBody: when it is no JSON object
        :raises HttpError: 413 when it is too large, 415 when it says it is no JSON
        """
        kind = self.wire.content_type
        if kind and kind not in JSON_TYPES:
            raise HttpError(415, "Unsupported Content-Type")
        body = parse(self.read())
        if not isinstance(body, dict):
            raise exceptions.MalformedRequestBody()
        return body

    def read(self) -> bytes:
        """The bytes of the body.

        :raises HttpError: 413 when there are too many
        """
        most = self.api.conf.api.max_request_body_size
        if (self.wire.content_length or 0) > most:
            raise HttpError(413, f"Request is too large: at most {most} bytes are accepted.")
        body: bytes = self.wire.body_file.read(most + 1)
        if len(body) > most:
            raise HttpError(413, f"Request is too large: at most {most} bytes are accepted.")
        return body

    def check_project(self, project: str | None) -> None:
        """See that the project in the URL, if there is one, is that of the token.

        :raises Invalid: when it is not
        """
        if project is not None and project != self.context.project_id:
            raise exceptions.Invalid(f"Malformed request URL: URL's project_id '{project}' doesn't match Context's "
                                     f"project_id '{self.context.project_id}'")

    def error_response(self, error: Exception) -> Response:
        """The answer for an error, as this generation of the API tells it."""
        return error_response(error)

    def authorize(self, rule: str, instance: Instance | None = None) -> None:
        """Check the caller's right (novasim.policy), against the owner of ``instance`` where given.

        :raises PolicyNotAuthorized: when there is none
        """
        self.api.policy.authorize(self.context, rule, _owner(instance))

    def may(self, rule: str, instance: Instance | None = None) -> bool:
        return self.api.policy.allows(self.context, rule, _owner(instance))

    def note(self, what: str, instance: Instance | None = None, **details: Any) -> None:
        """Write this request into the journal: after what it changed is committed, before messages are sent."""
        self.noted = True
        if instance is not None:
            details = {"instance_uuid": instance.uuid, "vm_state": instance.vm_state,
                       "task_state": instance.task_state} | details
        self.api.journal.write(what, self.context.request_id, kind="http",
                               method=f"{self.wire.method} {self.wire.path_info}", **details)


def parse(raw: bytes) -> Any:
    """What a JSON text says.

    :raises MalformedRequestBody: when it is none
    :raises ValidationError: when it names a NUL, which no column can hold
    """
    try:
        body = json.loads(raw, parse_constant=_no_constant)
        if b"\\u" in raw:
            # Escapes can name what is no text: half a surrogate pair. Nothing further down could store or send it.
            json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise exceptions.MalformedRequestBody() from error
    if b"\\u0000" in raw:
        raise exceptions.ValidationError(detail="The request body contains a NUL character")
    return body


def _no_constant(name: str) -> None:
    """NaN and infinities are no JSON, and no column holds them."""
    raise ValueError(name)


def _owner(instance: Instance | None) -> dict[str, str | None] | None:
    return None if instance is None else {"project_id": instance.project_id, "user_id": instance.user_id}


def to_response(result: Any) -> Response:
    """What a handler returned, as a response: a bare value is a 200."""
    return result if isinstance(result, Response) else Response(200, result)


def titled(code: int, message: str) -> dict[str, Any]:
    """The body of an error as the identity service and what guards the others give it."""
    return {"error": {"code": code, "title": http.HTTPStatus(code).phrase, "message": message}}


def error_response(error: Exception) -> Response:
    """The one error mapper. A text is never ``str()`` of an error: rebuilt from the wire that holds a traceback."""
    headers: Mapping[str, str] = {}
    if isinstance(error, Unauthorized):
        return Response(error.code, titled(error.code, error.message), error.headers)
    if isinstance(error, HttpError):
        code, message, headers = error.code, error.message, error.headers
    elif isinstance(error, exceptions.NovasimException) and error.code != 500:
        code, message = error.code, error.text
    else:
        LOG.error("Unexpected error in a request", exc_info=error)
        code, message = 500, UNEXPECTED % type(error)
    return Response(code, {FAULT_NAMES.get(code, "computeFault"): {"code": code, "message": message}}, headers)


def to_wire(response: Response, version: str | None, request_id: str) -> webob.Response:
    """Bytes and headers for a response.

    :param version: the microversion used, "2.N"; None below ``/``
    """
    wire = webob.Response(status=response.status)
    if response.body is None:
        wire.headers.pop("Content-Type", None)
    elif isinstance(response.body, bytes):
        wire.content_type = "application/octet-stream"
        wire.body = response.body
    else:
        wire.content_type = "application/json"
        wire.body = json.dumps(response.body).encode()
    wire.headers["x-openstack-request-id"] = wire.headers["x-compute-request-id"] = request_id
    if version is not None:
        wire.headers[microversion.HEADER] = f"compute {version}"
        wire.headers[microversion.OLD_HEADER] = version
        wire.headers["Vary"] = f"{microversion.HEADER}, {microversion.OLD_HEADER}"
    wire.headers.update(response.headers)
    return wire
