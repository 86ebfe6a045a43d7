"""The simulated hypervisors: what each operation costs comes from the stages, how it may fail from stages and fault
rules, what it leaves is written to the store.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from novasim import exceptions, states
from novasim.compute.virt.driver import BACKUP, GUEST, Guest
from novasim.compute.virt.live_migration import SimulatedLiveMigration
from novasim.compute.virt.network import Network
from novasim.compute.virt.power import SimulatedPower
from novasim.compute.virt.store import GuestStore
from novasim.objects import ComputeNode, Flavor
from novasim.sim.clock import Clock
from novasim.sim.faults import Faults
from novasim.sim.stages import StageBook

GIB = 1024 ** 3
# Where images are sent: one more end of the network.
IMAGE_STORE = "image store"


class Profile(msgspec.Struct, forbid_unknown_fields=True):
    """The shape of a host: vCPUs, MB, GB, megabits a second, MHz, the part of a virtual disk that holds data, and the
    part of its vCPUs that a guest keeps busy while it runs."""

    vcpus: int
    memory_mb: int
    local_gb: int
    nic_mbps: float = 10000
    disk_fill: float = 0.1
    cpu_mhz: int = 2600
    cpu_load: float = 0.2

    @classmethod
    def parse(cls, name: str, text: str) -> Profile:
        """Read a profile's YAML.

        :raises Invalid: naming the profile and what is wrong
        """
        try:
            return msgspec.convert(yaml.safe_load(text), cls)
        except (msgspec.ValidationError, yaml.YAMLError) as error:
            raise exceptions.Invalid(f"profile {name}: {error}") from error


class SimulatedDriver(SimulatedPower, SimulatedLiveMigration):
    """All hypervisors of a process, of one profile.

    :param state_path: directory of the durable truth
    :param synchronous: whether that waits for the disk
    """

    def __init__(self, state_path: Path, profile: Profile, stages: StageBook, faults: Faults, clock: Clock,
                 synchronous: bool = True):
        super().__init__()
        self._profile = profile
        self._clock = clock
        self._stages = stages
        self._faults = faults
        self._store = GuestStore(state_path / "hypervisors.sqlite", synchronous)
        self._network = Network(clock, profile.nic_mbps)

    def close(self) -> None:
        self._store.close()

    def _spend(self, verb: str, host: str, instance_uuid: str) -> None:
        self._faults.at(f"virt.{verb}", host=host, instance=instance_uuid)
        self._stages.play(verb, host)

    def get_available_resource(self, host: str) -> ComputeNode:
        cpu: dict[str, Any] = {"arch": "x86_64", "model": "novasim", "vendor": "novasim", "features": [],
                               "topology": {"cores": self._profile.vcpus, "sockets": 1, "threads": 1}}
        return ComputeNode(uuid="", host=host, hypervisor_hostname=host, vcpus=self._profile.vcpus,
                           memory_mb=self._profile.memory_mb, local_gb=self._profile.local_gb,
                           cpu_info=json.dumps(cpu), supported_instances='[["x86_64", "novasim", "hvm"]]')

    def get_host_cpu_stats(self, hosts: Iterable[str]) -> dict[str, dict[str, float]]:
        vcpus = dict.fromkeys(hosts, 0)
        for guest in self._store.list(vcpus):
            if guest.role == GUEST and guest.power_state == states.RUNNING:
                vcpus[guest.host] += guest.vcpus
        return {host: self._cpu_stats(count) for host, count in vcpus.items()}

    def _cpu_stats(self, running: int) -> dict[str, float]:
        busy = min(running * self._profile.cpu_load / self._profile.vcpus, 1.0)
        shares = {"user": 0.85, "kernel": 0.1, "iowait": 0.05}
        stats = {f"{what}.percent": round(share * busy, 4) for what, share in shares.items()}
        return stats | {"percent": round(busy, 4), "idle.percent": round(1 - busy, 4),
                        "frequency": float(self._profile.cpu_mhz)}

    def list_guests(self, hosts: Iterable[str] | None = None) -> list[Guest]:
        return self._store.list(hosts)

    def power_state(self, host: str, instance_uuid: str) -> int:
        guest = self._store.get(host, instance_uuid)
        return states.NOSTATE if guest is None else guest.power_state

    def _guest(self, host: str, instance_uuid: str) -> Guest:
        guest = self._store.get(host, instance_uuid)
        if guest is None:
            raise exceptions.GuestNotFound(host=host, instance_uuid=instance_uuid)
        return guest

    def _make(self, host: str, instance_uuid: str, flavor: Flavor, power_state: int, disk_bytes: int) -> None:
        self._store.put(Guest(host, instance_uuid, GUEST, power_state, flavor.vcpus, flavor.memory_mb, disk_bytes))

    def _disk_bytes(self, flavor: Flavor) -> int:
        return int(flavor.disk_gb * GIB * self._profile.disk_fill)

    def spawn(self, host: str, instance_uuid: str, flavor: Flavor) -> None:
        self._spend("spawn", host, instance_uuid)
        self._make(host, instance_uuid, flavor, states.RUNNING, self._disk_bytes(flavor))

    def destroy(self, host: str, instance_uuid: str, keep_backup: bool = False) -> None:
        self.live_migration_abort(host, instance_uuid)
        self._spend("destroy", host, instance_uuid)
        self._store.remove(host, instance_uuid, [GUEST] if keep_backup else [GUEST, BACKUP])

    def remove(self, guest: Guest) -> None:
        self._store.remove(guest.host, guest.instance_uuid, [guest.role])

    def _turn(self, verb: str, host: str, instance_uuid: str, power_state: int | None) -> None:
        self._guest(host, instance_uuid)
        self._spend(verb, host, instance_uuid)
        if power_state is not None:
            self._store.set_power(host, instance_uuid, power_state)

    def snapshot(self, host: str, instance_uuid: str, before_upload: Callable[[], None]) -> int:
        guest = self._guest(host, instance_uuid)
        self._spend("snapshot", host, instance_uuid)
        before_upload()
        if self._stages.copy_disks:
            self._network.copy(host, IMAGE_STORE, guest.disk_bytes)
        return guest.disk_bytes

    def migrate_disk_and_power_off(self, host: str, instance_uuid: str, dest_host: str, flavor: Flavor) -> str:
        guest = self._store.get(host, instance_uuid) or self._store.get(host, instance_uuid, BACKUP)
        if guest is None:
            raise exceptions.GuestNotFound(host=host, instance_uuid=instance_uuid)
        self._faults.at("virt.migrate_disk_and_power_off", host=host, instance=instance_uuid)
        self._store.turn(host, instance_uuid, BACKUP, states.SHUTDOWN)
        self._stages.play("migrate_disk_and_power_off", host)
        if self._stages.copy_disks:
            self._network.copy(host, dest_host, guest.disk_bytes)
        return json.dumps({"disk_bytes": guest.disk_bytes})

    def finish_migration(self, host: str, instance_uuid: str, disk_info: str, flavor: Flavor,
                         power_on: bool) -> None:
        self._spend("finish_migration", host, instance_uuid)
        arrived = json.loads(disk_info)["disk_bytes"] if disk_info else self._disk_bytes(flavor)
        self._make(host, instance_uuid, flavor, states.RUNNING if power_on else states.SHUTDOWN, arrived)

    def confirm_migration(self, host: str, instance_uuid: str) -> None:
        self._spend("confirm_migration", host, instance_uuid)
        self._store.remove(host, instance_uuid, [BACKUP])

    def finish_revert_migration(self, host: str, instance_uuid: str, power_on: bool) -> None:
        self._spend("finish_revert_migration", host, instance_uuid)
        power_state = states.RUNNING if power_on else states.SHUTDOWN
        if self._store.get(host, instance_uuid, BACKUP) is None:
            # Put back already, by a try whose end was not recorded.
            self._guest(host, instance_uuid)
            self._store.set_power(host, instance_uuid, power_state)
            return
        self._store.turn(host, instance_uuid, GUEST, power_state)
