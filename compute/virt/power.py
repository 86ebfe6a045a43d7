"""The verbs of the simulated hypervisors that only turn a guest from one power state into another."""

from __future__ import annotations

import abc

from novasim import states


class SimulatedPower(abc.ABC):
    """Each verb with the power state that the guest is in after it."""

    @abc.abstractmethod
    def _turn(self, verb: str, host: str, instance_uuid: str, power_state: int | None) -> None:
        """Spend what a verb costs, then change the guest's power state; None leaves it.

        :raises GuestNotFound: when there is no guest
        """

    def power_on(self, host: str, instance_uuid: str) -> None:
        self._turn("power_on", host, instance_uuid, states.RUNNING)

    def power_off(self, host: str, instance_uuid: str) -> None:
        self._turn("power_off", host, instance_uuid, states.SHUTDOWN)

    def reboot(self, host: str, instance_uuid: str) -> None:
        self._turn("reboot", host, instance_uuid, states.RUNNING)

    def pause(self, host: str, instance_uuid: str) -> None:
        self._turn("pause", host, instance_uuid, states.POWER_PAUSED)

    def unpause(self, host: str, instance_uuid: str) -> None:
        self._turn("unpause", host, instance_uuid, states.RUNNING)

    def suspend(self, host: str, instance_uuid: str) -> None:
        self._turn("suspend", host, instance_uuid, states.POWER_SUSPENDED)

    def resume(self, host: str, instance_uuid: str) -> None:
        self._turn("resume", host, instance_uuid, states.RUNNING)

    def rescue(self, host: str, instance_uuid: str) -> None:
        self._turn("rescue", host, instance_uuid, states.RUNNING)

    def unrescue(self, host: str, instance_uuid: str) -> None:
        self._turn("unrescue", host, instance_uuid, states.RUNNING)

    def set_admin_password(self, host: str, instance_uuid: str) -> None:
        self._turn("set_admin_password", host, instance_uuid, None)

    def inject_nmi(self, host: str, instance_uuid: str) -> None:
        self._turn("inject_nmi", host, instance_uuid, None)
