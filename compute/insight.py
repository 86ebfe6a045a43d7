"""What users are told of a guest that runs here: what it has written, and how it is doing (spec 8.9). Nothing is
changed, so there is no state to take."""

from __future__ import annotations

from typing import Any

from novasim import exceptions, states
from novasim.compute.agents import Agents
from novasim.compute.virt.driver import Nic
from novasim.context import RequestContext
from novasim.db import ports
from novasim.objects import Instance


def _nics(agents: Agents, instance: Instance) -> list[Nic]:
    """The NICs of a guest, in the order in which it got them."""
    found: dict[str, Nic] = {}
    for row in agents.db.read(ports.of_servers, [instance.uuid])[instance.uuid]:
        addresses = found[row.port_id].ip_addresses if row.port_id in found else ()
        more = (row.ip_address,) if row.ip_address else ()
        found[row.port_id] = Nic(row.mac_address, addresses + more)
    return list(found.values())


def get_console_output(agents: Agents, ctxt: RequestContext, instance: Instance, tail_length: int | None) -> str:
    """The last lines that a guest has written to its console; None: all of them."""
    text = agents.driver.get_console_output(ctxt.addressed_host or "", instance.uuid, instance.hostname or "",
                                            _nics(agents, instance))
    lines = text.split("\n")
    return text if tail_length is None else "\n".join(lines[max(len(lines) - tail_length, 0):])


def get_instance_diagnostics(agents: Agents, ctxt: RequestContext, instance: Instance) -> dict[str, Any]:
    """How a guest is doing.

    :raises InstanceInvalidState: when it does not run
    """
    host, made = ctxt.addressed_host or "", instance.launched_at or agents.clock.now()
    told = agents.driver.get_instance_diagnostics(
        host, instance.uuid, _nics(agents, instance), max(int((agents.clock.now() - made).total_seconds()), 0))
    if agents.driver.power_state(host, instance.uuid) != states.RUNNING:
        raise exceptions.InstanceInvalidState(action="get_diagnostics", instance_uuid=instance.uuid,
                                              attr="power state", state=told["state"])
    return told | {"config_drive": bool(instance.config_drive)}


def get_diagnostics(agents: Agents, ctxt: RequestContext, instance: Instance) -> dict[str, int]:
    """The same in the words of one hypervisor, as the API had it before 2.48."""
    told = get_instance_diagnostics(agents, ctxt, instance)
    [disk] = told["disk_details"]
    found = {f"cpu{cpu['id']}_time": cpu["time"] for cpu in told["cpu_details"]}
    found |= {"memory": told["memory_details"]["maximum"] * 1024, "vda_read": disk["read_bytes"],
              "vda_read_req": disk["read_requests"], "vda_write": disk["write_bytes"],
              "vda_write_req": disk["write_requests"], "vda_errors": disk["errors_count"]}
    for number, nic in enumerate(told["nic_details"], 1):
        for way in ("rx", "tx"):
            found |= {f"vnet{number}_{way}": nic[f"{way}_octets"]} | {
                f"vnet{number}_{way}_{what}": nic[f"{way}_{what}"] for what in ("packets", "errors", "drop")}
    return found
