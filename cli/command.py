"""What all commands share: a client, one-line usage errors, and the output formats.

cliff looks commands and formatters up among the entry points of every installed distribution; naming them
here keeps the start of each command short.
"""

import argparse
import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, TextIO

from cliff import columns, command, lister, show
from cliff.formatters import base, commaseparated, json_format, shell, table, value, yaml_format
from stevedore import extension

from novasim.cli.client import Client
from novasim.cli.errors import UsageError

LAST_PORT = 65535
# What take_action() of a Lister and of a ShowOne returns: the names of columns or fields, and their values.
Table = tuple[Sequence[str], Iterable[Sequence[Any]]]
Record = tuple[Sequence[str], Sequence[Any]]


class CommaSeparatedOne(base.SingleFormatter):
    """One object as CSV: a line of names, a line of values (cliff has CSV for lists only)."""

    def add_argument_group(self, parser: argparse.ArgumentParser) -> None:
        """No options of its own."""

    def emit_one(self, column_names: Sequence[str], data: Sequence[Any], stdout: TextIO,
                 _parsed_args: argparse.Namespace) -> None:
        """Write the object."""
        writer = csv.writer(stdout, lineterminator="\n")
        writer.writerow(column_names)
        writer.writerow(
            item.machine_readable() if isinstance(item, columns.FormattableColumn) else item for item in data)


class DashTable(table.TableFormatter):
    """cliff's table, with a dash where there is no value."""

    def emit_list(self, column_names: Sequence[str], data: Iterable[Sequence[Any]], stdout: TextIO,
                  parsed_args: argparse.Namespace) -> None:
        """Write the list."""
        super().emit_list(column_names, [_dashed(row) for row in data], stdout, parsed_args)

    def emit_one(self, column_names: Sequence[str], data: Sequence[Any], stdout: TextIO,
                 parsed_args: argparse.Namespace) -> None:
        """Write the object."""
        super().emit_one(column_names, _dashed(data), stdout, parsed_args)


def _dashed(row: Iterable[Any]) -> list[Any]:
    return ["-" if value is None else value for value in row]


LIST_FORMATTERS = {
    "csv": commaseparated.CSVLister,
    "json": json_format.JSONFormatter,
    "table": DashTable,
    "value": value.ValueFormatter,
    "yaml": yaml_format.YAMLFormatter,
}
SHOW_FORMATTERS = {
    "csv": CommaSeparatedOne,
    "json": json_format.JSONFormatter,
    "shell": shell.ShellFormatter,
    "table": DashTable,
    "value": value.ValueFormatter,
    "yaml": yaml_format.YAMLFormatter,
}


class Nested(columns.FormattableColumn):
    """A list or object inside a cell: JSON text for people, itself for programs."""

    def human_readable(self) -> str:
        """Return the cell as text."""
        return json.dumps(self._value, sort_keys=True) if self._value else ""


def cells(values: Iterable[Any]) -> tuple[Any, ...]:
    """Return `values` ready for a formatter: nested ones wrapped."""
    return tuple(Nested(value) if isinstance(value, dict | list) else value for value in values)


def print_table(column_names: Sequence[str], rows: Iterable[Sequence[Any]], stdout: TextIO) -> None:
    """Write the same table that a list command writes, from a command that is not a list."""
    look = argparse.Namespace(print_empty=True, max_width=0, fit_width=False)
    DashTable().emit_list(column_names, list(rows), stdout, look)


def key_value(text: str) -> tuple[str, str]:
    """Argparse type for `key=value`."""
    key, equals, given = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form key=value")
    return key, given


def positive(text: str) -> int:
    """Argparse type for an integer of at least 1."""
    return _integer(text, 1)


def natural(text: str) -> int:
    """Argparse type for an integer of at least 0."""
    return _integer(text, 0)


def port(text: str) -> int:
    """Argparse type for a TCP port, or 0 for any free one."""
    number = _integer(text, 0)
    if number > LAST_PORT:
        raise argparse.ArgumentTypeError(f"{number} is more than {LAST_PORT}")
    return number


def _integer(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number") from None
    if number < least:
        raise argparse.ArgumentTypeError(f"{number} is less than {least}")
    return number


class _Ours:
    """The part of a command that does not depend on what it shows, and has no plugins."""

    app: Any

    @property
    def client(self) -> Client:
        """The client of this call, opened when first used and closed by the application."""
        return self.app.client()

    def _load_hooks(self) -> None:
        self._hooks: Any = []

    def get_epilog(self) -> str:
        """Return no epilog: cliff's own reads the metadata of every installed distribution."""
        return ""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser, whose errors are one line."""
        parser = super().get_parser(prog_name)  # type: ignore[misc]
        parser.error = lambda message: _usage(prog_name, message)
        self.add_arguments(parser)
        return parser

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's own arguments."""


def _usage(prog_name: str, message: str) -> NoReturn:
    name = prog_name.partition(" ")[2]
    raise UsageError(f"{name}: {message}. Type: novasim help {name}")


class Command(_Ours, command.Command):
    """A command that does something and says little."""

    def say(self, text: str) -> None:
        """Write a line for the user."""
        self.app.stdout.write(f"{text}\n")


class _Formatted(_Ours):
    formatters: Mapping[str, Any]

    def _load_formatter_plugins(self) -> extension.ExtensionManager:
        named = [extension.Extension(name, None, kind, kind())  # type: ignore[arg-type]
                 for name, kind in self.formatters.items()]
        return extension.ExtensionManager.make_test_instance(named)

    def _generate_columns_and_selector(self, parsed_args: argparse.Namespace,
                                       column_names: Sequence[str]) -> tuple[list[str], list[bool] | None]:
        try:
            return super()._generate_columns_and_selector(parsed_args, column_names)  # type: ignore[misc]
        except ValueError:
            raise UsageError(f"no column is called {' or '.join(parsed_args.columns)}. "
                             f"There are: {', '.join(column_names)}") from None


class Lister(_Formatted, lister.Lister):
    """A command that shows a list; take_action() returns the column names and the rows."""

    formatters = LIST_FORMATTERS


class ShowOne(_Formatted, show.ShowOne):
    """A command that shows one object; take_action() returns the names and the values of its fields."""

    formatters = SHOW_FORMATTERS
