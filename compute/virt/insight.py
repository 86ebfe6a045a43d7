"""What simulated guests tell of themselves: the log of their boot, and how busy they are.

Nothing runs in them, so all of it follows from what the hypervisor holds of a guest, from its id and from its age:
asked twice it is the same, and two guests differ.
"""

from __future__ import annotations

import abc
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from novasim import states
from novasim.compute.virt.driver import Guest, Nic
from novasim.sim.profiles import Profile

MIB = 1024 ** 2
# Of the memory of a guest, what it uses; of the bandwidth of its disk and of each NIC, bytes a second in and out.
_USED_MEMORY, _DISK_READ, _DISK_WRITE, _RECEIVED, _SENT = 0.4, 512, 2048, 4096, 1024
_DISK_REQUEST, _PACKET = 4096, 256
_STATES = {states.RUNNING: "running", states.POWER_PAUSED: "paused", states.SHUTDOWN: "shutdown",
           states.CRASHED: "crashed", states.POWER_SUSPENDED: "suspended"}

_KERNEL = """\
Linux version 6.6.32-0-virt (buildozer@build-3-20-x86_64) (gcc 13.2.1) #1-Alpine SMP PREEMPT_DYNAMIC
Command line: BOOT_IMAGE=/boot/vmlinuz-virt root=LABEL=rootfs ro console=tty1 console=ttyS0,115200n8
BIOS-provided physical RAM map:
BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
BIOS-e820: [mem 0x0000000000100000-0x{top:016x}] usable
NX (Execute Disable) protection: active
DMI: novasim {uuid}, BIOS 1.16.3-1 04/01/2014
Hypervisor detected: KVM
kvm-clock: Using msrs 4b564d01 and 4b564d00
tsc: Detected {mhz}.000 MHz processor
last_pfn = 0x{pages:x} max_arch_pfn = 0x400000000
ACPI: PM-Timer IO Port: 0x608
smpboot: Allowing {vcpus} CPUs, 0 hotplug CPUs
Memory: {free}K/{memory}K available
SLUB: HWalign=64, Order=0-3, MinObjects=0, CPUs={vcpus}, Nodes=1
rcu: Hierarchical RCU implementation.
smp: Brought up 1 node, {vcpus} CPU{s}
smpboot: Total of {vcpus} processors activated ({mips:.2f} BogoMIPS)
devtmpfs: initialized
NET: Registered PF_INET protocol family
PCI: Using configuration type 1 for base access
SCSI subsystem initialized
clocksource: Switched to clocksource kvm-clock
Trying to unpack rootfs image as initramfs...
Serial: 8250/16550 driver, 4 ports, IRQ sharing enabled
00:00: ttyS0 at I/O 0x3f8 (irq = 4, base_baud = 115200) is a 16550A
virtio_blk virtio1: [vda] {sectors} 512-byte logical blocks
 vda: vda1
EXT4-fs (vda1): mounted filesystem with ordered data mode. Quota mode: none.
Run /sbin/init as init process"""


def _kernel(guest: Guest, mhz: int) -> Iterator[str]:
    """The lines of the kernel, each with its seconds since power-on."""
    memory, seed = guest.memory_mb * 1024, uuid.UUID(guest.instance_uuid).int
    text = _KERNEL.format(
        uuid=guest.instance_uuid, top=guest.memory_mb * MIB - 1, pages=guest.memory_mb * MIB >> 12, mhz=mhz,
        memory=memory, free=memory * 15 // 16, vcpus=guest.vcpus, s="s" * (guest.vcpus > 1),
        mips=2.0 * mhz * guest.vcpus, sectors=guest.disk_bytes // 512)
    microseconds = 0
    for number, line in enumerate(text.split("\n")):
        yield f"[{microseconds / 1e6:12.6f}] {line}"
        # The first lines are written before there is a clock.
        microseconds += (number > 4) * (500 + (seed >> number % 100) % 90_000)


def _services(guest: Guest, hostname: str, nics: Sequence[Nic]) -> Iterator[str]:
    """The lines of what the kernel started, up to where somebody can log in."""
    yield " * Mounting /proc ... [ ok ]"
    yield " * Setting hostname ... [ ok ]"
    for number, nic in enumerate(nics):
        yield f" * Starting networking: eth{number} ({nic.mac_address}) ... [ ok ]"
        yield from (f"ci-info: eth{number}: True, {address}, {nic.mac_address}" for address in nic.ip_addresses)
    yield " * Starting busybox crond ... [ ok ]"
    yield " * Starting sshd ... [ ok ]"
    yield f"instance-id: {guest.instance_uuid}"
    if guest.power_state == states.SHUTDOWN:
        yield "The system is going down NOW!"
        yield "Requesting system poweroff"
        yield "reboot: Power down"
    else:
        yield f"\n{hostname} login: "


class SimulatedInsight(abc.ABC):
    """The verbs that ask.

    :ivar _profiles: the shapes of hosts
    """

    _profiles: defaultdict[str, Profile]

    @abc.abstractmethod
    def _guest(self, host: str, instance_uuid: str) -> Guest:
        """
        :raises GuestNotFound: when there is none
        """

    def require_guest(self, host: str, instance_uuid: str) -> None:
        self._guest(host, instance_uuid)

    def get_console_output(self, host: str, instance_uuid: str, hostname: str, nics: Sequence[Nic]) -> str:
        guest = self._guest(host, instance_uuid)
        return "\n".join([*_kernel(guest, self._profiles[host].cpu_mhz), *_services(guest, hostname, nics)])

    def get_instance_diagnostics(self, host: str, instance_uuid: str, nics: Sequence[Nic],
                                 uptime_s: int) -> dict[str, Any]:
        guest, load = self._guest(host, instance_uuid), self._profiles[host].cpu_load
        received, sent = _RECEIVED * uptime_s, _SENT * uptime_s
        read, written = _DISK_READ * uptime_s, _DISK_WRITE * uptime_s
        return {
            # The API knows of no other driver that makes guests on hosts of its own.
            "state": _STATES.get(guest.power_state, "pending"), "driver": "libvirt", "hypervisor": "novasim",
            "hypervisor_os": "linux", "uptime": uptime_s, "config_drive": False, "num_cpus": guest.vcpus,
            "num_nics": len(nics), "num_disks": 1,
            "memory_details": {"maximum": guest.memory_mb, "used": int(guest.memory_mb * _USED_MEMORY)},
            "cpu_details": [{"id": number, "time": int(uptime_s * load * 1_000_000_000), "utilisation": int(100 * load)}
                            for number in range(guest.vcpus)],
            "disk_details": [{"read_bytes": read, "read_requests": read // _DISK_REQUEST, "write_bytes": written,
                              "write_requests": written // _DISK_REQUEST, "errors_count": 0}],
            "nic_details": [{
                "mac_address": nic.mac_address, "rx_octets": received, "rx_packets": received // _PACKET,
                "rx_errors": 0, "rx_drop": 0, "rx_rate": _RECEIVED, "tx_octets": sent, "tx_packets": sent // _PACKET,
                "tx_errors": 0, "tx_drop": 0, "tx_rate": _SENT} for nic in nics]}
