"""The interfaces of a server: its ports, which can come and go while it lives. A guest here has no wires, so all of it
is one transaction, and no host is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions, states
from novasim.api import guards, requested_networks
from novasim.api.answers import answers, since
from novasim.api.schemas import attach_interfaces as bodies
from novasim.api.wsgi import Request, Response
from novasim.db import actions, instances, network_errors, networks, ports
from novasim.db.engine import Transaction
from novasim.db.ports import Need
from novasim.objects import Instance

if TYPE_CHECKING:
    from novasim.api.app import Api

_UP = (states.ACTIVE, states.PAUSED, states.RESIZED)
_ATTACHMENT = {"net_id": str, "port_id": str, "mac_addr": str, "port_state": str,
               "fixed_ips": [{"subnet_id": str, "ip_address": str}], "tag": since(70, str | None)}


def _find(request: Request, server_id: str, rule: str) -> Instance:
    instance = guards.find(request, server_id, with_metadata=False)
    request.authorize(f"os-attach-interfaces:{rule}", instance)
    return instance


def _shown(tx: Transaction, request: Request, instance: Instance, port_id: str | None = None) -> list[dict[str, Any]]:
    """The ports of a server, or one of them."""
    rows = ports.rows_of_server(tx, instance.uuid, port_id)
    addresses = ports.addresses_of(tx, [row["id"] for row in rows])
    state = "ACTIVE" if instance.host and instance.vm_state in _UP else "DOWN"
    return [{"net_id": row["network_id"], "port_id": row["id"], "mac_addr": row["mac_address"], "port_state": state,
             "fixed_ips": addresses[row["id"]]} | ({"tag": row["tag"]} if request.version >= 70 else {})
            for row in rows]


@answers({"interfaceAttachments": [_ATTACHMENT]})
def index(api: Api, request: Request, server_id: str) -> Any:
    instance = _find(request, server_id, "list")
    return {"interfaceAttachments": api.db.read(_shown, request, instance)}


@answers({"interfaceAttachment": _ATTACHMENT})
def show(api: Api, request: Request, server_id: str, port_id: str) -> Any:
    instance = _find(request, server_id, "show")
    found = api.db.read(_shown, request, instance, port_id)
    if not found:
        raise exceptions.NotFound(f"Instance {server_id} does not have a port with id {port_id}")
    return {"interfaceAttachment": found[0]}


@answers({"interfaceAttachment": _ATTACHMENT}, errors=(409, 501), takes=bodies.CREATE)
def create(api: Api, request: Request, server_id: str) -> Any:
    body = request.json()
    bodies.CREATE.check(body, request.version)
    instance = _find(request, server_id, "create")
    fields = body.get("interfaceAttachment", {})
    network_id, port_id, fixed = fields.get("net_id"), fields.get("port_id"), fields.get("fixed_ips")
    if network_id and port_id:
        raise exceptions.Invalid("Must not input both network_id and port_id")
    if fixed and not network_id:
        raise exceptions.Invalid("Must input network_id when request IP address")
    address = fixed[0]["ip_address"] if fixed else None
    wanted = {"uuid": network_id, "port": port_id, "fixed_ip": address}
    return {"interfaceAttachment": _attach(request, instance, {key: value for key, value in wanted.items() if value},
                                           fields.get("tag"))}


def _attach(request: Request, instance: Instance, item: dict[str, str], tag: str | None) -> dict[str, Any]:
    """Give a server a port.

    :param item: as in the networks of a create; an empty one means the one network that there is
    :raises InstanceIsLocked, InstanceInvalidState, Conflict, NotFound, Invalid: when it cannot be had
    """
    guards.check(request, instance, "attach_interface")
    requested_networks.must_be_served(request)
    found = _wanted(request, item)
    if not found:
        raise exceptions.Invalid("No network to attach the interface to could be found.")
    zone = instance.availability_zone or request.api.conf.default_availability_zone

    def change(tx: Transaction) -> dict[str, Any]:
        instances.update(tx, instance.uuid, guards.expected("attach_interface", request.actions))
        if ports.NETWORK_ALLOCATED not in instances.get(tx, instance.uuid, with_metadata=False).system_metadata:
            instances.replace_system_metadata(tx, instance.uuid, ports.NETWORK_ALLOCATED,
                                              {ports.NETWORK_ALLOCATED: "True"})
        [made] = requested_networks.allocate(tx, [instance], [found[0]._replace(tag=tag)], None, zone)
        _note(tx, request, instance, "attach_interface")
        return _shown(tx, request, instance, made)[0]

    with guards.lost_races(request.api, instance, "attach_interface"):
        shown = request.api.db.write(change)
    request.note("attach_interface done", instance, port_id=shown["port_id"])
    return shown


def _wanted(request: Request, item: dict[str, str]) -> list[requested_networks.Wanted]:
    """What is missing is a 404 here, and what is taken a 409."""
    try:
        return requested_networks.read(request, {"networks": [item] if item else None}, 1)
    except requested_networks.Missing as error:
        raise exceptions.NotFound(error.text) from error
    except requested_networks.Taken as error:
        raise exceptions.Conflict(error.text) from error


def _note(tx: Transaction, request: Request, instance: Instance, name: str) -> None:
    actions.start(tx, request.context, instance.uuid, name)
    actions.start_event(tx, request.context.request_id, instance.uuid, f"compute_{name}", instance.host, done=True)


@answers(None, 202, errors=(409, 501))
def delete(api: Api, request: Request, server_id: str, port_id: str) -> Response:
    """Take a port from a server; one that was made for it is gone then."""
    instance = _find(request, server_id, "delete")
    guards.check(request, instance, "detach_interface")

    def change(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, guards.expected("detach_interface", request.actions))
        if not ports.release(tx, instance.uuid, port_id):
            raise exceptions.NotFound(f"Port id {port_id} could not be found.")
        _note(tx, request, instance, "detach_interface")

    with guards.lost_races(api, instance, "detach_interface"):
        api.db.write(change)
    request.note("detach_interface done", instance, port_id=port_id)
    return Response(202)


def add_fixed_ip(request: Request, instance: Instance, body: dict[str, str]) -> None:
    """Give the server one more address of a network that it is on, until 2.43.

    :raises NotFound: when it is not on it
    """
    guards.check(request, instance, "addFixedIp")
    requested_networks.must_be_served(request)
    network_id = body["networkId"]

    def change(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, guards.expected("addFixedIp", request.actions))
        ports_there = [row for row in ports.rows_of_server(tx, instance.uuid) if row["network_id"] == network_id]
        if not ports_there:
            raise exceptions.NotFound(f"Network {network_id} could not be found.")
        [network] = networks.attachable(tx, None, [network_id])
        subnet = ports.first_subnets(network)[:1]
        ports.allocate(tx, [Need(ports_there[0]["id"], network_id, one) for one in subnet])
        _note(tx, request, instance, "addFixedIp")

    _change_addresses(request, instance, "addFixedIp", change)


def remove_fixed_ip(request: Request, instance: Instance, body: dict[str, str]) -> None:
    """Take an address from the server, until 2.43.

    :raises Invalid: when it does not have it
    """
    guards.check(request, instance, "removeFixedIp")
    address = ports.written(body["address"])

    def change(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, guards.expected("removeFixedIp", request.actions))
        owned = [row["id"] for row in ports.rows_of_server(tx, instance.uuid)]
        if not ports.give_back(tx, owned, [address]):
            raise exceptions.Invalid(f"The instance does not have fixed IP {address}.")
        _note(tx, request, instance, "removeFixedIp")

    _change_addresses(request, instance, "removeFixedIp", change)


def _change_addresses(request: Request, instance: Instance, name: str, change: Any) -> None:
    with guards.lost_races(request.api, instance, name):
        try:
            request.api.db.write(change)
        except network_errors.IpAddressGenerationFailure as error:
            raise exceptions.Invalid(
                f"No fixed IP addresses available for network: {error.kwargs['network_id']}") from error
    request.note(f"{name} done", instance)


def add_security_group(request: Request, instance: Instance, body: dict[str, str]) -> None:
    """Let the rules of a group hold for all ports of a server.

    :raises NotFound: when there is no such group
    """
    _change_groups(request, instance, "addSecurityGroup", body["name"])


def remove_security_group(request: Request, instance: Instance, body: dict[str, str]) -> None:
    """Let them hold no more.

    :raises NotFound: when there is no such group, or the server does not have it
    """
    _change_groups(request, instance, "removeSecurityGroup", body["name"])


def _change_groups(request: Request, instance: Instance, name: str, group: str) -> None:
    guards.check(request, instance, name)
    requested_networks.must_be_served(request)
    try:
        [group_id] = requested_networks.groups(request, [group], instance.project_id)
    except requested_networks.Missing as error:
        raise exceptions.NotFound(f"Security group {group} not found for project {instance.project_id}.") from error

    def change(tx: Transaction) -> None:
        instances.update(tx, instance.uuid, {"vm_state": (instance.vm_state,), "task_state": (instance.task_state,)})
        if not ports.change_groups(tx, instance.uuid, group_id, add=name == "addSecurityGroup"):
            raise exceptions.NotFound(
                f"Security group {group} not associated with the instance {instance.uuid}")
        _note(tx, request, instance, name)

    with guards.lost_races(request.api, instance, name):
        request.api.db.write(change)
    request.note(f"{name} done", instance)
