"""The extra specs that are known: what they are called, and what they may say (spec 3.7, from 2.86 on).

A name in a namespace that stands here must be one of these. Any other namespace, and a name without one, belongs to
whoever runs the cluster and says what they like.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from novasim import exceptions
from novasim.api import schemas

_ANY, _WHOLE, _POSITIVE = r"(?s:.*)", r"\d+", r"[1-9]\d*"
_BOOLEAN = "(?i:" + "|".join(sorted({str(value).lower() for value in schemas.BOOLEAN["enum"]})) + ")"
_CPU_SET = r"\^?\d+(?:-\d+)?(?:,\^?\d+(?:-\d+)?)*"
# The rest of a name behind its namespace -> what its value must be.
_KNOWN: dict[str, dict[str, str]] = {
    "accel": {"device_profile": r".+"},
    "aggregate_instance_extra_specs": {r".+": _ANY},
    "capabilities": {r".+": _ANY},
    "hw": {
        "cpu_policy": "dedicated|shared|mixed", "cpu_thread_policy": "prefer|isolate|require",
        "emulator_threads_policy": "isolate|share", "cpu_dedicated_mask|cpu_realtime_mask": _CPU_SET,
        "numa_nodes|(?:cpu_|cpu_max_|max_cpu_)(?:sockets|cores|threads)": _POSITIVE, r"numa_cpus\.\d+": _CPU_SET,
        r"numa_mem\.\d+": _POSITIVE, "pci_numa_affinity_policy": "required|preferred|legacy|socket",
        "mem_page_size": r"large|small|any|\d+(?:[kKMGT]?(?:i?[bB]|bit)?)",
        "watchdog_action": "none|pause|poweroff|reset|disabled", "serial_port_count": _WHOLE,
        "boot_menu|cpu_realtime|mem_encryption|vif_multiqueue_enabled|pmu|hide_hypervisor_id|locked_memory"
        "|virtio_packed_ring|ephemeral_encryption": _BOOLEAN,
        "pmem": r".+", "tpm_version": r"1\.2|2\.0", "tpm_model": "tpm-tis|tpm-crb", "input_bus": "usb|virtio",
        "maxphysaddr_mode": "passthrough|emulate", "maxphysaddr_bits": _WHOLE,
        "viommu_model": "intel|smmuv3|virtio|auto", "ephemeral_encryption_format": "luks"},
    "hw_rng": {"allowed": _BOOLEAN, "rate_bytes|rate_period": _WHOLE},
    "hw_video": {"ram_max_mb": _WHOLE},
    "os": {"secure_boot": "required|disabled|optional"},
    "pci_passthrough": {"alias": r"[^:,]+:\d+(?:,[^:,]+:\d+)*"},
    "quota": {
        "(?:cpu|memory|disk_io|vif)_(?:limit|reservation|shares_share)|cpu_(?:shares|period)"
        "|disk_(?:read|write|total)_(?:bytes|iops)_sec(?:_max(?:_length)?)?"
        "|vif_(?:inbound|outbound)_(?:average|peak|burst)": _WHOLE,
        "cpu_quota": r"-?\d+", "(?:cpu|memory|disk_io|vif)_shares_level": "low|normal|high|custom"},
    "resources": {r"[A-Z0-9_]+": _WHOLE},
    "trait": {r"[A-Z0-9_]+": "required|forbidden"},
}
# These two may be followed by the name of a group of resources.
_GROUPED = re.compile(r"(resources|trait)[a-zA-Z0-9_-]{0,64}")


def check(specs: Mapping[str, str]) -> None:
    """See that extra specs which are known say what they may.

    :raises ValidationError: naming the first that does not
    """
    for name, value in specs.items():
        namespace, colon, rest = name.partition(":")
        grouped = _GROUPED.fullmatch(namespace)
        known = _KNOWN.get(grouped[1] if grouped else namespace)
        if known is None or not colon:
            continue
        form = next((form for pattern, form in known.items() if re.fullmatch(pattern, rest)), None)
        if form is None:
            raise exceptions.ValidationError(
                detail=f"Validation failed; extra spec {name!r} does not appear to be a valid extra spec.")
        if not re.fullmatch(form, value, re.ASCII):
            raise exceptions.ValidationError(
                detail=f"Validation failed; extra spec {name!r} cannot have the value {value!r}.")
