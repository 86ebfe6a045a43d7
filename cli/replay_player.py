"""Plays the jobs of a replay against a cluster from many threads, and keeps the books.

Threads take jobs in the order of the trace. A VM's whole way in - boot, resize, confirm or revert - is one
job, and the job that deletes it waits for that one. A job only ever waits for one that was taken before it,
so the threads cannot wait for each other in a circle.

A server is looked at by its id, the first time when such an operation usually is over, then at growing
intervals from 5 ms on: hardly more than one cheap request an operation. One thread that asks for all changes
since a moment would be sent every server many times over, as that moment is known to the second only.
"""

import collections
import contextlib
import dataclasses
import threading
import time
from collections.abc import Iterator
from typing import Any

from novasim.cli.client import ApiError, Client, NoCluster
from novasim.cli.errors import CliError, one_line
from novasim.cli.poll import ENDS, failure
from novasim.cli.replay_plan import Job

NO_VALID_HOST = "No valid host was found"
VERIFY = (("confirmResize", "confirmed"), ("revertResize", "reverted"))
SHORTEST_S = 0.005
LONGEST_S = 1.0
PATIENCE_S = 300.0
# The first look comes a little early, so that most operations are seen soon after their end.
FIRST_LOOK = 0.9


@dataclasses.dataclass
class Books:
    """What happened: counts by name, seconds of each boot and resize, and the first errors in words."""

    counts: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    boot_s: list[float] = dataclasses.field(default_factory=list)
    resize_s: list[float] = dataclasses.field(default_factory=list)
    errors: list[str] = dataclasses.field(default_factory=list)
    alive: set[str] = dataclasses.field(default_factory=set)


@dataclasses.dataclass
class _Run:
    """A VM that has arrived: its server once it has one, and whether its way in is over."""

    settled: threading.Event = dataclasses.field(default_factory=threading.Event)
    server_id: str | None = None


class _Stopped(Exception):
    """The replay was told to stop while this thread was waiting."""


class Player:
    """Plays jobs; start() returns at once, and `over` is set when all threads are done."""

    def __init__(self, client: Client, jobs: Iterator[Job], image: str, concurrency: int) -> None:
        """
        :param client: of the project in which the servers are made
        :param jobs: in the order of the trace
        :param image: id of the image of all servers
        :param concurrency: number of threads
        """
        self.books = Books()
        self.over = threading.Event()
        self.failure: Exception | None = None
        self.done = 0
        self._client = client
        self._jobs = jobs
        self._image = image
        self._lock = threading.Lock()
        self._halt = threading.Event()
        self._runs: dict[int, _Run] = {}
        self._usual: dict[str, float] = {}
        self._threads = [threading.Thread(target=self._work, name=f"replay-{number}", daemon=True)
                         for number in range(concurrency)]
        self._working = concurrency

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Give up what is not done yet, and wait until all threads have ended."""
        self._halt.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        try:
            while not self._halt.is_set():
                taken = self._take()
                if taken is None:
                    return
                job, run = taken
                (self._leave if job.ends else self._arrive)(job, run)
                with self._lock:
                    self.done += 1
        except _Stopped:
            pass
        except Exception as error:
            with self._lock:
                self.failure = self.failure or error
            self._halt.set()
        finally:
            self._retire()

    def _retire(self) -> None:
        with self._lock:
            self._working -= 1
            last = self._working == 0
        if last:
            self.over.set()

    def _take(self) -> tuple[Job, _Run] | None:
        with self._lock:
            job = next(self._jobs, None)
            if job is None:
                return None
            if job.ends:
                return job, self._runs.pop(job.vm.number)
            run = self._runs[job.vm.number] = _Run()
            self.books.counts["asked"] += 1
            return job, run

    def _arrive(self, job: Job, run: _Run) -> None:
        try:
            with self._noted(job, "boot"):
                run.server_id = self._boot(job)
            if run.server_id and job.resize_to:
                with self._noted(job, "resize"):
                    self._resize(run.server_id, job)
        finally:
            run.settled.set()

    def _leave(self, job: Job, run: _Run) -> None:
        while not run.settled.wait(LONGEST_S):
            self._check_halt()
        if run.server_id is None:
            return
        with self._noted(job, "delete"):
            self._delete(run.server_id)
            self._count("deleted")
            with self._lock:
                self.books.alive.discard(run.server_id)

    def _boot(self, job: Job) -> str | None:
        """Return the id of the server, None when no host had room for it."""
        body = {"server": {"name": f"vm-{job.vm.number}", "flavorRef": f"azure.{job.vm.letter}",
                           "imageRef": self._image}}
        began = time.monotonic()
        server_id = self._client.post("/servers", body)["server"]["id"]
        server = self._wait("create", server_id)
        if server["status"] == "ERROR":
            self._no_host_or_error(server)
            self._count("boot_no_host")
            self._delete(server_id)  # it holds nothing, and would only be in the way of the final count
            return None
        with self._lock:
            self.books.counts["active"] += 1
            self.books.boot_s.append(time.monotonic() - began)
            self.books.alive.add(server_id)
        return server_id

    def _resize(self, server_id: str, job: Job) -> None:
        self._count("resize_asked")
        began = time.monotonic()
        request_id = self._client.action(server_id, "resize", {"flavorRef": f"azure.{job.resize_to}"})
        server = self._wait("resize", server_id)
        if server["status"] == "ERROR":
            raise CliError(f"resize ended in ERROR: {_fault(server)}")
        if server["status"] != "VERIFY_RESIZE":
            # Back as it was. Only that no other host had room is what may happen; anything else is an error.
            reason = failure(self._client, server_id, request_id, tries=20)
            if NO_VALID_HOST not in reason:
                raise CliError(f"resize came to nothing: {reason or 'nobody says why'}")
            self._count("resize_no_host")
            return
        with self._lock:
            # In turns: half of those that were resized are confirmed, half reverted, however many failed.
            verb, done = VERIFY[self.books.counts["resized"] % 2]
            self.books.counts["resized"] += 1
            self.books.resize_s.append(time.monotonic() - began)
        with self._noted(job, verb):
            self._client.action(server_id, verb)
            server = self._wait(verb, server_id)
            if server["status"] == "ERROR":
                raise CliError(f"{verb} ended in ERROR: {_fault(server)}")
            self._count(done)

    def _delete(self, server_id: str) -> None:
        self._client.delete(f"/servers/{server_id}")
        server = self._wait("delete", server_id)
        if server["status"] != "DELETED":
            raise CliError(f"delete ended in {server['status']}: {_fault(server)}")

    def _wait(self, verb: str, server_id: str) -> dict[str, Any]:
        """Return the server once `verb` is over, however it ended; a deleted one as just its status."""
        began = time.monotonic()
        pause = max(self._usual.get(verb, SHORTEST_S) * FIRST_LOOK, SHORTEST_S)
        step = max(pause / 4, SHORTEST_S)
        going = ENDS[verb].going if verb in ENDS else frozenset({"ACTIVE"})
        while True:
            if self._halt.wait(pause):
                raise _Stopped
            server = self._look(server_id)
            took = time.monotonic() - began
            if server.get("OS-EXT-STS:task_state") is None and server["status"] not in going:
                self._usual[verb] = self._usual.get(verb, took) * 0.9 + took * 0.1
                return server
            if took > PATIENCE_S:
                raise CliError(f"{verb} was not over after {PATIENCE_S:g} s: {server['status']}")
            pause, step = step, min(step * 1.5, LONGEST_S)

    def _look(self, server_id: str) -> dict[str, Any]:
        try:
            return self._client.get(f"/servers/{server_id}")["server"]
        except ApiError as error:
            if error.status == 404:
                return {"status": "DELETED"}
            raise

    @contextlib.contextmanager
    def _noted(self, job: Job, what: str) -> Iterator[None]:
        """Book what goes wrong within as an error of `what`; a cluster that is gone ends the replay."""
        try:
            yield
        except NoCluster:
            raise
        except CliError as error:
            with self._lock:
                self.books.counts[f"{what}_errors"] += 1
                self.books.errors.append(f"vm-{job.vm.number}: {what}: {one_line(error)}")

    def _count(self, name: str) -> None:
        with self._lock:
            self.books.counts[name] += 1

    def _check_halt(self) -> None:
        if self._halt.is_set():
            raise _Stopped

    def _no_host_or_error(self, server: dict[str, Any]) -> None:
        if not _fault(server).startswith(NO_VALID_HOST):
            raise CliError(f"boot ended in ERROR: {_fault(server)}")


def _fault(server: dict[str, Any]) -> str:
    return server.get("fault", {}).get("message") or "no fault was recorded"
