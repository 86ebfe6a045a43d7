"""Consoles that a browser or a viewer connects to: where one is, and a token that opens it for a while.

A guest of the simulator has no screen, and nobody listens at the URL; what clients and operators' tools do with it can
be rehearsed: the token can be looked up until it expires, or its guest is elsewhere.
"""

from __future__ import annotations

import secrets
import zlib
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import quote

from novasim.compute.agents import Agents
from novasim.context import RequestContext
from novasim.db import console_auth_tokens
from novasim.objects import Instance


class Console(NamedTuple):
    """One kind: the option with the URL of its proxy, the first of the ports that guests have on a host, and how the
    token is written into the URL."""
    group: str
    option: str
    first_port: int
    query: str = "token={}"


CONSOLES = {
    "novnc": Console("vnc", "novncproxy_base_url", 5900, "path=" + quote("?token=") + "{}"),
    "spice-html5": Console("spice", "html5proxy_base_url", 15900),
    "spice-direct": Console("spice", "spice_direct_proxy_base_url", 15900),
    "rdp-html5": Console("rdp", "html5_proxy_base_url", 3389),
    "serial": Console("serial_console", "base_url", 10000),
    "webmks": Console("mks", "mksproxy_base_url", 902),
}
# Guests of a host take ports one by one; here each has the one that follows from its id.
_PORTS = 1000


def get_console(agents: Agents, ctxt: RequestContext, instance: Instance, console_type: str) -> dict[str, str]:
    """Open a console of a guest.

    :returns: ``token`` and ``access_url``, its URL
    :raises GuestNotFound: when there is no guest
    """
    host, console = ctxt.addressed_host or "", CONSOLES[console_type]
    agents.driver.require_guest(host, instance.uuid)
    token = secrets.token_urlsafe(24)
    agents.db.write(
        console_auth_tokens.create, token, console_type, instance.uuid, host, agents.conf.my_ip,
        console.first_port + zlib.crc32(instance.uuid.encode()) % _PORTS,
        timedelta(seconds=agents.conf.consoleauth.token_ttl))
    base = agents.conf[console.group][console.option]
    return {"token": token, "access_url": f"{base}?{console.query.format(token)}"}
