"""What the command line says when something is wrong: cause and remedy in a line, and an exit code."""


class CliError(Exception):
    """The command cannot go on. The text is shown to the user as it is: `<cause>. <remedy>`."""

    exit_code = 1


class UsageError(CliError):
    """The command was typed in a way that makes no sense."""

    exit_code = 2


def one_line(error: object) -> str:
    """Return the text of `error` as a single line, whatever its author put in."""
    return " ".join(str(error).split())
