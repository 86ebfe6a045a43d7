"""What a notification carries of a server: the flat dict of 2014, and the versioned objects of today (spec 4.5)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from novasim import states
from novasim.objects import Flavor, Instance

POWER_NAMES = {states.NOSTATE: "pending", states.RUNNING: "running", states.POWER_PAUSED: "paused",
               states.SHUTDOWN: "shutdown", states.CRASHED: "crashed", states.POWER_SUSPENDED: "suspended"}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _image_meta(server: Instance) -> dict[str, Any]:
    kept = {key.removeprefix("image_"): value for key, value in server.system_metadata.items()
            if key.startswith("image_")}
    return kept | {"base_image_ref": server.image_ref or ""}


def unversioned(server: Instance, flavor: Flavor) -> dict[str, Any]:
    """The standard payload.

    :param server: with metadata and system_metadata
    :param flavor: the server's present one
    """
    return {
        "tenant_id": server.project_id, "user_id": server.user_id, "instance_id": server.uuid,
        "display_name": server.display_name, "reservation_id": server.reservation_id, "hostname": server.hostname,
        "instance_type": flavor.name, "instance_type_id": flavor.id, "instance_flavor_id": flavor.flavorid,
        "architecture": server.system_metadata.get("image_architecture"), "memory_mb": server.memory_mb,
        "disk_gb": server.root_gb + server.ephemeral_gb, "vcpus": server.vcpus, "root_gb": server.root_gb,
        "ephemeral_gb": server.ephemeral_gb, "host": server.host, "node": server.node,
        "availability_zone": server.availability_zone, "created_at": _time(server.created_at),
        "terminated_at": _time(server.terminated_at) or "", "deleted_at": _time(server.deleted_at) or "",
        "launched_at": _time(server.launched_at) or "", "image_ref_url": server.image_ref, "os_type": server.os_type,
        "kernel_id": "", "ramdisk_id": "", "state": server.vm_state, "state_description": server.task_state or "",
        "access_ip_v4": server.access_ip_v4, "access_ip_v6": server.access_ip_v6, "progress": server.progress or "",
        "image_meta": _image_meta(server), "metadata": dict(server.metadata)}


def _object(name: str, version: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"nova_object.name": name, "nova_object.namespace": "nova", "nova_object.version": version,
            "nova_object.data": data}


def flavor_object(flavor: Flavor) -> dict[str, Any]:
    """A flavor as a versioned object."""
    return _object("FlavorPayload", "1.4", {
        "flavorid": flavor.flavorid, "name": flavor.name, "memory_mb": flavor.memory_mb, "vcpus": flavor.vcpus,
        "root_gb": flavor.root_gb, "ephemeral_gb": flavor.ephemeral_gb, "swap": flavor.swap,
        "rxtx_factor": flavor.rxtx_factor, "vcpu_weight": flavor.vcpu_weight or 0, "disabled": flavor.disabled,
        "is_public": flavor.is_public, "extra_specs": dict(flavor.extra_specs), "projects": None,
        "description": flavor.description})


def fault_object(fault: dict[str, Any], function: str) -> dict[str, Any]:
    """What went wrong, as a versioned object.

    :param fault: a row of instance_faults
    :param function: the method that failed
    """
    return _object("ExceptionPayload", "1.1", {
        "function_name": function, "module_name": "novasim.compute.resize", "exception": "NovaException",
        "exception_message": fault.get("message"), "traceback": fault.get("details")})


def fixed_ips(addresses: Iterable[Any]) -> list[dict[str, Any]]:
    """A server's addresses in the flat form.

    :param addresses: rows of db/ports.py
    """
    return [{"label": row.name, "address": row.ip_address, "version": _version(row), "vif_mac": row.mac_address,
             "type": "fixed", "meta": {}, "floating_ips": []} for row in addresses if row.ip_address]


def _version(row: Any) -> int:
    return 6 if ":" in row.ip_address else 4


def _ip_objects(addresses: Iterable[Any]) -> list[dict[str, Any]]:
    return [_object("IpPayload", "1.0", {
        "label": row.name, "mac": row.mac_address, "meta": {}, "port_uuid": row.port_id, "version": _version(row),
        "address": row.ip_address, "device_name": f"tap{row.port_id[:11]}"}) for row in addresses if row.ip_address]


def _keypair_objects(keypairs: Iterable[Any]) -> list[dict[str, Any]]:
    return [_object("KeypairPayload", "1.0", {
        "user_id": row.user_id, "name": row.name, "fingerprint": row.fingerprint, "public_key": row.public_key,
        "type": row.type}) for row in keypairs]


def versioned(server: Instance, flavor: Flavor, addresses: Iterable[Any], keypairs: Iterable[Any],
              initiator: tuple[str | None, str | None], request_id: str | None, fault: dict[str, Any] | None = None,
              new_flavor: Flavor | None = None) -> dict[str, Any]:
    """The payload of an ``instance.*`` action.

    :param addresses: rows of db/ports.py
    :param keypairs: rows of db/keypairs.py
    :param initiator: (user, project) that asked for it
    :param fault: the object of what went wrong
    :param new_flavor: for resize_prep, what the server becomes
    """
    data: dict[str, Any] = {
        "uuid": server.uuid, "user_id": server.user_id, "tenant_id": server.project_id,
        "reservation_id": server.reservation_id, "display_name": server.display_name,
        "display_description": server.display_description, "host_name": server.hostname, "host": server.host,
        "node": server.node, "os_type": server.os_type,
        "architecture": server.system_metadata.get("image_architecture"),
        "availability_zone": server.availability_zone, "flavor": flavor_object(flavor),
        "image_uuid": server.image_ref, "key_name": server.key_name, "keypairs": _keypair_objects(keypairs),
        "kernel_id": "", "ramdisk_id": "", "created_at": _time(server.created_at),
        "launched_at": _time(server.launched_at), "updated_at": _time(server.updated_at),
        "terminated_at": _time(server.terminated_at), "deleted_at": _time(server.deleted_at),
        "state": server.vm_state, "task_state": server.task_state,
        "power_state": POWER_NAMES.get(server.power_state or 0, "pending"), "progress": server.progress,
        "ip_addresses": _ip_objects(addresses), "block_devices": [], "metadata": dict(server.metadata),
        "locked": server.locked, "locked_reason": server.locked_reason,
        "auto_disk_config": "AUTO" if server.auto_disk_config else "MANUAL",
        "request_id": request_id, "action_initiator_user": initiator[0], "action_initiator_project": initiator[1],
        "fault": fault}
    if new_flavor is None:
        return _object("InstanceActionPayload", "1.9", data)
    return _object("InstanceActionResizePrepPayload", "1.4", data | {"new_flavor": flavor_object(new_flavor)})
