"""What a replay does with the VMs of a trace: the flavors they need, and which of them are resized to what.

The plan depends on the trace and the seed alone, not on how fast the cluster is: two runs ask for the same.
"""

import dataclasses
import random
from collections.abc import Iterable, Iterator
from typing import Any

from novasim.cli.flavors import new_flavor
from novasim.cli.trace_azure import Event, Shape, Vm

PREFIX = "azure."
MB_PER_GIB = 1024
# The trace says nothing of disks. With 10 GB a vCPU the largest VM has 160 GB, and a host of 256 GiB and 4 TB
# is full of memory before it is full of disk for most mixes of flavors, as real hosts are.
DISK_GB_PER_VCPU = 10


@dataclasses.dataclass(frozen=True)
class Job:
    """What to do at one event: boot a VM and perhaps resize it to another flavor letter, or delete it."""

    vm: Vm
    ends: bool
    resize_to: str | None = None


def flavor_of(shape: Shape) -> dict[str, Any]:
    """Return the flavor for a shape of the trace, as a create request wants it."""
    name = f"{PREFIX}{shape.letter}"
    return new_flavor(name=name, id=name, ram=round(shape.memory_gib * MB_PER_GIB),
                      disk=shape.vcpus * DISK_GB_PER_VCPU, vcpus=shape.vcpus)


def larger(shape: Shape, shapes: Iterable[Shape]) -> list[str]:
    """Return the letters of the shapes that a VM can grow to: more memory, and no fewer vCPUs (nor disk)."""
    return sorted(other.letter for other in shapes
                  if other.memory_gib > shape.memory_gib and other.vcpus >= shape.vcpus)


def jobs(events: Iterable[Event], shapes: dict[str, Shape], share: float, seed: int | None) -> Iterator[Job]:
    """Give the jobs of the events, in their order.

    :param share: part of the VMs to resize, 0 to 1; those of the largest shape cannot be
    :param seed: of the choice; None for another one each time
    """
    chance = random.Random(seed)
    choices = {letter: larger(shape, shapes.values()) for letter, shape in shapes.items()}
    for event in events:
        growth = () if event.ends else choices[event.vm.letter]
        grows = growth and chance.random() < share
        yield Job(event.vm, event.ends, chance.choice(growth) if grows else None)
