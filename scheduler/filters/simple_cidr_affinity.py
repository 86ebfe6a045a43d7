"""Only hosts in the network of an address: the hints ``build_near_host_ip`` and ``cidr`` (spec 7.5)."""

from __future__ import annotations

import contextlib
import ipaddress

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SimpleCIDRAffinityFilter:
    name = "SimpleCIDRAffinityFilter"
    run_filter_once_per_request = True

    def __init__(self, conf: cfg.ConfigOpts):
        """It has no options."""

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        """In a network that is none there is nobody."""
        if not spec.hinted("build_near_host_ip"):
            return None
        network = _network(spec)
        return hosts.host_ip.where(lambda text: network is not None and _address(text) in network)

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        network = _network(spec)
        return (f"its address {hosts.host_ip[row]} is not in {network}" if network is not None
                else "the hints build_near_host_ip and cidr make no network")


def _network(spec: Request) -> Network | None:
    cidr = (spec.hinted("cidr") or ["/24"])[0].lstrip("/")
    with contextlib.suppress(ValueError):
        return ipaddress.ip_network(f"{spec.hinted('build_near_host_ip')[0]}/{cidr}", strict=False)
    return None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(text)
    return None
