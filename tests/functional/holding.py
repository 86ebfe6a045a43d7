"""Stops a cluster in the middle of something: a verb of its hypervisors, or a message on its way."""

from __future__ import annotations

import threading
from typing import Any

from novasim.launch import compute

DEADLINE_S = 20


class ProcessDied(BaseException):
    """Like the end of an agent's process in the middle of a hop, nothing of ours catches it."""


def take_up_at_start(monkeypatch: Any) -> None:
    """Agents have taken up what was left before their start returns."""
    class Inline:
        def __init__(self, _: int):
            pass

        def submit(self, work: Any, *args: Any) -> None:
            work(*args)

        def shutdown(self, **_: Any) -> None:
            pass

    monkeypatch.setattr(compute, "ThreadPoolExecutor", Inline)


class Held:
    """A verb of the hypervisors that stops at its next call: before its work, or after it.

    ``wait`` until it has come there; ``release`` lets it go on, ``die`` lets its process end instead.
    """

    def __init__(self, monkeypatch: Any, cluster: Any, verb: str, after: bool = False):
        self._begun, self._go_on, self._dies = threading.Event(), threading.Event(), False
        driver = cluster.agents.driver
        real, self._journal = getattr(driver, verb), cluster.ground.journal

        def slow(*args: Any, **kwargs: Any) -> Any:
            if self._begun.is_set():
                return real(*args, **kwargs)
            result = real(*args, **kwargs) if after else None
            self._begun.set()
            assert self._go_on.wait(DEADLINE_S)
            if self._dies:
                self._journal.write("agent died", None)
                raise ProcessDied
            return result if after else real(*args, **kwargs)

        monkeypatch.setattr(driver, verb, slow)

    def wait(self) -> Held:
        assert self._begun.wait(DEADLINE_S), "it was not called"
        return self

    def release(self) -> None:
        self._go_on.set()

    def die(self) -> None:
        self._dies = True
        self._go_on.set()


class Kept:
    """Messages of one method that are not sent but kept, to be sent later, once or often."""

    def __init__(self, monkeypatch: Any, proxy: Any, method: str):
        self._real, self._arrived = getattr(proxy, method), threading.Event()
        self._messages: list[tuple[Any, Any]] = []

        def keep(*args: Any, **kwargs: Any) -> None:
            self._messages.append((args, kwargs))
            self._arrived.set()

        monkeypatch.setattr(proxy, method, keep)

    def wait(self) -> Kept:
        assert self._arrived.wait(DEADLINE_S), "nobody sent it"
        return self

    def send(self) -> None:
        """Send what was kept; the kept ones stay."""
        for args, kwargs in list(self._messages):
            self._real(*args, **kwargs)
