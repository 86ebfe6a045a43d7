"""Finds the YAML that a name stands for: profiles, books of stages, policies, fault rules, accounts."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from novasim import exceptions


def read(kind: str, name: str) -> str:
    """The text of a profile, a book of stages and the like: a file that is named by its path, or one of ours.

    :raises ConfigurationError: naming what there is
    """
    if "/" in name or name.endswith(".yaml"):
        try:
            return Path(name).read_text()
        except OSError as error:
            raise exceptions.ConfigurationError(reason=f"{kind}: {name}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise exceptions.ConfigurationError(reason=f"{kind}: {name}: it is no text") from error
    book = resources.files("novasim.etc") / kind / f"{name}.yaml"
    if not book.is_file():
        raise exceptions.ConfigurationError(reason=f"{kind}: there is no {name!r}; there are {', '.join(names(kind))}")
    return book.read_text()


def names(kind: str) -> list[str]:
    """Those that come with us."""
    return sorted(entry.name.removesuffix(".yaml") for entry in (resources.files("novasim.etc") / kind).iterdir()
                  if entry.name.endswith(".yaml"))
