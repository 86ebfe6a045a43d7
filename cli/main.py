"""The program `novasim`: its options, the table of its commands, and what it does with errors.

The table names each command's class as text, so that a call imports only the file of its own noun.
"""

import argparse
import difflib
import importlib.metadata
import logging
import os
import sys
from typing import Any

from cliff import app, commandmanager, help

from novasim.cli.client import Client
from novasim.cli.errors import CliError, UsageError, one_line
from novasim.cli.settings import resolve

COMMANDS = {
    "boot": "servers:Boot",
    "delete": "servers:Delete",
    "list": "servers:List",
    "rename": "servers:Rename",
    "show": "servers:Show",
    "backup": "images:Backup",
    "image-create": "images:Create",
    "rebuild": "images:Rebuild",
    "shelve": "shelve:Shelve",
    "shelve-offload": "shelve:ShelveOffload",
    "unshelve": "shelve:Unshelve",
    "force-delete": "server_actions:ForceDelete",
    "lock": "server_actions:Lock",
    "migrate": "server_actions:Migrate",
    "pause": "server_actions:Pause",
    "reboot": "server_actions:Reboot",
    "rescue": "server_actions:Rescue",
    "reset-state": "server_actions:ResetState",
    "resize": "server_actions:Resize",
    "resize-confirm": "server_actions:ConfirmResize",
    "resize-revert": "server_actions:RevertResize",
    "restore": "server_actions:Restore",
    "resume": "server_actions:Resume",
    "set-password": "server_actions:SetPassword",
    "start": "server_actions:Start",
    "stop": "server_actions:Stop",
    "suspend": "server_actions:Suspend",
    "unlock": "server_actions:Unlock",
    "unpause": "server_actions:Unpause",
    "unrescue": "server_actions:Unrescue",
    "trigger-crash-dump": "server_actions:TriggerCrashDump",
    "console-log": "consoles:Log",
    "diagnostics": "consoles:Diagnostics",
    "get-vnc-console": "consoles:Vnc",
    "aggregate-add-host": "aggregates:AddHost",
    "aggregate-create": "aggregates:Create",
    "aggregate-delete": "aggregates:Delete",
    "aggregate-list": "aggregates:List",
    "aggregate-remove-host": "aggregates:RemoveHost",
    "aggregate-set-metadata": "aggregates:SetMetadata",
    "aggregate-show": "aggregates:Show",
    "aggregate-update": "aggregates:Update",
    "flavor-create": "flavors:Create",
    "flavor-delete": "flavors:Delete",
    "flavor-key": "flavors:Key",
    "flavor-list": "flavors:List",
    "flavor-show": "flavors:Show",
    "hosts crash": "hosts:Crash",
    "hosts freeze": "hosts:Freeze",
    "hosts list": "hosts:List",
    "hosts remove": "hosts:Remove",
    "hosts revive": "hosts:Revive",
    "hosts scale": "hosts:Scale",
    "hosts thaw": "hosts:Thaw",
    "hypervisor-list": "hypervisors:List",
    "hypervisor-show": "hypervisors:Show",
    "instance-action": "actions:Show",
    "instance-action-list": "actions:List",
    "keypair-add": "keypairs:Add",
    "keypair-delete": "keypairs:Delete",
    "keypair-list": "keypairs:List",
    "keypair-show": "keypairs:Show",
    "migration-list": "migrations:List",
    "evacuate": "live_migrations:Evacuate",
    "host-evacuate": "live_migrations:HostEvacuate",
    "live-migration": "live_migrations:LiveMigration",
    "live-migration-abort": "live_migrations:Abort",
    "live-migration-force-complete": "live_migrations:ForceComplete",
    "server-migration-list": "live_migrations:List",
    "server-migration-show": "live_migrations:Show",
    "server-group-create": "server_groups:Create",
    "server-group-delete": "server_groups:Delete",
    "server-group-get": "server_groups:Show",
    "server-group-list": "server_groups:List",
    "server-tag-add": "server_tags:Add",
    "server-tag-delete": "server_tags:Delete",
    "server-tag-delete-all": "server_tags:DeleteAll",
    "server-tag-list": "server_tags:List",
    "server-tag-set": "server_tags:Set",
    "service-disable": "services:Disable",
    "service-enable": "services:Enable",
    "service-list": "services:List",
    "limits": "quotas:Limits",
    "quota-show": "quotas:Show",
    "quota-update": "quotas:Update",
    "quota-class-show": "quotas:ClassShow",
    "quota-class-update": "quotas:ClassUpdate",
    "demo": "demo:Demo",
    "down": "cluster:Down",
    "env": "cluster:Env",
    "explain": "explain:Explain",
    "fault add": "faults:Add",
    "fault list": "faults:List",
    "fault log": "faults:Log",
    "fault presets": "faults:Presets",
    "fault rm": "faults:Remove",
    "replay": "replay:Replay",
    "trace": "trace:Trace",
    "up": "cluster:Up",
    "whatif drain": "whatif:Drain",
    "whatif grow": "whatif:Grow",
    "whatif run": "whatif:Run",
}
GLOBAL_OPTIONS: dict[tuple[str, ...], dict[str, Any]] = {
    ("--endpoint",): {"metavar": "URL", "help": "compute API (or NOVASIM_ENDPOINT, OS_ENDPOINT)"},
    ("--os-username",): {"metavar": "NAME", "help": "who asks (or OS_USERNAME; default admin)"},
    ("--os-project-name",): {"metavar": "NAME", "help": "whose servers (or OS_PROJECT_NAME; default admin)"},
    ("--api-version",): {"metavar": "2.X", "help": "microversion (or OS_COMPUTE_API_VERSION; default: the "
                                                   "lowest in which the command works)"},
    ("-v", "--verbose"): {"action": "store_true", "help": "show each request on the wire"},
    ("--log-file",): {"metavar": "FILE", "help": "write each request on the wire to FILE"},
    ("--debug",): {"action": "store_true", "help": "as --verbose, and show the traceback of an error"},
    ("--version",): {"action": "store_true", "help": "show the version and exit"},
    ("-h", "--help"): {"action": "store_true", "help": "show help, of the command if one is named, and exit"},
}
INTERRUPTED = 130


class UnknownCommand(UsageError, ValueError):
    """There is no such command (a ValueError too, since cliff's help looks for that)."""


class Commands(commandmanager.CommandManager):
    """The table above, as cliff wants it: each entry is imported when it is called."""

    def __init__(self) -> None:
        super().__init__()
        for name, where in COMMANDS.items():
            self.commands[name] = importlib.metadata.EntryPoint(name, f"novasim.cli.{where}", "novasim.cli")

    def find_command(self, argv: list[str]) -> tuple[Any, str, list[str]]:
        """Return the class that `argv` names, the name, and the arguments after it."""
        try:
            return super().find_command(argv)
        except ValueError:
            near = difflib.get_close_matches(argv[0], self.commands, n=3)
            hint = f"Did you mean {' or '.join(near)}?" if near else "Type: novasim help"
            raise UnknownCommand(f"'{argv[0]}' is no command. {hint}") from None


class Help(help.HelpCommand):
    """Show what a command does and takes."""

    def get_epilog(self) -> str:
        """Return no epilog: cliff's own reads the metadata of every installed distribution."""
        return ""


class Shell(app.App):
    """One call of `novasim`."""

    NAME = "novasim"
    LOG = logging.getLogger(NAME)
    interactive_mode = False

    def __init__(self, **streams: Any) -> None:
        super().__init__("A compute cluster on one machine in which only the hypervisors are simulated.",
                         None, Commands(), deferred_help=True, **streams)
        self.command_manager.add_command("help", Help)
        del self.command_manager.commands["complete"]
        self._client: Client | None = None

    def build_option_parser(self, description: str | None, version: str | None,
                            argparse_kwargs: dict[str, Any] | None = None) -> argparse.ArgumentParser:
        """Return the parser of the options that may stand before or after any command."""
        # Without abbreviations: otherwise a command's own option could be taken for one of these.
        parser = argparse.ArgumentParser(prog=self.NAME, description=description, add_help=False,
                                         allow_abbrev=False)
        parser.error = _usage  # type: ignore[assignment, method-assign]
        for names, settings in GLOBAL_OPTIONS.items():
            parser.add_argument(*names, **settings)
        return parser

    def configure_logging(self) -> None:
        """Show or write what happens on the wire, if the user asked for it."""
        if self.options.log_file:
            logging.basicConfig(filename=self.options.log_file, level=logging.DEBUG, force=True,
                                format=self.LOG_FILE_MESSAGE_FORMAT)
        elif self.options.verbose or self.options.debug:
            logging.basicConfig(stream=self.stderr, level=logging.DEBUG, force=True, format="%(message)s")

    def client(self) -> Client:
        """Return the client of this call."""
        if self._client is None:
            self._client = Client(resolve(self.options))
        return self._client

    def run_subcommand(self, argv: list[str]) -> int:
        """Run the command that `argv` begins with and return its exit code."""
        factory, name, rest = self.command_manager.find_command(argv)
        command = factory(self, self.options)
        return command.run(command.get_parser(f"{self.NAME} {name}").parse_args(rest))

    def run(self, argv: list[str]) -> int:
        """Run one call of the program and return its exit code; every error becomes one line."""
        try:
            return self._run(argv or ["help"])
        except help.HelpExit:
            return 0
        except CliError as error:
            return self._fail(error, error.exit_code)
        except BrokenPipeError:
            raise
        except Exception as error:
            return self._fail(f"unexpected {type(error).__name__}: {error}. Add --debug to see where", 1)
        finally:
            if self._client:
                self._client.close()

    def _run(self, argv: list[str]) -> int:
        self.options, rest = self.parser.parse_known_args(argv)
        self.configure_logging()
        if self.options.version:
            self.stdout.write(f"{self.NAME} {importlib.metadata.version(self.NAME)}\n")
            return 0
        if self.options.help:
            rest.insert(0, "help")
        if not rest:
            raise UsageError("no command was given. Type: novasim help")
        return self.run_subcommand(rest)

    def _fail(self, error: object, exit_code: int) -> int:
        if "options" in vars(self) and self.options.debug:
            self.LOG.exception("failed")
        self.stderr.write(f"{self.NAME}: {one_line(error)}\n")
        return exit_code


def _usage(message: str) -> None:
    raise UsageError(f"{message}. Type: novasim help")


def main(argv: list[str] | None = None) -> int:
    """Run the program.

    :param argv: arguments, without the program's name; None takes those of the process
    :return: exit code: 0, 1 failed, 2 typed wrongly, 130 interrupted
    """
    try:
        code = Shell().run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) is gone; keep the interpreter from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


if __name__ == "__main__":
    sys.exit(main())
