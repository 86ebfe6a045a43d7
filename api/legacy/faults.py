"""What errors were called in 2014: tables from exceptions to codes and texts (spec 3.1, 3.3-3.6).

An error is looked up by its class and then by those it inherits from. What no table names is told as in ``/v2.1``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from novasim import exceptions
from novasim.api import wsgi
from novasim.api.legacy.bodies import UNPROCESSABLE
from novasim.api.legacy.rate_limits import RateLimited

UNEXPECTED = "The server has either erred or is incapable of performing the requested operation."
MALFORMED = "The server could not comply with the request since it is either malformed or otherwise incorrect."
GONE = "The resource could not be found."


class Fault(NamedTuple):
    """How an error was told; None is as its class says. A text may be made from the error."""
    code: int | None = None
    text: str | Callable[[Any], str] | None = None
    retry_after: str | None = None


Faults = Mapping[type[Exception], Fault]


def _over_quota(error: exceptions.OverQuota) -> str:
    """All resources that are over, and the numbers of the first."""
    if "overs" not in error.kwargs:
        return error.text
    first = {name: str(value).split(", ")[0] for name, value in error.kwargs.items()}
    return (f"Quota exceeded for {error.kwargs['overs'].replace(', ', ',')}: Requested {first['requested']}, but "
            f"already used {first['used']} of {first['allowed']} {first['overs']}")


def _in_state(error: exceptions.InstanceInvalidState) -> str:
    said = error.kwargs
    return f"Cannot '{said['action']}' while instance is in {said['attr']} {said['state']}"


def _never_active(error: exceptions.InstanceNeverActive) -> str:
    return f"Cannot '{error.kwargs['action']}' an instance which has never been active"


def _own_words(error: Any) -> str:
    """The compute layer's own text of a wrong state."""
    said = {"attr": "launched_at", "state": None} | error.kwargs
    return (f"Instance {said['instance_uuid']} in {said['attr']} {said['state']}. Cannot "
            f"{said['action'].removeprefix('os-')} while the instance is in this state.")


AS_IS = Fault()
OVER_QUOTA = Fault(413, _over_quota, retry_after="0")
GENERAL: Faults = {
    exceptions.InstanceNotFound: Fault(text="Instance could not be found"),
    exceptions.InstanceInvalidState: Fault(text=_in_state),
    exceptions.InstanceNeverActive: Fault(text=_never_active),
    exceptions.OverQuota: OVER_QUOTA,
}
CREATE: Faults = {exceptions.FlavorNotUsable: Fault(text="Invalid flavorRef provided.")}
RESIZE: Faults = {
    exceptions.FlavorNotUsable: Fault(text="Unable to locate requested flavor."),
    exceptions.CannotResizeToSameFlavor: Fault(text="Resize requires a flavor change."),
    exceptions.ImageNotFound: Fault(400, "Image that the instance was started with could not be found."),
    # Came after 2014; the text that all others have would say nothing.
    exceptions.CannotResizeDisk: AS_IS,
    exceptions.ValidationError: AS_IS,
    exceptions.Invalid: Fault(text="Invalid instance image."),
}
MIGRATE: Faults = {
    exceptions.InstanceNotFound: AS_IS,
    exceptions.Conflict: AS_IS,
    exceptions.Forbidden: AS_IS,
    Exception: Fault(400, MALFORMED),
}
POWER: Faults = {
    exceptions.InstanceNotFound: Fault(text="Instance not found"),
    exceptions.InstanceInvalidState: Fault(text=_own_words),
    exceptions.InstanceNeverActive: Fault(text=_own_words),
}
LOCK: Faults = {exceptions.Forbidden: AS_IS, Exception: Fault(422, UNPROCESSABLE)}
FLAVOR: Faults = {exceptions.FlavorNotFound: Fault(text=GONE)}
INSTANCE_ACTION: Faults = {exceptions.ActionNotFound: Fault(text=GONE)}


def response(error: Exception, faults: Faults) -> wsgi.Response:
    """The answer for an error.

    :param faults: what GENERAL does not say, or what the operation says otherwise
    """
    plain = wsgi.error_response(error)
    [told] = plain.body.values()
    # An HttpError has said all itself.
    table = {} if isinstance(error, wsgi.HttpError) else {**GENERAL, **faults}
    fault = next((table[kind] for kind in type(error).__mro__ if kind in table), AS_IS)
    code = fault.code or plain.status
    text = fault.text(error) if callable(fault.text) else fault.text
    body = {"code": code, "message": text or (UNEXPECTED if code == 500 else told["message"])}
    headers = dict(plain.headers) | ({"Retry-After": fault.retry_after} if fault.retry_after else {})
    if isinstance(error, RateLimited):
        body["details"] = error.details
    if "Retry-After" in headers:
        body["retryAfter"] = headers["Retry-After"]
    return wsgi.Response(code, {wsgi.FAULT_NAMES.get(code, "computeFault"): body}, headers)
