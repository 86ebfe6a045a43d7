"""The NUMA nodes that a guest sees, by the extra specs of its flavor. One whose flavor asks for none has none.

Hosts of the simulator do not hand out their CPUs one by one, so no vCPU is pinned to one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from novasim.api import guards
from novasim.api.answers import answers, optional
from novasim.api.wsgi import Request
from novasim.db import flavors
from novasim.objects import Flavor

if TYPE_CHECKING:
    from novasim.api.app import Api

_PAGES_KB = {"small": 4, "any": 4, "large": 2048}
_UNITS_KB = {"": 1, "k": 1, "m": 1024, "g": 1024 ** 2, "t": 1024 ** 3}
_NODE = {"vcpu_set": [int], "memory_mb": int, "siblings": [[int]], "host_node": optional(int),
         "cpu_pinning": optional({...: int})}
_SIZE = re.compile(r"(\d{1,9})([kmgt]?)(?:i?b)?", re.ASCII)


@answers({"nodes": [_NODE], "pagesize_kb": int | None})
def show(api: Api, request: Request, server_id: str) -> Any:
    instance = guards.find(request, server_id, with_metadata=False)
    request.authorize("compute:server:topology:index", instance)
    specs = api.db.read(flavors.extra_specs, [instance.instance_type_id]).get(instance.instance_type_id, {})
    # Without a host it may be larger than any.
    nodes = _nodes(instance.flavor(), specs) if instance.host else []
    if request.may("compute:server:topology:host:index", instance):
        nodes = [node | {"host_node": number, "cpu_pinning": {}} for number, node in enumerate(nodes)]
    return {"nodes": nodes, "pagesize_kb": _page_size(specs.get("hw:mem_page_size", "")) if nodes else None}


def _nodes(flavor: Flavor, specs: Mapping[str, str]) -> list[dict[str, Any]]:
    """CPUs and memory shared out as the extra specs say, or evenly. One node where only pages are asked for."""
    text = specs.get("hw:numa_nodes", "1" if "hw:mem_page_size" in specs else "")
    count = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    return [{
        "vcpu_set": (cpus := _cpus(specs.get(f"hw:numa_cpus.{number}", ""), flavor.vcpus)
                     or list(_share(flavor.vcpus, count, number))),
        "memory_mb": _memory(specs.get(f"hw:numa_mem.{number}", "")) or len(_share(flavor.memory_mb, count, number)),
        "siblings": [cpus] if specs.get("hw:cpu_thread_policy") == "require" else []}
        for number in range(min(count, flavor.vcpus))]


def _share(total: int, parts: int, number: int) -> range:
    """The numbers below ``total`` that fall to one of several parts."""
    return range(total * number // parts, total * (number + 1) // parts)


def _memory(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _cpus(text: str, vcpus: int) -> list[int]:
    """The CPUs of a set such as ``0-3,^2``; none, when it is no such set."""
    found: set[int] = set()
    for part in text.replace(" ", "").split(",") if text else ():
        first, _, last = part.removeprefix("^").partition("-")
        ends = (first, last or first)
        if not all(end.isascii() and end.isdigit() and len(end) < 10 and int(end) < vcpus for end in ends):
            return []
        numbers = set(range(int(first), int(last or first) + 1))
        found = found - numbers if part.startswith("^") else found | numbers
    return sorted(found)


def _page_size(text: str) -> int | None:
    """KiB of a page; None when nothing is asked for."""
    size = _SIZE.fullmatch(text.lower())
    return int(size[1]) * _UNITS_KB[size[2]] if size else _PAGES_KB.get(text)
