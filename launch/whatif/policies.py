"""Policies: the scheduler's options as a file of YAML says them, and the pipeline made of them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import yaml
from oslo_config import cfg

from novasim import exceptions
from novasim.launch import wiring
from novasim.scheduler import filters, options
from novasim.scheduler.pipeline import Pipeline
from novasim.sim import books
from novasim.sim.chance import Chance

PLAIN = "filter_scheduler"      # options of this section are called without it
# What these hold is about services and messages, not about where servers go.
_OF_SERVICES = (None, "scheduler")


def _known() -> dict[str, str]:
    """What a policy may say: name -> section.option. Names of 2014 too, where they were other ones."""
    known = {}
    for section, opts in options.list_opts():
        if section in _OF_SERVICES:
            continue
        for opt in opts:
            name = f"{section}.{opt.dest}"
            known[name] = name
            if section == PLAIN:
                known[opt.dest] = name
            known |= {old.name: name for old in opt.deprecated_opts if old.name and old.name not in known}
    return known


@dataclass(frozen=True)
class Policy:
    """A named set of options; ``options`` by section.option, ``files`` of configuration below them."""

    name: str
    options: dict[str, Any]
    files: tuple[str, ...] = ()

    def config(self) -> cfg.ConfigOpts:
        """:raises ConfigurationError: naming an option with a wrong value"""
        try:
            return wiring.build_config(files=self.files, overrides=self.options)
        except exceptions.ConfigurationError as error:
            raise exceptions.Invalid(f"policy {self.name}: {error.text}") from error

    def pipeline(self, seed: int | str, conf: cfg.ConfigOpts | None = None) -> Pipeline:
        """The pipeline of a scheduler with these options.

        :raises NovasimException: naming a filter or weigher that cannot be loaded
        """
        conf = conf or self.config()
        return Pipeline.configured(conf, Chance(seed).stream("scheduler"))

    def single_filters(self) -> dict[str, Pipeline]:
        """Each filter alone, so that none hides what another would have dropped."""
        return {one.name: Pipeline([one], [], 1, Chance(0).stream(one.name)) for one in filters.load(self.config())}


def read(name: str, files: Sequence[str] = ()) -> Policy:
    """A policy by the path of its file, or by the name of one of ours.

    :raises NovasimException: naming the file, and the key that is wrong
    """
    try:
        said = yaml.safe_load(books.read("policies", name)) or {}
    except yaml.YAMLError as error:
        raise exceptions.Invalid(f"policy {name}: {error}") from error
    if not isinstance(said, dict):
        raise exceptions.Invalid(f"policy {name}: it must be names of options with their values")
    known = _known()
    chosen: dict[str, Any] = {}
    for key, value in said.items():
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 2)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(sorted(known))}"
            raise exceptions.Invalid(f"policy {name}: {key} is no option of the scheduler. {hint}")
        if known[key] in chosen:
            raise exceptions.Invalid(f"policy {name}: {key} is said twice, under an older name too")
        chosen[known[key]] = value
    policy = Policy(PurePath(name).stem, chosen, tuple(files))
    policy.pipeline(0)      # now, not after a long reading of a trace
    return policy


def read_all(names: Sequence[str]) -> list[Policy]:
    """:raises NovasimException: as :func:`read`; also for two of one name, which no table could tell apart"""
    found = [read(name) for name in names]
    for one in found:
        if sum(other.name == one.name for other in found) > 1:
            raise exceptions.Invalid(f"--policy: two files are called {one.name}. Rename one of them")
    return found
