"""What can be asked of a server that exists, from resize to reset-state: one class a verb."""

import argparse
import getpass
from typing import Any

from novasim.cli import lookup, poll
from novasim.cli.command import Command
from novasim.cli.errors import CliError


class Action(Command):
    """An action on one server: the subclass says what to send, and in which microversion it exists."""

    verb = ""
    said = ""
    # In which status its servers are looked up by name; None: in any that a list shows.
    status: str | None = None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the server, and --poll where the action takes its time."""
        parser.add_argument("server", metavar="SERVER", help="id or name of the server")
        if self.verb in poll.ENDS:
            parser.add_argument("--poll", action="store_true", help="wait until it has ended")

    def body(self, parsed_args: argparse.Namespace) -> tuple[Any, str | None]:
        """Return what to send under the action's name, and the lowest microversion that takes it or None."""
        return None, None

    def send(self, server_id: str, value: Any, version: str | None) -> str | None:
        """Send the action and return its request id."""
        return self.client.action(server_id, self.verb, value, version)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Send the action and follow it if asked to."""
        server = lookup.server(self.client, parsed_args.server, self.status)
        value, version = self.body(parsed_args)
        request_id = self.send(server["id"], value, version)
        if not getattr(parsed_args, "poll", False):
            self.say(f"{self.said} of {parsed_args.server} accepted ({request_id})")
            return
        with poll.progress(self.app.stderr, f"{self.said} {parsed_args.server}") as show:
            server = poll.follow(self.client, server["id"], self.verb, request_id, show)
        host = server.get("OS-EXT-SRV-ATTR:host")
        self.say(f"{parsed_args.server} is {server['status']}{f' on {host}' if host else ''} ({request_id})")


class Resize(Action):
    """Resize a server to another flavor; confirm or revert it afterwards."""

    verb, said = "resize", "resize"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the flavor."""
        super().add_arguments(parser)
        parser.add_argument("flavor", metavar="FLAVOR", help="id or name of the new flavor")

    def body(self, parsed_args: argparse.Namespace) -> tuple[Any, str | None]:
        """Return the id of the new flavor."""
        return {"flavorRef": lookup.flavor(self.client, parsed_args.flavor)["id"]}, None


class ConfirmResize(Action):
    """Confirm a resize or migration: what is left on the old host is removed."""

    verb, said = "confirmResize", "resize-confirm"


class RevertResize(Action):
    """Revert a resize or migration: the server goes back to its old host and flavor."""

    verb, said = "revertResize", "resize-revert"


class Migrate(Action):
    """Move a server to another host; confirm or revert it afterwards."""

    verb, said = "migrate", "migrate"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the destination."""
        super().add_arguments(parser)
        parser.add_argument("--host", help="where to; the scheduler chooses if not given")

    def body(self, parsed_args: argparse.Namespace) -> tuple[Any, str | None]:
        """Return the host, which can be given since 2.56."""
        return ({"host": parsed_args.host}, "2.56") if parsed_args.host else (None, None)


class Lock(Action):
    """Lock a server against changes by anyone but an admin."""

    verb, said = "lock", "lock"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the reason."""
        super().add_arguments(parser)
        parser.add_argument("--reason", help="why, shown with the server")

    def body(self, parsed_args: argparse.Namespace) -> tuple[Any, str | None]:
        """Return the reason, which can be given since 2.73."""
        return ({"locked_reason": parsed_args.reason}, "2.73") if parsed_args.reason else (None, None)


class Unlock(Action):
    """Unlock a server."""

    verb, said = "unlock", "unlock"


class Start(Action):
    """Start a stopped server."""

    verb, said = "os-start", "start"


class Stop(Action):
    """Stop a running server."""

    verb, said = "os-stop", "stop"


class Reboot(Action):
    """Reboot a server."""

    verb, said = "reboot", "reboot"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add how to reboot."""
        super().add_arguments(parser)
        parser.add_argument("--hard", action="store_true", help="cut the power instead of asking the guest")

    def body(self, parsed_args: argparse.Namespace) -> tuple[Any, str | None]:
        """Return how to reboot."""
        return {"type": "HARD" if parsed_args.hard else "SOFT"}, None


class Pause(Action):
    """Freeze a running server; its memory stays on the host."""

    verb, said = "pause", "pause"


class Unpause(Action):
    """Let a paused server go on."""

    verb, said = "unpause", "unpause"


class Suspend(Action):
    """Write a server's memory to disk and power it off."""

    verb, said = "suspend", "suspend"


class Resume(Action):
    """Let a suspended server go on."""

    verb, said = "resume", "resume"


class Rescue(Action):
    """Start a server from a rescue image."""

    verb, said = "rescue", "rescue"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the password and the image."""
        super().add_arguments(parser)
        parser.add_argument("--password", help="of the rescue system's administrator; made up if not given")
        parser.add_argument("--image", help="id or name of the rescue image; the server's own if not given")

    def body(self, parsed_args: argparse.Namespace) -> tuple[Any, str | None]:
        """Return password and image, as far as they are given."""
        image = lookup.image_id(self.client, parsed_args.image) if parsed_args.image else None
        given = {"adminPass": parsed_args.password, "rescue_image_ref": image}
        return {name: value for name, value in given.items() if value} or None, None

    def send(self, server_id: str, value: Any, version: str | None) -> str | None:
        """Send it and show the password."""
        answer = self.client.request("POST", f"/servers/{server_id}/action", {self.verb: value}, version=version)
        self.say(f"adminPass: {answer.body['adminPass']}")
        return answer.request_id


class Unrescue(Action):
    """Start a rescued server from its own disk again."""

    verb, said = "unrescue", "unrescue"


class SetPassword(Action):
    """Change the password of a server's administrator; it is asked for, twice."""

    verb, said = "changePassword", "set-password"

    def body(self, parsed_args: argparse.Namespace) -> tuple[Any, str | None]:
        """Return the password.

        :raises CliError: it was not typed the same twice
        """
        password = getpass.getpass("New password: ")
        if getpass.getpass("Again: ") != password:
            raise CliError("the two passwords differ. Nothing was changed")
        return {"adminPass": password}, None


class ForceDelete(Action):
    """Delete a server at once, also where deleted servers are kept for a while."""

    verb, said = "forceDelete", "force-delete"


class Restore(Action):
    """Bring a soft-deleted server back."""

    verb, said, status = "restore", "restore", "SOFT_DELETED"


class ResetState(Action):
    """Set the state of a server by hand, to ERROR unless --active is given."""

    verb, said = "os-resetState", "reset-state"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add which state."""
        super().add_arguments(parser)
        parser.add_argument("--active", action="store_true", help="to ACTIVE instead of ERROR")

    def body(self, parsed_args: argparse.Namespace) -> tuple[Any, str | None]:
        """Return the state."""
        return {"state": "active" if parsed_args.active else "error"}, None


class TriggerCrashDump(Action):
    """Have a server write a dump of its memory."""

    verb, said = "trigger_crash_dump", "trigger-crash-dump"

    def body(self, parsed_args: argparse.Namespace) -> tuple[Any, str | None]:
        """Return nothing; it exists since 2.17."""
        return None, "2.17"
