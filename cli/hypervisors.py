"""Hypervisors: the simulated hosts and what is used of them."""

import argparse

from novasim.cli import lookup
from novasim.cli.command import Lister, Record, ShowOne, Table, cells

COLUMNS = {
    "ID": "id",
    "Hypervisor Hostname": "hypervisor_hostname",
    "State": "state",
    "Status": "status",
    "Servers": "running_vms",
    "VCPUs Used": "vcpus_used",
    "VCPUs": "vcpus",
    "RAM Used (MB)": "memory_mb_used",
    "RAM (MB)": "memory_mb",
    "Disk Used (GB)": "local_gb_used",
    "Disk (GB)": "local_gb",
}


class List(Lister):
    """List hypervisors."""

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Ask for the hypervisors."""
        rows = self.client.pages("/os-hypervisors/detail", "hypervisors")
        return tuple(COLUMNS), [cells(row.get(field) for field in COLUMNS.values()) for row in rows]


class Show(ShowOne):
    """Show a hypervisor."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the hypervisor."""
        parser.add_argument("hypervisor", metavar="HYPERVISOR", help="id or host name of the hypervisor")

    def take_action(self, parsed_args: argparse.Namespace) -> Record:
        """Find the hypervisor and show all its fields."""
        found = lookup.hypervisor(self.client, parsed_args.hypervisor)
        names = sorted(found)
        return names, cells(found[name] for name in names)
