"""Only hosts that can run the image: its architecture, kind of hypervisor and mode (spec 7.5).

The properties have two names each, of the present day and of 2014.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

from oslo_config import cfg

from novasim.scheduler.arrays import Array
from novasim.scheduler.columns import HostColumns
from novasim.scheduler.request import Request

_ARCHITECTURE = ("hw_architecture", "architecture")
_HYPERVISOR = ("img_hv_type", "hypervisor_type")
_MODE = ("hw_vm_mode", "vm_mode")
_VERSION = ("img_hv_requested_version", "hypervisor_version_requires")
# Other spellings of the same: of architectures, kinds of hypervisor, modes.
_SAME = ({"i386": "i686", "i486": "i686", "i586": "i686", "amd64": "x86_64"}, {"xapi": "xen"},
         {"pv": "xen", "hv": "hvm", "baremetal": "hvm"})
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}
_CONDITION = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*(\d+(?:\.\d+)*)\s*")


class ImagePropertiesFilter:
    name = "ImagePropertiesFilter"
    run_filter_once_per_request = True

    def __init__(self, conf: cfg.ConfigOpts):
        self._architecture: str | None = conf.filter_scheduler.image_properties_default_architecture

    def _wanted(self, spec: Request) -> list[str]:
        properties = spec.image_properties
        given = [_first(properties, names) for names in (_ARCHITECTURE, _HYPERVISOR, _MODE)]
        given[0] = given[0] or self._architecture
        return [one for one in _same(given) if one]

    def passes(self, hosts: HostColumns, spec: Request) -> Array | None:
        wanted = self._wanted(spec)
        if not wanted:
            return None
        fits = hosts.supported_instances.where(
            lambda text: any(_covers(kind, wanted) for kind in json.loads(text or "[]")))
        required = _first(spec.image_properties, _VERSION)
        if required:
            versions = hosts.hypervisor_version
            for version in set(versions.tolist()) - {0}:
                if not satisfies(version, required):
                    fits &= versions != version
        return fits

    def reason(self, hosts: HostColumns, spec: Request, row: int) -> str:
        wanted = " ".join([*self._wanted(spec), _first(spec.image_properties, _VERSION) or ""]).strip()
        return (f"the image needs {wanted}, it runs {hosts.supported_instances[row] or 'nothing'}, "
                f"version {hosts.hypervisor_version[row]}")


def _first(properties: dict[str, str], names: Sequence[str]) -> str | None:
    return next((properties[name] for name in names if properties.get(name)), None)


def _same(kind: Sequence[str | None]) -> list[str]:
    """Architecture, hypervisor and mode, as they are usually written."""
    lower = [(one or "").lower() for one in kind]
    return [same.get(one, one) for same, one in zip(_SAME, lower, strict=False)]


def _covers(kind: Sequence[str], wanted: Sequence[str]) -> bool:
    known = _same(kind)
    return all(one in known for one in wanted)


def satisfies(version: int, required: str) -> bool:
    """Whether a hypervisor's version, three digits a part, fits conditions such as ``>=1.0, <2``."""
    parts: list[int] = []
    while version:
        version, part = divmod(version, 1000)
        parts.insert(0, part)
    for text in required.split(","):
        found = _CONDITION.fullmatch(text)
        if found is None:
            return False        # what nobody understands nobody fulfils
        mine, theirs = zip(*zip_longest(parts, map(int, found[2].split(".")), fillvalue=0), strict=True)
        if not _COMPARE[found[1]](mine, theirs):
            return False
    return True
