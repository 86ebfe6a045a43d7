"""Many servers as a client sees them: asked for from many threads, waited for in batches.

Why this exists: HTTP is all that a client has. One request that lists what has changed serves a whole crowd, where a
look at each server would cost more than the work that is waited for.
"""

import concurrent.futures
import datetime
import threading
import time

from novasim.cli.client import Client
from novasim.cli.settings import Settings

IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
# The moment of changes-since is known to the second, and a change carries the time at which its transaction began:
# one that waited long for its turn shows only to who looks far back.
OVERLAP_S, LATE_S = 3, 60
SHORTEST_S, LONGEST_S = 0.05, 0.5


class Crowd:
    """The servers of one project behind an endpoint; a context manager.

    :param threads: requests at once
    :param version: microversion of the requests that need none of their own
    """

    def __init__(self, endpoint, threads=16, version=None):
        self.client = Client(Settings(endpoint, "admin:admin", version))
        self.seen = {}
        self._pool = concurrent.futures.ThreadPoolExecutor(threads)
        self._looked = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)

    def __enter__(self):
        return self

    def __exit__(self, *_exc_info):
        self._pool.shutdown()
        self.client.close()

    def each(self, ask, items):
        """Run ``ask(item)`` for all items, many at once; returns the results in order, raises the first error."""
        return list(self._pool.map(ask, items))

    def boot(self, flavors):
        """Ask for a server of each flavor id; returns their ids in that order."""
        bodies = [{"server": {"name": f"vm-{number}", "flavorRef": flavor, "imageRef": IMAGE, "networks": "none"}}
                  for number, flavor in enumerate(flavors)]
        made = self.each(lambda body: self.client.request("POST", "/servers", body, version="2.37").body, bodies)
        return [answer["server"]["id"] for answer in made]

    def act(self, servers, action, value=None):
        """Ask for an action on each server; ``value`` may be a dict with a value for each."""
        for server in servers:
            # What was seen before is no answer to what is asked now.
            self.seen.pop(server, None)
        values = value if value is not None else dict.fromkeys(servers)
        self.each(lambda server: self.client.action(server, action, values[server]), servers)

    def wait(self, servers, done, deadline_s=120):
        """Wait until ``done(server)`` holds for each of ``servers``; returns their last views by id.

        :raises TimeoutError: naming some that it does not hold for, with their states
        """
        began, pause, quiet = time.monotonic(), SHORTEST_S, threading.Event()
        while True:
            changed = self._look(LATE_S if pause == LONGEST_S else OVERLAP_S)
            late = [server for server in servers if server not in self.seen or not done(self.seen[server])]
            if not late:
                return {server: self.seen[server] for server in servers}
            if time.monotonic() - began > deadline_s:
                shown = [(server, *map(str, states(self.seen.get(server, {})))) for server in late[:10]]
                raise TimeoutError(f"{len(late)} of {len(servers)} were not there after {deadline_s:g} s: {shown}")
            pause = SHORTEST_S if changed else min(pause * 1.5, LONGEST_S)
            quiet.wait(pause)

    def rest(self, servers, *statuses, deadline_s=120):
        """Wait until each server is without a task and in one of ``statuses``; returns their last views by id.

        :raises AssertionError: naming the servers that went to ERROR, with their faults
        """
        def done(server):
            status, task = states(server)
            if status == "ERROR" and "ERROR" not in statuses:
                raise AssertionError(f"{server['id']} is in ERROR: {server.get('fault')}")
            return task is None and status in statuses

        return self.wait(servers, done, deadline_s)

    def built(self, deadline_s=120):
        """Wait until no server is being built, whosever it is, and look at all: for so many that to look again and
        again at each that changed would cost more than to build it.

        :returns: the views of all servers by id
        """
        began, quiet = time.monotonic(), threading.Event()
        building = {"status": "BUILD", "all_tenants": 1, "limit": 1}
        while self.client.get("/servers", query=building)["servers"]:
            if time.monotonic() - began > deadline_s:
                raise TimeoutError(f"servers are still being built after {deadline_s:g} s")
            quiet.wait(LONGEST_S)
        self._look(LATE_S)
        return dict(self.seen)

    def count(self, status):
        """How many servers had this status when last seen."""
        return sum(server["status"] == status for server in self.seen.values())

    def _look(self, overlap_s):
        """Take in what has changed since so long before the last look; returns whether anything was new."""
        asked, since = datetime.datetime.now(datetime.UTC), self._looked - datetime.timedelta(seconds=overlap_s)
        query = {"changes-since": since.strftime("%Y-%m-%dT%H:%M:%SZ"), "all_tenants": 1}
        news = {server["id"]: server for server in self.client.pages("/servers/detail", "servers", query)}
        changed = any(states(self.seen.get(name, {})) != states(server) for name, server in news.items())
        self.seen.update(news)
        self._looked = asked
        return changed


def states(server):
    """(status, task_state) of a server's view."""
    return server.get("status"), server.get("OS-EXT-STS:task_state")
