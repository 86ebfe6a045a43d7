"""What every process of the simulator is told about its fault rules."""

from __future__ import annotations

from novasim.rpc.contract import Contract, cast


class FaultRules(Contract):
    """The simulator's own contract: nothing of a real cloud calls it."""

    topic = "simulator-faults"
    version = "1.0"

    @cast("1.0", fanout=True)
    def fault_rules_changed(self) -> None:
        """Rules were added or removed; the table says which are in force."""
