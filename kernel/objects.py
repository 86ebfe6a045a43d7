"""The typed values that travel between the services, over RPC and out of the database.

One shape a noun: what db/ reads, what a message carries and what a filter looks at is the same class.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

# The keys of a flavor snapshot in instance_system_metadata (spec 9.3): key -> (attribute, parser).
FLAVOR_KEYS = {
    "id": ("id", int), "name": ("name", str), "memory_mb": ("memory_mb", int), "vcpus": ("vcpus", int),
    "root_gb": ("root_gb", int), "ephemeral_gb": ("ephemeral_gb", int), "flavorid": ("flavorid", str),
    "swap": ("swap", int), "rxtx_factor": ("rxtx_factor", float), "vcpu_weight": ("vcpu_weight", int),
}
CURRENT, OLD, NEW = "instance_type_", "old_instance_type_", "new_instance_type_"
OLD_VM_STATE = "old_vm_state"
# What a server is to be once it has been evacuated, where that is not what it was.
TARGET_STATE = "evacuate_target_state"
# What a shelved server remembers: when, as which image, on which host.
SHELVED = "shelved_"
SHELVED_AT, SHELVED_IMAGE_ID, SHELVED_HOST = SHELVED + "at", SHELVED + "image_id", SHELVED + "host"


class Flavor(msgspec.Struct, kw_only=True):
    """A size of server; sizes in MB, GB and whole vCPUs. ``id`` is internal, ``flavorid`` what users see."""

    id: int = 0
    flavorid: str
    name: str
    memory_mb: int
    vcpus: int
    root_gb: int = 0
    ephemeral_gb: int = 0
    swap: int = 0
    rxtx_factor: float = 1.0
    vcpu_weight: int | None = None
    disabled: bool = False
    is_public: bool = True
    description: str | None = None
    extra_specs: dict[str, str] = {}
    deleted: int = 0

    @property
    def disk_gb(self) -> int:
        """What a claim counts: root and ephemeral disk, without swap (spec 8.7)."""
        return self.root_gb + self.ephemeral_gb

    def to_sys(self, prefix: str) -> dict[str, str]:
        """The ten keys of the snapshot, as strings (spec 9.3)."""
        return {prefix + key: str(getattr(self, attr)) for key, (attr, _) in FLAVOR_KEYS.items()}

    def to_stash(self, vm_state: str) -> dict[str, str]:
        """What a server remembers of its move to this flavor from the start on (spec 2.4).

        :param vm_state: what the server was before
        """
        return self.to_sys(NEW) | {OLD_VM_STATE: vm_state}

    @classmethod
    def from_sys(cls, sys_meta: dict[str, str], prefix: str = CURRENT) -> Flavor:
        """Read a snapshot back; raises KeyError when a key is missing."""
        values: dict[str, Any] = {}
        for key, (attr, parse) in FLAVOR_KEYS.items():
            text = sys_meta[prefix + key]
            values[attr] = None if text == "None" else parse(text)
        return cls(**values)


class Instance(msgspec.Struct, kw_only=True):
    """A server: its row, and where loaded its metadata and system_metadata."""

    id: int = 0
    uuid: str
    user_id: str | None = None
    project_id: str | None = None
    image_ref: str | None = None
    hostname: str | None = None
    display_name: str | None = None
    display_description: str | None = None
    reservation_id: str | None = None
    launch_index: int = 0
    key_name: str | None = None
    user_data: str | None = None
    vm_state: str | None = None
    task_state: str | None = None
    task_request_id: str | None = None
    power_state: int = 0
    memory_mb: int = 0
    vcpus: int = 0
    root_gb: int = 0
    ephemeral_gb: int = 0
    instance_type_id: int = 0
    host: str | None = None
    node: str | None = None
    launched_on: str | None = None
    availability_zone: str | None = None
    os_type: str | None = None
    root_device_name: str | None = None
    config_drive: str | None = None
    access_ip_v4: str | None = None
    access_ip_v6: str | None = None
    cell_name: str | None = None
    auto_disk_config: bool | None = None
    locked: bool = False
    locked_by: str | None = None
    locked_reason: str | None = None
    progress: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    launched_at: datetime | None = None
    terminated_at: datetime | None = None
    deleted_at: datetime | None = None
    deleted: int = 0
    metadata: dict[str, str] = {}
    system_metadata: dict[str, str] = {}

    def flavor(self, prefix: str = CURRENT) -> Flavor:
        """The flavor snapshot kept in system_metadata (current, old or new)."""
        return Flavor.from_sys(self.system_metadata, prefix)

    @property
    def old_vm_state(self) -> str:
        """What the server was before the move; 'active' for one that says nothing (spec 2.5)."""
        return self.system_metadata.get(OLD_VM_STATE, "active")


class Migration(msgspec.Struct, kw_only=True):
    """A move of one server between two hosts (spec 9.2); ``step`` says how far within a status."""

    id: int = 0
    uuid: str
    instance_uuid: str
    status: str
    step: str | None = None
    migration_type: str = "migration"
    source_compute: str | None = None
    source_node: str | None = None
    dest_compute: str | None = None
    dest_node: str | None = None
    dest_host: str | None = None
    old_instance_type_id: int = 0
    new_instance_type_id: int = 0
    request_id: str | None = None
    user_id: str | None = None
    project_id: str | None = None
    hidden: bool = False
    # How far a live migration is, in bytes.
    memory_total: int | None = None
    memory_processed: int | None = None
    memory_remaining: int | None = None
    disk_total: int | None = None
    disk_processed: int | None = None
    disk_remaining: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    deleted: int = 0


class ComputeNode(msgspec.Struct, kw_only=True):
    """A hypervisor as the control plane knows it: capacity and the sum of the claims on it."""

    id: int = 0
    uuid: str
    host: str
    hypervisor_hostname: str
    host_ip: str = "127.0.0.1"
    vcpus: int
    memory_mb: int
    local_gb: int
    vcpus_used: int = 0
    memory_mb_used: int = 0
    local_gb_used: int = 0
    free_ram_mb: int = 0
    free_disk_gb: int = 0
    current_workload: int = 0
    running_vms: int = 0
    disk_available_least: int | None = None
    hypervisor_type: str = "novasim"
    hypervisor_version: int = 1000
    cpu_info: str = "{}"
    supported_instances: str = "[]"
    # What monitors measured and what agents count, as JSON; None where they say nothing.
    metrics: str | None = None
    stats: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    deleted: int = 0


class Resident(msgspec.Struct, frozen=True):
    """What the scheduler knows of a server that is on a host: the columns of its row that filters ask for."""

    uuid: str
    host: str | None = None
    node: str | None = None
    project_id: str | None = None
    instance_type_id: int = 0
    image_ref: str | None = None
    vm_state: str | None = None
    task_state: str | None = None
    os_type: str | None = None
    deleted: int = 0


class Service(msgspec.Struct, kw_only=True):
    """A service process's row, or a compute agent's: what `service-list` shows and liveness is judged by."""

    id: int = 0
    uuid: str
    host: str
    binary: str
    topic: str
    report_count: int = 0
    disabled: bool = False
    disabled_reason: str | None = None
    forced_down: bool = False
    last_seen_up: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    deleted: int = 0


class SimulatedHost(msgspec.Struct, kw_only=True):
    """A machine of the simulator: which process plays it, its shape, and what it is wanted to be."""

    id: int = 0
    host: str
    fleet: str
    profile: str
    state: str = "up"
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Aggregate(msgspec.Struct, kw_only=True):
    """Hosts that belong together, and what is said of them: their zone, who may use them, how full they may be."""

    id: int = 0
    uuid: str
    name: str
    hosts: list[str] = []
    metadata: dict[str, str] = {}
    created_at: datetime | None = None
    updated_at: datetime | None = None


AFFINITY, ANTI_AFFINITY = "affinity", "anti-affinity"
SOFT_AFFINITY, SOFT_ANTI_AFFINITY = "soft-affinity", "soft-anti-affinity"


class InstanceGroup(msgspec.Struct, kw_only=True):
    """A server group: servers of a project that are to share a host, or are not to."""

    id: int = 0
    uuid: str
    user_id: str | None = None
    project_id: str | None = None
    name: str
    policy: str
    # Of an anti-affinity group; None is the same as 1.
    max_server_per_host: int | None = None
    members: list[str] = []


class Selection(msgspec.Struct, kw_only=True):
    """A host chosen by the scheduler, with the ceilings its claim is tested against (spec 7.1, 8.7).

    ``alternates`` are the hosts to be tried after it, best first; absent where nobody asked for them.
    """

    host: str
    nodename: str
    limits: dict[str, float] = {}
    alternates: list[Selection] | msgspec.UnsetType = msgspec.UNSET


class RequestSpec(msgspec.Struct, kw_only=True):
    """What the scheduler is asked for, read from the request_spec and filter_properties of a message (spec 6.3)."""

    flavor: Flavor
    instance_uuids: list[str]
    project_id: str | None = None
    os_type: str | None = None
    # As the message has it: ``id`` and ``properties``, empty for a server without an image.
    image: dict[str, Any] = {}
    availability_zone: str | None = None
    ignore_hosts: frozenset[str] = frozenset()
    force_hosts: frozenset[str] = frozenset()
    force_nodes: frozenset[str] = frozenset()
    # The one host a move was asked to go to: unlike a forced one it must pass the filters (spec 3.12, 2.56).
    requested_host: str | None = None
    requested_node: str | None = None
    # Where the server is that is to be moved; None for one that is not anywhere yet.
    own_host: str | None = None
    tried_hosts: frozenset[tuple[str, str]] = frozenset()
    scheduler_hints: dict[str, Any] = {}
    # Of the server group: its policy, and how many of its other servers each host has (spec 7.2, 12.1 #5, #6).
    group_policy: str | None = None
    group_hosts: dict[str, int] = {}
    max_server_per_host: int = 1

    @classmethod
    def from_message(cls, request_spec: dict[str, Any], filter_properties: dict[str, Any]) -> RequestSpec:
        """Build from the two dicts of select_destinations; raises KeyError where a required key is missing."""
        properties = request_spec.get("instance_properties") or {}
        uuids = list(request_spec.get("instance_uuids") or [])
        uuids += [""] * (request_spec.get("num_instances", 1) - len(uuids))
        retry = filter_properties.get("retry") or {}
        requested = filter_properties.get("requested_destination") or {}
        return cls(
            flavor=msgspec.convert(request_spec["instance_type"], Flavor, strict=False),
            instance_uuids=uuids,
            project_id=properties.get("project_id"),
            os_type=properties.get("os_type"),
            image=request_spec.get("image") or {},
            availability_zone=properties.get("availability_zone"),
            ignore_hosts=frozenset(filter_properties.get("ignore_hosts") or ()),
            force_hosts=frozenset(filter_properties.get("force_hosts") or ()),
            force_nodes=frozenset(filter_properties.get("force_nodes") or ()),
            requested_host=requested.get("host"),
            requested_node=requested.get("node"),
            own_host=properties.get("host"),
            tried_hosts=frozenset((host, node) for host, node in retry.get("hosts", ())),
            scheduler_hints=filter_properties.get("scheduler_hints") or {},
            group_policy=(filter_properties.get("group_policies") or [None])[0],
            group_hosts=dict(filter_properties.get("group_hosts") or {}),
            max_server_per_host=(filter_properties.get("group_rules") or {}).get("max_server_per_host") or 1,
        )
