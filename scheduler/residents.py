"""The servers on each host, counted: how many, how many that keep the disk busy, of which flavor and image.

The database says where a server is; a server that was just given a host is counted there at once, and until the
database says so too. Only schedulers whose filters or weighers ask for it (``needs_residents``) look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from novasim import states
from novasim.objects import Resident
from novasim.scheduler.arrays import Array

# What makes a server one that keeps its host's disk busy (spec 7.3).
_BUSY_TASKS = frozenset({states.RESIZE_MIGRATING, states.REBUILDING, states.RESIZE_PREP, states.IMAGE_SNAPSHOT,
                         states.IMAGE_BACKUP})


def _is_busy(server: Resident) -> bool:
    return server.vm_state == states.BUILDING or server.task_state in _BUSY_TASKS


class Residents:
    """Who is on which row of a fleet.

    :param count: how many rows there are
    :param tracked: False where nobody asks who is there; then only :attr:`num_instances` is kept
    """

    def __init__(self, count: int, tracked: bool = False):
        self._count = count
        self.tracked = tracked
        self.num_instances: Array = np.zeros(count, dtype="int64")
        self.num_io_ops: Array = np.zeros(count, dtype="int64")
        self.image_properties: dict[str, dict[str, str]] = {}
        self._by_type: dict[int, Array] = {}
        self._by_image: dict[str, Counter[int]] = {}
        self._at: dict[str, tuple[int, Resident]] = {}
        self._by_row: dict[int, dict[str, Resident]] = {}
        # Given a host by this scheduler, not seen there yet: uuid -> (row, server, when).
        self._expected: dict[str, tuple[int, Resident, Any]] = {}

    def on(self, row: int) -> dict[str, Resident]:
        """The servers on one host, by uuid; those that are expected there among them."""
        expected = {uuid: server for uuid, (where, server, _) in self._expected.items() if where == row}
        return expected | self._by_row.get(row, {})

    def of_type(self, instance_type_id: int) -> Array:
        """How many servers of a flavor each host has."""
        return self._by_type.get(instance_type_id, np.zeros(self._count, dtype="int64"))

    def by_image(self) -> Mapping[str, Mapping[int, int]]:
        """How many servers of each image the hosts have, by row."""
        return self._by_image

    def unknown_images(self) -> list[str]:
        """The images of servers whose properties were not read yet."""
        return [image for image in self._by_image if image not in self.image_properties]

    def write(self, servers: Iterable[Resident], by_node: Mapping[tuple[str, str], int]) -> set[int]:
        """Take over what the database says of some servers; returns the rows of which it changed what is there."""
        changed = set()
        for server in servers:
            row = None if server.deleted else by_node.get((server.host or "", server.node or ""))
            old = self._at.pop(server.uuid, None)
            if old is not None:
                self._count_one(*old, -1)
                del self._by_row[old[0]][server.uuid]
                changed.add(old[0])
            expected = self._expected.get(server.uuid)
            # An ERROR or a delete ends the wait as well: the server will not come.
            if expected is not None and (expected[0] == row or server.deleted or server.vm_state == states.ERROR):
                changed.add(expected[0])
                self.forget(server.uuid)
            if row is not None:
                self._at[server.uuid] = (row, server)
                self._by_row.setdefault(row, {})[server.uuid] = server
                self._count_one(row, server, 1)
                changed.add(row)
        return changed

    def expect(self, row: int, server: Resident | None, when: Any) -> None:
        """A server was given this host: it counts there from now on, and no longer where it was expected before."""
        if not self.tracked or server is None:
            self.num_instances[row] += 1
            return
        self.forget(server.uuid)
        self._expected[server.uuid] = (row, server, when)
        self._count_one(row, server, 1)

    def unexpect(self, row: int, server: Resident | None) -> None:
        """Take an :meth:`expect` back."""
        if not self.tracked or server is None:
            self.num_instances[row] -= 1
        else:
            self.forget(server.uuid)

    def forget(self, uuid: str) -> None:
        """No longer expect a server."""
        if uuid in self._expected:
            row, server, _ = self._expected.pop(uuid)
            self._count_one(row, server, -1)

    def keep_expected(self, older: Residents, since: Any, moved: Mapping[int, int]) -> None:
        """Carry over servers given away at or after a time, where the database does not have them yet.

        :param moved: rows of the older fleet -> rows of this one
        """
        for uuid, (row, server, when) in older._expected.items():
            here = moved.get(row)
            if when >= since and here is not None and self._at.get(uuid, (None,))[0] != here:
                self.expect(here, server, when)

    def _count_one(self, row: int, server: Resident, sign: int) -> None:
        self.num_instances[row] += sign
        if _is_busy(server):
            self.num_io_ops[row] += sign
        if server.instance_type_id not in self._by_type:
            self._by_type[server.instance_type_id] = np.zeros(self._count, dtype="int64")
        self._by_type[server.instance_type_id][row] += sign
        if server.image_ref:
            images = self._by_image.setdefault(server.image_ref, Counter())
            images[row] += sign
            if not images[row]:
                del images[row]
