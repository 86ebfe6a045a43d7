"""Bodies of what opens a console."""

from __future__ import annotations

from typing import Any

from novasim.api.schemas import Versions, closed

_PROTOCOLS = ["vnc", "spice", "rdp", "serial"]
_TYPES = ["novnc", "xvpvnc", "spice-html5", "rdp-html5", "serial"]


def _create(protocols: list[str], types: list[str]) -> dict[str, Any]:
    return closed({"remote_console": closed(
        {"protocol": {"type": "string", "enum": protocols}, "type": {"type": "string", "enum": types}},
        "protocol", "type")}, "remote_console")


def _action(name: str, *types: str) -> Versions:
    return Versions((1, closed({name: closed({"type": {"type": "string", "enum": list(types)}}, "type")}, name)))


CREATE = Versions((1, _create(_PROTOCOLS, _TYPES)), (8, _create([*_PROTOCOLS, "mks"], [*_TYPES, "webmks"])),
                  (99, _create([*_PROTOCOLS, "mks"], [*_TYPES, "webmks", "spice-direct"])))
# By the name of the action: its protocol, and its body.
ACTIONS = {
    "os-getVNCConsole": ("vnc", _action("os-getVNCConsole", "novnc", "xvpvnc")),
    "os-getSPICEConsole": ("spice", _action("os-getSPICEConsole", "spice-html5")),
    "os-getRDPConsole": ("rdp", _action("os-getRDPConsole", "rdp-html5")),
    "os-getSerialConsole": ("serial", _action("os-getSerialConsole", "serial")),
}
