"""What `boot --nic` can say, and what of it goes into the request."""

import argparse
from collections.abc import Sequence
from typing import Any

from novasim.cli import lookup
from novasim.cli.client import Client
from novasim.cli.errors import UsageError

WORDS = ("none", "auto")
# From here on a new server must say which networks it wants, and may say `none` or `auto`.
WORDS_VERSION = "2.37"
TAG_VERSION = "2.42"
_FIELDS = {"net-id": "uuid", "net-name": "net-name", "port-id": "port", "v4-fixed-ip": "fixed_ip",
           "v6-fixed-ip": "fixed_ip", "tag": "tag"}
HELP = ("network of the server: none, auto, or net-id=ID, net-name=NAME or port-id=ID, with v4-fixed-ip=ADDRESS, "
        "v6-fixed-ip=ADDRESS or tag=TAG after a comma (repeatable)")
Nic = str | dict[str, str]


def nic(text: str) -> Nic:
    """Argparse type for one --nic."""
    if text in WORDS:
        return text
    given: dict[str, str] = {}
    for part in text.split(","):
        key, _, value = part.partition("=")
        if key not in _FIELDS or not value:
            raise argparse.ArgumentTypeError(f"'{part}' is none of {', '.join(WORDS)} and {'=, '.join(_FIELDS)}=")
        if _FIELDS[key] in given:
            raise argparse.ArgumentTypeError(f"'{text}' says two things where one is meant: {key}")
        given[_FIELDS[key]] = value
    if sum(name in given for name in ("uuid", "net-name", "port")) != 1:
        raise argparse.ArgumentTypeError(f"'{text}' must name one of net-id, net-name and port-id")
    return given


def networks(client: Client, given: Sequence[Nic]) -> tuple[Any, str | None]:
    """Return the field `networks` of a new server, None to leave it out, and the lowest version that it needs.

    :raises UsageError: none or auto stands beside something else
    :raises CliError: there is no network of a name, or there are several
    """
    words = {one for one in given if isinstance(one, str)}
    found = [_found(client, one) for one in given if isinstance(one, dict)]
    if len(words) + bool(found) > 1:
        raise UsageError("--nic none and --nic auto go with no other --nic")
    if found:
        return found, TAG_VERSION if any("tag" in one for one in found) else None
    if words:
        return words.pop(), WORDS_VERSION
    return ("auto" if client.speaks(WORDS_VERSION) else None), None


def _found(client: Client, given: dict[str, str]) -> dict[str, str]:
    if "net-name" not in given:
        return given
    rest = {name: value for name, value in given.items() if name != "net-name"}
    return rest | {"uuid": lookup.network_id(client, given["net-name"])}
