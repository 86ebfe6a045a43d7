"""The load: clients that boot servers, and resize and confirm them, each in a thread of its own."""

import concurrent.futures
import statistics
import threading
import time

from novasim.cli.client import Client
from novasim.cli.settings import Settings

IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
SMALL, LARGE = "1", "2"
FIRST_LOOK_S, STEP_S = 0.004, 0.002
PATIENCE_S = 60.0


class Load:
    """Clients of one endpoint; a context manager.

    A client looks at its server when such an operation usually is over, and again soon after: as a good client does,
    so that looking neither costs more than the work nor hides how long it took.
    """

    def __init__(self, endpoint, clients):
        self.client = Client(Settings(endpoint, "admin:admin"))
        self.clients = clients
        self.looks = 0
        self._usual = {}
        self._large = set()
        self._quiet = threading.Event()
        self._pool = concurrent.futures.ThreadPoolExecutor(clients)

    def __enter__(self):
        return self

    def __exit__(self, *_exc_info):
        self._pool.shutdown()
        self.client.close()

    def boots(self, count):
        """Boot ``count`` servers; returns (their ids, seconds)."""
        began = time.monotonic()
        servers = list(self._pool.map(lambda _: self._boot(), range(count)))
        return servers, time.monotonic() - began

    def cycles(self, servers, each):
        """Resize and confirm each of ``servers`` so many times, a client a server; returns (cycles, seconds)."""
        began = time.monotonic()
        list(self._pool.map(lambda server: [self._cycle(server) for _ in range(each)], servers))
        return len(servers) * each, time.monotonic() - began

    def drain(self, count, at_once):
        """Seconds to empty a host of ``count`` servers, so many of them at once: each is moved and confirmed."""
        host = self.client.get("/os-hypervisors")["hypervisors"][0]["hypervisor_hostname"]
        servers = list(self._pool.map(lambda _: self._boot(availability_zone=f"nova:{host}"), range(count)))
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(at_once) as few:
            list(few.map(self._move, servers))
        return time.monotonic() - began

    def alone(self, server, count):
        """Seconds of ``count`` resizes, one after the other with nothing else going on."""
        self._usual.clear()
        return [self._cycle(server) for _ in range(count)]

    def _boot(self, **more):
        body = {"server": {"name": "bench", "flavorRef": SMALL, "imageRef": IMAGE, **more}}
        server = self.client.post("/servers", body)["server"]["id"]
        self._wait(server, "boot", "ACTIVE")
        return server

    def _cycle(self, server):
        self._large ^= {server}
        began = time.monotonic()
        self.client.action(server, "resize", {"flavorRef": LARGE if server in self._large else SMALL})
        self._wait(server, "resize", "VERIFY_RESIZE")
        took = time.monotonic() - began
        self._confirm(server)
        return took

    def _move(self, server):
        self.client.action(server, "migrate")
        self._wait(server, "resize", "VERIFY_RESIZE")
        self._confirm(server)

    def _confirm(self, server):
        self.client.action(server, "confirmResize")
        self._wait(server, "confirm", "ACTIVE")

    def _wait(self, server, verb, status):
        began = time.monotonic()
        usual = self._usual.get(verb, FIRST_LOOK_S)
        pause, step = usual * 0.8, max(usual / 5, STEP_S)
        while True:
            self._quiet.wait(pause)
            view = self.client.get(f"/servers/{server}")["server"]
            self.looks += 1
            took = time.monotonic() - began
            if view["status"] == status and view["OS-EXT-STS:task_state"] is None:
                self._usual[verb] = self._usual.get(verb, took) * 0.9 + took * 0.1
                return
            if view["status"] == "ERROR" or took > PATIENCE_S:
                raise RuntimeError(f"{verb} of {server}: {view['status']} after {took:.1f} s: {view.get('fault')}")
            pause = step


def quantiles_ms(seconds):
    """(p50, p95) in milliseconds."""
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    return cuts[9] * 1000, cuts[18] * 1000
