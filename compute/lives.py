"""Which agents of a process live, and the end of those that crash: they share the process, so none can be killed by
itself.

Whatever an agent does to the world goes through its database, its hypervisors and its two proxies, and the time it
spends through its clock. Each of these asks here before and after: the work of an agent that has crashed ends there,
as that of a killed process would; that of one that is frozen stands still there until it thaws. As long as all are
well, asking costs the test of one attribute.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from novasim.context import RequestContext
from novasim.sim.clock import Clock

LOG = logging.getLogger(__name__)
# Longer than a transaction takes; one that is longer meets an agent's next start as it would on a real host.
TRANSACTION_S = 10.0


class AgentDied(BaseException):
    """The agent that was at work is no more. Like the end of a process, nothing but :meth:`Lives.act_as` catches
    it."""


class Lives:
    """The agents of a process by their hosts. Only what is not well is kept for each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._up: dict[str, None] = {}
        self._frozen: set[str] = set()
        # How often an agent has died; its work knows which of its lives it belongs to.
        self._deaths: dict[str, int] = {}
        self._in_transaction: dict[str, int] = {}
        self._all_well = True
        self._mine = threading.local()
        self.hosts: Sequence[str] = ()

    def is_up(self, host: str) -> bool:
        """Whether its agent lives and is not frozen."""
        return host in self._up

    def is_frozen(self, host: str) -> bool:
        return host in self._frozen

    def begin(self, hosts: Iterable[str]) -> None:
        """Agents start, or thaw."""
        with self._lock:
            self._frozen.difference_update(hosts)
            self._up |= dict.fromkeys(hosts)
            self._set()

    def freeze(self, hosts: Iterable[str]) -> None:
        """Agents stand still, with all that they are at."""
        with self._lock:
            self._frozen.update(hosts)
            self._take(hosts)

    def end(self, hosts: Iterable[str]) -> None:
        """Agents die. Returns when none of them is in a transaction any more: what is in the database then stays."""
        with self._lock:
            self._frozen.difference_update(hosts)
            for host in hosts:
                self._deaths[host] = self._deaths.get(host, 0) + 1
            self._take(hosts)
            if not self._changed.wait_for(lambda: self._in_transaction.keys().isdisjoint(hosts), TRANSACTION_S):
                LOG.warning("An agent died in a transaction that goes on")

    def _take(self, hosts: Iterable[str]) -> None:
        for host in hosts:
            self._up.pop(host, None)
        self._all_well = False
        self._set()

    def _set(self) -> None:
        self.hosts = tuple(self._up)
        self._changed.notify_all()

    def act_as(self, host: str | None, work: Callable[..., object], *args: Any, **kwargs: Any) -> Any:
        """Let the agent of a host do something, which ends when it dies; returns what came of it, None if it died."""
        before = getattr(self._mine, "life", None)
        self._mine.life = (host, self._deaths.get(host or "", 0))
        try:
            self.check()
            return work(*args, **kwargs)
        except AgentDied:
            LOG.info("What the agent of %s was at died with it", host)
            return None
        finally:
            self._mine.life = before

    def check(self) -> None:
        """
        :raises AgentDied: when the agent at work has died; while it is frozen, this does not return
        """
        if not self._all_well:
            with self._lock:
                self._await_life(getattr(self._mine, "life", None))

    def _await_life(self, life: tuple[str, int] | None) -> str | None:
        if life is None or life[0] is None:
            return None
        host, born = life
        self._changed.wait_for(lambda: host not in self._frozen)
        if self._deaths.get(host, 0) != born or host not in self._up:
            raise AgentDied(host)
        return host

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Something within that is in the database as a whole or not at all, for :meth:`end` to wait for."""
        life = getattr(self._mine, "life", None)
        with self._lock:
            host = self._await_life(life)
            if host is not None:
                self._in_transaction[host] = self._in_transaction.get(host, 0) + 1
        try:
            yield
        finally:
            if host is not None:
                with self._lock:
                    self._in_transaction[host] -= 1
                    if not self._in_transaction[host]:
                        del self._in_transaction[host]
                        self._changed.notify_all()
        self.check()


class _Tool:
    """Something an agent works with."""

    def __init__(self, lives: Lives, thing: Any):
        self._lives, self._thing = lives, thing

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._thing, name)
        if callable(value):
            value = functools.partial(self._use, name)
            setattr(self, name, value)
        return value

    def _use(self, name: str, *args: Any, **kwargs: Any) -> Any:
        self._lives.check()
        result = getattr(self._thing, name)(*args, **kwargs)
        self._lives.check()
        return result


class _Database(_Tool):
    def _use(self, name: str, *args: Any, **kwargs: Any) -> Any:
        with self._lives.transaction():
            return getattr(self._thing, name)(*args, **kwargs)


def tool(lives: Lives, thing: Any) -> Any:
    """A driver or proxy that only those use who live."""
    return _Tool(lives, thing)


def database(lives: Lives, thing: Any) -> Any:
    """A database that only those use who live."""
    return _Database(lives, thing)


class LivingClock(Clock):
    """A clock for those who live: nobody wakes up dead."""

    def __init__(self, lives: Lives, clock: Clock):
        self._lives, self._clock = lives, clock

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)
        self._lives.check()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        came = self._clock.wait(event, seconds)
        self._lives.check()
        return came


class ActingEndpoints:
    """Endpoints that act as the agent to whose host a message is addressed."""

    def __init__(self, lives: Lives, endpoints: object):
        self._lives, self._endpoints = lives, endpoints

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._endpoints, name)

        @functools.wraps(method)
        def act(ctxt: RequestContext, **arguments: Any) -> Any:
            return self._lives.act_as(ctxt.addressed_host, method, ctxt, **arguments)
        return act
