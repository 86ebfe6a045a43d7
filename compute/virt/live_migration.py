"""Live migrations between the simulated hypervisors: memory, and disks where they are not shared, are copied while the
guest runs and dirties its memory again, until what is left can be copied within the downtime that is allowed.

How fast guests dirty their memory is said by the book of stages; the bandwidth is that of the network, shared with all
other copies. A guest that dirties faster than the network copies never gets there by itself.
"""

from __future__ import annotations

import abc
import threading
from collections.abc import Callable

from novasim import exceptions, states
from novasim.compute.virt.driver import GUEST, Guest, Patience, Transferred
from novasim.compute.virt.network import Interrupt, Network
from novasim.compute.virt.store import GuestStore
from novasim.objects import Flavor
from novasim.sim.clock import Clock
from novasim.sim.faults import Faults
from novasim.sim.stages import StageBook

MIB = 1024 ** 2
# Seconds between two reports; a copy is told of what happens to it at least as often.
_REPORT_EVERY = 1.0


class _Transfer:
    """One copy under way, and what others may ask of it meanwhile."""

    def __init__(self, memory_total: int, disk_total: int):
        self.memory_total, self.disk_total = memory_total, disk_total
        self.memory_left, self.disk_left, self.memory_sent = float(memory_total), float(disk_total), 0.0
        self.aborted = self.forced = False
        self.interrupt = Interrupt()

    @property
    def left(self) -> float:
        """Bytes; disks go first."""
        return self.disk_left + self.memory_left

    def sent(self, size: float, dirtied: float) -> None:
        """Note what could be copied, and what of the memory was dirtied meanwhile; bytes."""
        of_disk = min(size, self.disk_left)
        self.disk_left -= of_disk
        of_memory = min(size - of_disk, self.memory_left + dirtied)
        self.memory_sent += of_memory
        self.memory_left = min(self.memory_left + dirtied - of_memory, self.memory_total)

    def ask(self, abort: bool) -> None:
        """Give up, or let the guest dirty its memory no more: it goes on at the destination from now on."""
        self.aborted |= abort
        self.forced |= not abort
        self.interrupt.set()

    def progress(self) -> Transferred:
        return Transferred(self.memory_total, int(self.memory_sent), int(self.memory_left),
                           self.disk_total, int(self.disk_total - self.disk_left), int(self.disk_left))


class SimulatedLiveMigration(abc.ABC):
    """The verbs of a live migration, in their order."""

    _store: GuestStore
    _network: Network
    _stages: StageBook
    _faults: Faults
    _clock: Clock

    def __init__(self) -> None:
        self._transfers: dict[tuple[str, str], _Transfer] = {}
        self._transfers_lock = threading.Lock()

    @abc.abstractmethod
    def _guest(self, host: str, instance_uuid: str) -> Guest:
        """:raises GuestNotFound: when there is none"""

    @abc.abstractmethod
    def _spend(self, verb: str, host: str, instance_uuid: str) -> None:
        """What a verb costs."""

    def _meet_faults(self, verb: str, host: str, instance_uuid: str, wake: threading.Event | None = None) -> None:
        """Where fault rules act; ``wake`` ends what they make hang."""
        if self._faults.rules:
            self._faults.at(f"virt.{verb}", wake, host=host, instance=instance_uuid)
            # A fault may have taken its time; who has not lived to see its end does no more.
            self._clock.sleep(0)

    @abc.abstractmethod
    def _make(self, host: str, instance_uuid: str, flavor: Flavor, power_state: int, disk_bytes: int) -> None:
        """Write a guest to the store."""

    def check_can_live_migrate_source(self, host: str, instance_uuid: str, block_migration: bool) -> Transferred:
        self._spend("check_can_live_migrate_source", host, instance_uuid)
        guest = self._guest(host, instance_uuid)
        if guest.power_state not in (states.RUNNING, states.POWER_PAUSED):
            raise exceptions.HypervisorError(host=host, operation="live_migration", reason="the guest does not run")
        return _Transfer(guest.memory_mb * MIB, guest.disk_bytes if block_migration else 0).progress()

    def pre_live_migration(self, host: str, instance_uuid: str, flavor: Flavor) -> None:
        self._spend("pre_live_migration", host, instance_uuid)
        self._make(host, instance_uuid, flavor, states.POWER_PAUSED, self._disk_bytes(host, flavor))

    @abc.abstractmethod
    def _disk_bytes(self, host: str, flavor: Flavor) -> int:
        """What the disks of a new guest hold."""

    def live_migration(self, host: str, instance_uuid: str, dest_host: str, total: Transferred, patience: Patience,
                       report: Callable[[Transferred], None]) -> None:
        guest = self._guest(host, instance_uuid)
        transfer = _Transfer(total.memory_total, total.disk_total)
        transfer.forced = guest.power_state == states.POWER_PAUSED
        with self._transfers_lock:
            self._transfers[host, instance_uuid] = transfer
        try:
            report(transfer.progress())
            self._meet_faults("live_migration", host, instance_uuid, transfer.interrupt.changed)
            self._stages.play("live_migration", host)
            self._copy(host, dest_host, instance_uuid, transfer, patience, report)
        finally:
            with self._transfers_lock:
                # One that was aborted may still end when the next one of its guest has begun.
                if self._transfers.get((host, instance_uuid)) is transfer:
                    del self._transfers[host, instance_uuid]
        report(transfer.progress())

    def _copy(self, host: str, dest_host: str, instance_uuid: str, transfer: _Transfer, patience: Patience,
              report: Callable[[Transferred], None]) -> None:
        began = reported = self._clock.monotonic()
        rate = min(self._network.bytes_per_s(end) for end in (host, dest_host))
        while True:
            if transfer.aborted:
                raise exceptions.LiveMigrationAborted(instance_uuid=instance_uuid, host=host, reason="it was cancelled")
            if not self._stages.copy_disks:
                return transfer.sent(transfer.left, 0)
            if transfer.left <= rate * patience.downtime_s:
                # The guest stands still for this last part: nothing is dirtied any more.
                self._network.copy(host, dest_host, int(transfer.left))
                return transfer.sent(transfer.left, 0)
            self._copy_some(host, dest_host, transfer, rate * _REPORT_EVERY)
            now = self._clock.monotonic()
            if now - reported >= _REPORT_EVERY:
                report(transfer.progress())
                reported = now
            if patience.timeout_s and now - began >= patience.timeout_s and not transfer.forced:
                if not patience.force:
                    raise exceptions.LiveMigrationAborted(
                        instance_uuid=instance_uuid, host=host, reason=f"not done after {patience.timeout_s:g} seconds")
                transfer.forced = True

    def _copy_some(self, host: str, dest_host: str, transfer: _Transfer, most: float) -> None:
        size, began = min(transfer.left, most), self._clock.monotonic()
        # One that is forced meanwhile has dirtied its memory until then.
        dirty_rate = 0.0 if transfer.forced else self._stages.dirty_mb_per_s * MIB
        unsent = self._network.copy(host, dest_host, int(size), transfer.interrupt)
        transfer.sent(size - unsent, (self._clock.monotonic() - began) * dirty_rate)

    def live_migration_abort(self, host: str, instance_uuid: str) -> None:
        self._ask(host, instance_uuid, abort=True)

    def live_migration_force_complete(self, host: str, instance_uuid: str) -> None:
        self._ask(host, instance_uuid, abort=False)

    def _ask(self, host: str, instance_uuid: str, abort: bool) -> None:
        with self._transfers_lock:
            transfer = self._transfers.get((host, instance_uuid))
        if transfer is not None:
            transfer.ask(abort)

    def post_live_migration(self, host: str, instance_uuid: str) -> None:
        self._spend("post_live_migration", host, instance_uuid)
        self._store.remove(host, instance_uuid, [GUEST])

    def post_live_migration_at_destination(self, host: str, instance_uuid: str, power_state: int) -> None:
        self._guest(host, instance_uuid)
        self._spend("post_live_migration_at_destination", host, instance_uuid)
        self._store.set_power(host, instance_uuid, power_state)

    def rollback_live_migration_at_destination(self, host: str, instance_uuid: str) -> None:
        self._spend("rollback_live_migration_at_destination", host, instance_uuid)
        self._store.remove(host, instance_uuid, [GUEST])
