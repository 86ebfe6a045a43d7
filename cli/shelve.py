"""Putting servers aside and bringing them back."""

import argparse
from typing import Any

from novasim.cli.server_actions import Action


class Shelve(Action):
    """Power a server off and keep it as an image; its host may be free for others."""

    verb, said = "shelve", "shelve"


class ShelveOffload(Action):
    """Take a shelved server off its host (admin)."""

    verb, said = "shelveOffload", "shelve-offload"


class Unshelve(Action):
    """Bring a shelved server back."""

    verb, said = "unshelve", "unshelve"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add where to, for a server that is on no host."""
        super().add_arguments(parser)
        zone = parser.add_mutually_exclusive_group()
        zone.add_argument("--availability-zone", metavar="ZONE", help="pin it to this zone")
        zone.add_argument("--no-availability-zone", action="store_true", help="pin it to no zone any more")
        parser.add_argument("--host", help="where to (admin); the scheduler chooses if not given")

    def body(self, parsed_args: argparse.Namespace) -> tuple[Any, str | None]:
        """Return zone and host; a zone can be given since 2.77, a host or none since 2.91."""
        where: dict[str, Any] = {"host": parsed_args.host} if parsed_args.host else {}
        if parsed_args.availability_zone or parsed_args.no_availability_zone:
            where["availability_zone"] = parsed_args.availability_zone
        if not where:
            return None, None
        return where, "2.91" if parsed_args.host or parsed_args.no_availability_zone else "2.77"
