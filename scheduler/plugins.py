"""Finds classes that a configuration names: by import path, by entry point, or under the original's own paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oslo_utils import importutils
from stevedore import driver as entry_points

from novasim import exceptions

# Configurations of OpenStack clouds say this; what is meant is here under the same last name.
_ORIGINAL = "nova.scheduler."
_ORIGINAL_LISTS = ("all_filters", "all_weighers")


def find(name: str, namespace: str, known: Sequence[Any], option: str) -> list[Any]:
    """The classes that a name stands for; a function stands for those that it lists.

    :param name: an import path, or the name of an entry point
    :param namespace: of the entry points
    :param known: the classes of ours, for names of the original
    :param option: for the error
    :raises ConfigurationError: naming the option and what it says
    """
    if name.startswith(_ORIGINAL):
        last = name.rpartition(".")[2]
        mine = [one for one in known if last in _ORIGINAL_LISTS or last == one.__name__]
        if mine:
            return mine
    try:
        thing = importutils.import_class(name) if "." in name else entry_points.DriverManager(
            namespace, name, on_missing_entrypoints_callback=None).driver
    except (ImportError, RuntimeError, ValueError) as error:
        raise exceptions.ConfigurationError(reason=f"{option}: {name}: {error}") from error
    return [thing] if isinstance(thing, type) else list(thing())
