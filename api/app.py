"""The WSGI application: from an environ to a handler of the routes table, and back through the error mapper.

The present generation of the API is served here; that of 2014, and what is under no version, by api/legacy/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import webob
from oslo_config import cfg

from novasim.api import auth, microversion, mounts, options, routes, versions, wsgi
from novasim.api.caches import Flavors
from novasim.api.legacy import front
from novasim.api.legacy.rate_limits import RateLimits
from novasim.api.openapi import document as openapi
from novasim.api.openapi import operations
from novasim.db.engine import Database
from novasim.policy import Policy
from novasim.sim.clock import Clock
from novasim.sim.journal import Journal

PREFIX = f"/{versions.PRESENT}"
# Longer than any URL of a table.
_NOWHERE = "/-" * 20


class Api:
    """What handlers work with.

    :param conf: configuration with the options of api/options.py
    :param conductor: proxy of rpc/conductor.py
    :param compute: proxy of rpc/compute.py
    :param fleet: proxy of rpc/fleet.py
    :ivar faults: the fault rules of the cluster (launch/fault_book.py); set after the API is made
    """

    faults: Any

    def __init__(self, conf: cfg.ConfigOpts, db: Database, clock: Clock, conductor: Any, compute: Any,
                 fleet: Any, journal: Journal):
        self.conf: cfg.ConfigOpts = conf
        self.db = db
        self.clock = clock
        self.conductor = conductor
        self.compute = compute
        self.fleet = fleet
        self.journal = journal
        self.policy = Policy(conf)
        self.quota_defaults = options.quota_defaults(conf)
        self.identity = self._identity()
        self.authenticate = auth.strategy(self)
        self.forget()

    def forget(self) -> None:
        """Nothing is remembered of earlier requests."""
        self.flavors = Flavors(self.db)
        self.rate_limits = RateLimits(self.conf, self.clock)

    def _identity(self) -> Any:
        """The built-in identity service, where it is chosen; nothing of it is imported elsewhere."""
        if self.conf.api.auth_strategy != auth.IDENTITY:
            return None
        from novasim.api.identity.front import Identity

        return Identity(self.conf, self.db, self.clock)

    def application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI callable."""
        wire = webob.Request(environ)
        request_id = auth.new_request_id()
        version = None
        try:
            under = _under(wire)
            if self.identity is not None and under == auth.IDENTITY:
                return self.identity.serve(self, wire, request_id)(environ, start_response)
            if mounts.mounted(self, under):
                return mounts.serve(self, under, wire, request_id)(environ, start_response)
            if (wire.method, wire.path_info) == ("GET", f"/{openapi.PATH}"):
                return wsgi.to_wire(self._described(wire), None, request_id)(environ, start_response)
            if under != versions.PRESENT:
                return front.serve(self, wire, request_id)(environ, start_response)
            version = microversion.asked_for(wire.headers)
            document = versions.document(wire)
            response, version = (document, None) if document else self._serve(wire, request_id, version)
        except Exception as error:
            response = wsgi.error_response(error)
        return wsgi.to_wire(response, version, request_id)(environ, start_response)

    def _described(self, wire: webob.Request) -> wsgi.Response:
        """The OpenAPI document of what is served."""
        services = (operations.COMPUTE, *(name for name in mounts.SERVICES if mounts.mounted(self, name)),
                    *([operations.IDENTITY] if self.identity is not None else []))
        described = openapi.document(services, self.conf.api.auth_strategy)
        return wsgi.Response(200, described | {"servers": [{"url": wire.application_url}]})

    def _serve(self, wire: webob.Request, request_id: str, asked: str) -> tuple[wsgi.Response, str]:
        minor = microversion.negotiate(asked)
        context = self.authenticate(wire, request_id)
        request = wsgi.Request(self, wire, context, minor, PREFIX)
        return self.perform(request, self._handle), f"2.{minor}"

    def perform(self, request: wsgi.Request, handle: Callable[[Any], Any]) -> wsgi.Response:
        """Answer a request, with what ``handle`` makes of it or with its error, and see that it stands in the journal.

        :param handle: called with the request
        """
        try:
            response = wsgi.to_response(handle(request))
        except Exception as error:
            response = request.error_response(error)
        if request.wire.method not in ("GET", "HEAD") and not request.noted:
            request.note(f"answered {response.status}", status=response.status)
        return response

    def _handle(self, request: wsgi.Request) -> Any:
        _check_accept(request.wire.headers.get("Accept", ""))
        if request.wire.path_info.endswith("/"):
            # One of a list, whose id is empty.
            raise wsgi.HttpError(404, "The resource could not be found.")
        path, project = routes.split_project(request.wire.path_info[len(PREFIX):])
        request.check_project(project)
        methods, ids = routes.match(path)
        handler = routes.pick(methods, request.wire.method, request.version)
        return handler(self, request, **ids)


def _check_accept(accept: str) -> None:
    """The SDK sends an empty Accept with actions; that means anything."""
    if accept and "json" not in accept and "*/*" not in accept and "application/*" not in accept:
        raise wsgi.HttpError(406, f"Only application/json can be answered, not {accept}")


def _under(wire: webob.Request) -> str:
    """The first segment of the path. What follows must be text without NUL: else it is made a URL that no service has,
    and each says so in its own way.

    :raises HttpError: 404, when it is no such text itself
    """
    raw = wire.environ.get("PATH_INFO", "").encode("latin-1")
    first = versions.root(raw.decode(errors="replace"))
    if "\0" in first or "\ufffd" in first:
        raise wsgi.HttpError(404, "The resource could not be found.")
    try:
        fit = "\0" not in str(wire.path_info)
    except UnicodeDecodeError:
        fit = False
    if not fit:
        wire.path_info = f"/{first}{_NOWHERE}"
    return first
