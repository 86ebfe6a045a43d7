"""What a scheduler answers on the bus."""

from __future__ import annotations

from typing import Any

import msgspec

from novasim import exceptions
from novasim.context import RequestContext
from novasim.db.actions import full_text_of
from novasim.scheduler.driver import Driver
from novasim.sim.journal import Journal


class SchedulerEndpoints:
    """The methods of the RPC contract.

    :param driver: what chooses
    :param journal: where each choice is noted
    """

    def __init__(self, driver: Driver, journal: Journal):
        self.driver = driver
        self._journal = journal

    def select_destinations(self, ctxt: RequestContext, request_spec: dict[str, Any],
                            filter_properties: dict[str, Any],
                            return_alternates: bool = False) -> list[dict[str, Any]]:
        """``{host, nodename, limits}`` for each server of the request (spec 7.1), with ``alternates`` if asked for.

        :raises NoValidHost: when not all find a host; the text says why
        """
        uuids = request_spec.get("instance_uuids") or [None]
        flavor_id = (request_spec.get("instance_type") or {}).get("id")
        try:
            chosen = self.driver.select_destinations(request_spec, filter_properties | {"context": ctxt},
                                                     return_alternates)
        except exceptions.NoValidHost as error:
            self._note(ctxt, uuids, flavor_id, reason=full_text_of(error))
            raise
        self._note(ctxt, uuids, flavor_id, chosen=[selection.host for selection in chosen])
        return [msgspec.to_builtins(selection) for selection in chosen]

    def _note(self, ctxt: RequestContext, uuids: list[str | None], flavor_id: int | None, **outcome: Any) -> None:
        """One line a request; one for many servers names the first and tells them all."""
        self._journal.write("select_destinations", ctxt.request_id, kind="step", instance_uuid=uuids[0],
                            instance_uuids=uuids if len(uuids) > 1 else None, instance_type_id=flavor_id, **outcome)
