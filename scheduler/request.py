"""What is asked of the scheduler, checked, with what has to be looked up for it once."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from novasim import exceptions
from novasim.objects import RequestSpec

HOST_HINTS = ("different_host", "same_host")


class Request(RequestSpec, kw_only=True):
    """A request spec, and where the servers live that its hints name (only those that were found)."""

    instance_hosts: dict[str, str] = {}

    def hinted(self, hint: str) -> list[str]:
        """The server uuids of a hint; users send one as a string or several as a list."""
        value = self.scheduler_hints.get(hint) or []
        return [value] if isinstance(value, str) else [str(uuid) for uuid in value]

    def hinted_hosts(self, hint: str) -> set[str]:
        """Names of the hosts on which the servers of a hint live."""
        return {self.instance_hosts[uuid] for uuid in self.hinted(hint) if uuid in self.instance_hosts}


def parse(request_spec: dict[str, Any], filter_properties: dict[str, Any]) -> Request:
    """Read the two dictionaries of select_destinations (spec 6.3, 6.4).

    :raises Invalid: naming what is missing or wrong
    """
    try:
        return cast(Request, Request.from_message(request_spec, filter_properties))
    except KeyError as error:
        raise exceptions.Invalid(f"request_spec: {error.args[0]} is missing") from error
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise exceptions.Invalid(f"request_spec or filter_properties: {error}") from error
