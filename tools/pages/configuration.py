"""The sample configuration. Only what is ours is listed: options of libraries change with their versions, and they have
generators of their own."""

from __future__ import annotations

import textwrap

from oslo_config import cfg

from novasim.launch import wiring
from pages.markdown import NOTICE

WIDTH = 100

_KINDS = {
    cfg.StrOpt: "text", cfg.IntOpt: "whole number", cfg.FloatOpt: "number", cfg.BoolOpt: "true or false",
    cfg.ListOpt: "list, comma-separated", cfg.MultiStrOpt: "text, may be given many times", cfg.PortOpt: "port",
}
_HEAD = f"""\
The options of novasim with their defaults.
{NOTICE}

novasim up writes a file like this into its state directory and takes any option as --set SECTION.OPTION=VALUE.
Services that are started by hand are given one: novasim-conductor --config-file FILE.

The bus, the log and the file of policy rules are options of the libraries behind them. Those of a split cluster:
  [DEFAULT]
  transport_url = rabbit://USER:PASSWORD@HOST:5672/
  log_dir = DIRECTORY
All of them: oslo-config-generator --namespace oslo.messaging --namespace oslo.log --namespace oslo.policy"""


def options() -> dict[str, list[cfg.Opt]]:
    """All options of ours by section, each once, as the rooms list them."""
    sections: dict[str, dict[str, cfg.Opt]] = {}
    for section, members in wiring.list_opts():
        sections.setdefault(section or "DEFAULT", {}).update({option.name: option for option in members})
    order = sorted(sections, key=lambda section: (section != "DEFAULT", section))
    return {section: list(sections[section].values()) for section in order}


def _values(option: cfg.Opt) -> list[str]:
    """The default as it is written into a file: one text a line of the file."""
    default = option.default if option.sample_default is None else option.sample_default
    if default is None:
        return ["<none>"]
    if isinstance(option, cfg.MultiStrOpt):
        return list(default)
    if isinstance(option, cfg.ListOpt):
        return [",".join(default)]
    return [str(default).lower() if isinstance(default, bool) else str(default)]


def _option(option: cfg.Opt) -> str:
    about = [_KINDS.get(type(option), str(option.type))]
    lowest, highest = getattr(option.type, "min", None), getattr(option.type, "max", None)
    if not isinstance(option, cfg.PortOpt):
        about += [f"at least {lowest}"] * (lowest is not None) + [f"at most {highest}"] * (highest is not None)
    if getattr(option.type, "choices", None):
        about.append("one of " + ", ".join(option.type.choices))
    was = [f"[{old.group or 'DEFAULT'}] {old.name or option.dest}" for old in option.deprecated_opts]
    lines = textwrap.wrap(f"{option.help} ({'; '.join(about)})", WIDTH)
    lines += [f"Earlier name: {name}" for name in was]
    return "\n".join([*(f"# {line}" for line in lines), *(f"#{option.dest} = {text}" for text in _values(option))])


def page() -> str:
    """etc/novasim/novasim.conf.sample."""
    parts = ["\n".join(f"# {line}".rstrip() for line in _HEAD.splitlines())]
    for section, members in options().items():
        parts += [f"\n[{section}]", *(_option(option) for option in members)]
    return "\n\n".join(parts) + "\n"
