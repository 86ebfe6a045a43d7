"""The shapes of simulated hosts: etc/novasim/profiles/*.yaml."""

from __future__ import annotations

import msgspec
import yaml

from novasim import exceptions
from novasim.sim import books


class Profile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """vCPUs, MB, GB, megabits a second, MHz, the part of a virtual disk that holds data, and the part of its vCPUs that
    a guest keeps busy while it runs."""

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


def load(name: str) -> Profile:
    """A profile by its name, or by the path of its file.

    :raises ConfigurationError: naming those that there are
    :raises Invalid: when it cannot be read
    """
    return Profile.parse(name, books.read("profiles", name))
