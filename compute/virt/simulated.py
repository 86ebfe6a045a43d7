"""The simulated hypervisors: what each operation costs comes from the stages, how it may fail from stages and fault
rules, what it leaves is written to the store.
"""

from __future__ import annotations

import collections
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from novasim import exceptions, states
from novasim.compute.virt.driver import BACKUP, GUEST, Guest
from novasim.compute.virt.insight import SimulatedInsight
from novasim.compute.virt.live_migration import SimulatedLiveMigration
from novasim.compute.virt.network import Network
from novasim.compute.virt.power import SimulatedPower
from novasim.compute.virt.store import GuestStore
from novasim.objects import ComputeNode, Flavor
from novasim.sim.clock import Clock
from novasim.sim.faults import Faults
from novasim.sim.profiles import Profile
from novasim.sim.stages import StageBook

GIB = 1024 ** 3
# Where images are sent: one more end of the network.
IMAGE_STORE = "image store"


def _cpu_stats(profile: Profile, running: int) -> dict[str, float]:
    busy = min(running * profile.cpu_load / profile.vcpus, 1.0)
    shares = {"user": 0.85, "kernel": 0.1, "iowait": 0.05}
    stats = {f"{what}.percent": round(share * busy, 4) for what, share in shares.items()}
    return stats | {"percent": round(busy, 4), "idle.percent": round(1 - busy, 4), "frequency": float(profile.cpu_mhz)}


class SimulatedDriver(SimulatedPower, SimulatedInsight, SimulatedLiveMigration):
    """All hypervisors of a process.

    :param state_path: directory of the durable truth
    :param profile: of each host that has no other one (:meth:`equip`)
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
        self._profiles: collections.defaultdict[str, Profile] = collections.defaultdict(lambda: profile)

    def equip(self, hosts: Iterable[str], profile: Profile) -> None:
        if profile == self._profile:
            return
        for host in hosts:
            self._profiles[host] = profile
            self._network.nics[host] = profile.nic_mbps

    def close(self) -> None:
        self._store.close()

    def _spend(self, verb: str, host: str, instance_uuid: str) -> None:
        self._meet_faults(verb, host, instance_uuid)
        # A fault may have taken its time; who has not lived to see its end does no more.
        self._clock.sleep(0)
        self._stages.play(verb, host)

    def get_available_resource(self, host: str) -> ComputeNode:
        profile = self._profiles[host]
        cpu: dict[str, Any] = {"arch": "x86_64", "model": "novasim", "vendor": "novasim", "features": [],
                               "topology": {"cores": profile.vcpus, "sockets": 1, "threads": 1}}
        return ComputeNode(uuid="", host=host, hypervisor_hostname=host, vcpus=profile.vcpus,
                           memory_mb=profile.memory_mb, local_gb=profile.local_gb,
                           cpu_info=json.dumps(cpu), supported_instances='[["x86_64", "novasim", "hvm"]]')

    def get_host_cpu_stats(self, hosts: Iterable[str]) -> dict[str, dict[str, float]]:
        vcpus = dict.fromkeys(hosts, 0)
        for guest in self._store.list(vcpus):
            if guest.role == GUEST and guest.power_state == states.RUNNING:
                vcpus[guest.host] += guest.vcpus
        return {host: _cpu_stats(self._profiles[host], count) for host, count in vcpus.items()}

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

    def _disk_bytes(self, host: str, flavor: Flavor) -> int:
        return int(flavor.disk_gb * GIB * self._profiles[host].disk_fill)

    def spawn(self, host: str, instance_uuid: str, flavor: Flavor) -> None:
        self._spend("spawn", host, instance_uuid)
        self._make(host, instance_uuid, flavor, states.RUNNING, self._disk_bytes(host, flavor))

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
        self._clock.sleep(0)
        self._store.turn(host, instance_uuid, BACKUP, states.SHUTDOWN)
        self._stages.play("migrate_disk_and_power_off", host)
        if self._stages.copy_disks:
            self._network.copy(host, dest_host, guest.disk_bytes)
        return json.dumps({"disk_bytes": guest.disk_bytes})

    def finish_migration(self, host: str, instance_uuid: str, disk_info: str, flavor: Flavor,
                         power_on: bool) -> None:
        self._spend("finish_migration", host, instance_uuid)
        arrived = json.loads(disk_info)["disk_bytes"] if disk_info else self._disk_bytes(host, flavor)
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
