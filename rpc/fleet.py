"""What a process is asked that plays simulated machines; directed to its name, not to one of its hosts."""

from __future__ import annotations

from novasim.rpc.contract import Contract, call


class Fleet(Contract):
    """The simulator's own contract: nothing of a real cloud calls it."""

    topic = "simulator"
    namespace = "fleet"
    version = "1.0"

    @call("1.0", directed=True)
    def sync_hosts(self) -> int:
        """Make the machines of this fleet what the table simulated_hosts says: start, end, freeze and thaw their
        agents. Returns how many live."""
        raise AssertionError("a declaration, not to be run")
