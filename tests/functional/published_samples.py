"""The published samples of the Compute API, which lie beside the project and not in it, and how an answer is held
against one: it must have the same keys with values of the same JSON types.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from novasim.api import microversion

SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "api-samples"
needed = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the published API samples are not beside the project")
# Objects whose keys are data of the sample's own server, image or flavor.
FREE = {"metadata", "rules", "extra_specs", "addresses", "cpu_info", "hosts", "cpu_pinning", "log"}
# Paging links depend on the length of the list, events on what agents did, properties on the image.
OPTIONAL = {"servers_links", "hypervisors_links", "migrations_links", "links", "tenant_usages_links",
            "tenant_usage_links"}
# Samples of what only a cloud of several cells has.
PARTIAL = {("servers", 69), ("os-services", 69)}


def sample_versions(folder: str, name: str) -> Iterator[tuple[int, Path]]:
    """The versions at which a sample exists, with its file."""
    root = SAMPLES / folder
    for path in sorted([root / name, *root.glob(f"v2.*/{name}")]):
        version = int(path.parent.name.removeprefix("v2.")) if path.parent != root else 1
        if path.exists() and version <= microversion.MAX and (folder, version) not in PARTIAL:
            yield version, path


def differences(ours: Any, sample: Any, where: str = "") -> list[str]:
    """Keys too many or missing, and values of another JSON type. null fits anything: a sample's value may be unset."""
    if ours is None or sample is None:
        return []
    if type(ours) is not type(sample):
        return [f"{where}: {type(ours).__name__}, the sample has {type(sample).__name__}"]
    if isinstance(ours, dict):
        name = where.rpartition(".")[2]
        odd = set() if name in FREE else (set(ours) ^ set(sample)) - OPTIONAL
        found = [f"{where}: key {key!r} {'too many' if key in ours else 'missing'}" for key in sorted(odd)]
        return found + [line for key in set(ours) & set(sample) if name not in FREE
                        for line in differences(ours[key], sample[key], f"{where}.{key}")]
    if isinstance(ours, list) and ours and sample:
        # Each of ours must look like one of the sample's: links and services differ among themselves.
        best = [min((differences(item, other, where) for other in sample), key=len) for item in ours]
        return [line for lines in best for line in lines]
    return []
