"""What is asked of the scheduler, checked, with what has to be looked up for it once."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from novasim import exceptions
from novasim.objects import RequestSpec

HOST_HINTS = ("different_host", "same_host")


class Request(RequestSpec, kw_only=True):
    """A request spec, where the servers live that its hints name (only those that were found), and whose it is."""

    instance_hosts: dict[str, str] = {}
    request_id: str | None = None

    def hinted(self, hint: str) -> list[str]:
        """The server uuids of a hint; users send one as a string or several as a list."""
        value = self.scheduler_hints.get(hint) or []
        return [value] if isinstance(value, str) else [str(uuid) for uuid in value]

    @property
    def image_properties(self) -> dict[str, str]:
        """The properties of the server's image, as texts."""
        return {key: str(value) for key, value in (self.image.get("properties") or {}).items()}

    def get_scheduler_hint(self, hint: str, default: Any = None) -> Any:
        """A hint as filters of OpenStack clouds ask for it: one value of a list is given without the list."""
        value = self.scheduler_hints.get(hint, default)
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    def hinted_hosts(self, hint: str) -> set[str]:
        """Names of the hosts on which the servers of a hint live."""
        return {self.instance_hosts[uuid] for uuid in self.hinted(hint) if uuid in self.instance_hosts}


def parse(request_spec: dict[str, Any], filter_properties: dict[str, Any]) -> Request:
    """Read the two dictionaries of select_destinations (spec 6.3, 6.4), the second one with the ``context``.

    :raises Invalid: naming what is missing or wrong
    """
    try:
        request = cast(Request, Request.from_message(request_spec, filter_properties))
    except KeyError as error:
        raise exceptions.Invalid(f"request_spec: {error.args[0]} is missing") from error
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise exceptions.Invalid(f"request_spec or filter_properties: {error}") from error
    request.request_id = getattr(filter_properties.get("context"), "request_id", None)
    return request
