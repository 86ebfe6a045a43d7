"""The part of the audit that knows of ports: each belongs to a server that lives and knows of it, and each address to a
port or a floating IP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from novasim.db import ports
from novasim.objects import Instance


def check(servers: Sequence[Instance], bound: Sequence[Any], strays: Sequence[Any]) -> Iterator[str]:
    """
    :param bound: the ports of servers
    :param strays: addresses of nobody
    """
    live = {server.uuid: server for server in servers}
    for port in bound:
        server = live.get(port.device_id)
        if server is None:
            yield f"port {port.uuid} of the deleted server {port.device_id}"
        elif ports.NETWORK_ALLOCATED not in server.system_metadata:
            yield f"server {server.uuid}: nothing says that it has ports, and it has {port.uuid}"
    for row in strays:
        yield f"address {row.ip_address} is given to {row.port_id}, which is gone"
