"""A small client of the compute API over the standard library: it starts fast and keeps its connections.

One connection a thread, so a replay can ask from many threads at once without a lock around the wire.
"""

import dataclasses
import http.client
import json
import logging
import select
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any, Self

from novasim.cli.errors import CliError
from novasim.cli.settings import DEFAULT_NAME, Settings

LOG = logging.getLogger(__name__)
TIMEOUT_S = 60
REPEATABLE = ("GET", "PUT", "DELETE")
UNAUTHORIZED = 401

Query = Mapping[str, object]


class NoCluster(CliError):
    """Nothing answers at the endpoint."""


class ApiError(CliError):
    """The API refused a request: its message, the HTTP code, and the request id, which is in its logs too."""

    def __init__(self, status: int, message: str, request_id: str | None = None) -> None:
        self.status = status
        self.message = message
        self.request_id = request_id
        super().__init__(f"{message} ({', '.join(filter(None, [f'HTTP {status}', request_id]))})")


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back: HTTP status, headers, the decoded JSON body (None when there is none)."""

    status: int
    headers: http.client.HTTPMessage
    body: Any

    @property
    def request_id(self) -> str | None:
        """The id of the request, which is also that of the instance action it made."""
        return self.headers.get("x-compute-request-id") or self.headers.get("x-openstack-request-id")


class Client:
    """Speaks to one endpoint as one user. Use as a context manager, or call close()."""

    def __init__(self, settings: Settings, timeout: float = TIMEOUT_S) -> None:
        """
        :param settings: endpoint, token and microversion
        :param timeout: seconds to wait for the server at each step on the wire
        """
        self.settings = settings
        self._timeout = timeout
        self._url = urllib.parse.urlsplit(settings.endpoint)
        self._own = threading.local()
        self._all: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._newest: str | None = None
        self._session: tuple[str, str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections of all threads; none of them may be in use."""
        with self._lock:
            connections, self._all = self._all, []
        for connection in connections:
            connection.close()
        self._own = threading.local()

    def request(self, method: str, path: str, body: object = None, query: Query | None = None,
                version: str | None = None, exactly: str | None = None) -> Answer:
        """Send one request and return its Answer.

        :param path: below the endpoint, with a slash first
        :param body: sent as JSON when not None
        :param query: names to values; None values are left out, True is sent as 1
        :param version: lowest microversion that the request needs; the user's own is taken when higher
        :param exactly: the only microversion in which the request makes sense
        :raises ApiError: the server answered with a code of 400 or above
        :raises NoCluster: nobody answered
        """
        target = self._target(path, query)
        payload = None if body is None else json.dumps(body).encode()
        began = time.monotonic()
        token, _ = self._log_in()
        sent = self._headers(token, payload, version, exactly)
        status, headers, raw = self._exchange(method, target, payload, sent)
        if status == UNAUTHORIZED and self.settings.login:
            # The token has expired or was taken back meanwhile; nothing has been done.
            sent["X-Auth-Token"], _ = self._log_in(instead_of=token)
            status, headers, raw = self._exchange(method, target, payload, sent)
        answer = Answer(status, headers, self._decoded(status, raw))
        LOG.debug("%s %s -> %d, %.1f ms, %s", method, target, status, (time.monotonic() - began) * 1000,
                  answer.request_id)
        if status >= 400:
            raise ApiError(status, _message(answer), answer.request_id)
        return answer

    def get(self, path: str, query: Query | None = None, version: str | None = None) -> Any:
        """Return the body of a GET; the arguments are those of request()."""
        return self.request("GET", path, query=query, version=version).body

    def post(self, path: str, body: object, version: str | None = None) -> Any:
        """Return the body that a POST answers; the arguments are those of request()."""
        return self.request("POST", path, body, version=version).body

    def delete(self, path: str) -> Answer:
        """Send a DELETE."""
        return self.request("DELETE", path)

    def action(self, server_id: str, name: str, value: object = None,
               version: str | None = None) -> str | None:
        """Ask for an action on a server.

        :return: the request id, under which the instance action is found
        """
        return self.request("POST", f"/servers/{server_id}/action", {name: value}, version=version).request_id

    def pages(self, path: str, key: str, query: Query | None = None, limit: int | None = None,
              version: str | None = None) -> Iterator[dict[str, Any]]:
        """Give the items of a collection one by one, following its `next` links.

        :param key: the name under which the items stand in a page
        :param limit: stop after so many items; None or a negative number: all of them
        """
        wanted = None if limit is None or limit < 0 else limit
        asked: Query = {**(query or {}), "limit": wanted}
        given = 0
        while wanted is None or given < wanted:
            page = self.get(path, asked, version)
            for item in page[key]:
                if given == wanted:
                    return
                given += 1
                yield item
            following = [link["href"] for link in page.get(f"{key}_links", ()) if link["rel"] == "next"]
            if not following or not page[key]:
                return
            asked = urllib.parse.parse_qs(urllib.parse.urlsplit(following[0]).query)

    def up_to(self, version: str) -> str:
        """Return the lower of `version` and the highest microversion that the server has."""
        if self._newest is None:
            document = self.get("/")
            self._newest = document.get("version", {}).get("version") or "2.1"
        return min(version, self._newest, key=_as_numbers)

    def speaks(self, version: str) -> bool:
        """Tell whether requests that need no version of their own are sent in `version` or a later one."""
        own = self.settings.api_version
        return own is not None and _as_numbers(own) >= _as_numbers(version)

    def project(self) -> str:
        """Return the id of the project that the requests are made in."""
        return self._log_in()[1]

    def _log_in(self, instead_of: str | None = None) -> tuple[str, str]:
        """The token to send and the id of its project, asked for once, and again when it is of no use any more."""
        login = self.settings.login
        if login is None:
            token = self.settings.token
            return token, token.partition(":")[2] or DEFAULT_NAME
        with self._lock:
            if self._session is None or self._session[0] == instead_of:
                with Client(Settings(login.endpoint, ""), self._timeout) as identity:
                    answer = identity.request("POST", "/auth/tokens", login.body())
                project = answer.body["token"].get("project", {}).get("id", "")
                self._session = answer.headers["X-Subject-Token"], project
            return self._session

    def _target(self, path: str, query: Query | None) -> str:
        given = {name: "1" if value is True else value
                 for name, value in (query or {}).items() if value is not None}
        # The network service lies beside that of compute.
        base = self._url.path.rpartition("/v2")[0] if path.startswith("/network/") else self._url.path
        target = base + urllib.parse.quote(path, safe="/")
        return f"{target}?{urllib.parse.urlencode(given, doseq=True)}" if given else target

    def _headers(self, token: str, payload: bytes | None, version: str | None, exactly: str | None) -> dict[str, str]:
        headers = {"X-Auth-Token": token, "Accept": "application/json"}
        if payload is not None:
            headers["Content-Type"] = "application/json"
        chosen = exactly or _higher(self.settings.api_version, version)
        if chosen:
            headers["OpenStack-API-Version"] = f"compute {chosen}"
            headers["X-OpenStack-Nova-API-Version"] = chosen
        return headers

    def _exchange(self, method: str, target: str, payload: bytes | None,
                  headers: dict[str, str]) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = self._connection()
        reused = connection.sock is not None
        try:
            return _once(connection, method, target, payload, headers)
        except (http.client.HTTPException, ConnectionError) as error:
            connection.close()
            # The server may close an idle connection just as we write. A POST could have been taken even so.
            if not (reused and method in REPEATABLE):
                raise self._unreachable(error) from error
        except OSError as error:
            connection.close()
            raise self._unreachable(error) from error
        try:
            return _once(connection, method, target, payload, headers)
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            raise self._unreachable(error) from error

    def _connection(self) -> http.client.HTTPConnection:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
            connection = kind(self._url.hostname or "", self._url.port, timeout=self._timeout)
            self._own.connection = connection
            with self._lock:
                self._all.append(connection)
        elif connection.sock is not None and select.select([connection.sock], [], [], 0)[0]:
            connection.close()  # readable while nothing was asked: the server has closed it
        return connection

    def _unreachable(self, error: Exception) -> NoCluster:
        url = self.settings.endpoint
        if isinstance(error, ConnectionRefusedError):
            return NoCluster(f"no cluster answers at {url}. Start one with: novasim up")
        if isinstance(error, TimeoutError):
            return NoCluster(f"{url} gave no answer within {self._timeout:g} s. Look at its log files")
        reason = str(error) or type(error).__name__
        return NoCluster(f"cannot talk to {url}: {reason}. Check the endpoint, or start one with: novasim up")

    def _decoded(self, status: int, raw: bytes) -> Any:
        if not raw:
            return None
        try:
            return json.loads(raw)
        except ValueError as error:
            if status >= 400:
                return raw.decode(errors="replace")
            url = self.settings.endpoint
            raise CliError(f"{url} does not answer in JSON. Is it a compute endpoint?") from error


def _once(connection: http.client.HTTPConnection, method: str, target: str, payload: bytes | None,
          headers: dict[str, str]) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection.request(method, target, body=payload, headers=headers)
    response = connection.getresponse()
    return response.status, response.headers, response.read()


def _message(answer: Answer) -> str:
    """The text of an error body `{"<name>": {"code": N, "message": "..."}}`, or what else the server said."""
    body = answer.body
    if isinstance(body, dict) and body:
        fault = next(iter(body.values()))
        if isinstance(fault, dict) and fault.get("message"):
            return str(fault["message"])
    said = str(body or "").strip().splitlines()
    return said[0][:200] if said else http.client.responses.get(answer.status, "unknown error")


def _as_numbers(version: str) -> tuple[float, ...]:
    """A microversion as it compares; `latest` is above all others."""
    try:
        return tuple(float(part) for part in version.split("."))
    except ValueError:
        return (float("inf"),)


def _higher(one: str | None, other: str | None) -> str | None:
    if one and other:
        return max(one, other, key=_as_numbers)
    return one or other
