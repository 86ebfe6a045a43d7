"""What one resize and confirm takes in SQL statements and messages: exact counts, the same on every machine.

It runs an embedded cluster in its own process, asks the API without HTTP and waits for lines of the journal, so that
nothing but the work itself is counted. Prints one line of JSON.
"""

# isort: skip_file
import collections
import json
import sys
import tempfile
import threading
import pathlib

from novasim.launch import seam

seam.choose(seam.EVENTLET)

import sqlalchemy  # noqa: E402
import webob  # noqa: E402

from novasim.launch import embedded  # noqa: E402

IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
CYCLES = 10


class Counter:
    """Counts statements, transactions and messages of a cluster."""

    def __init__(self, cluster):
        self.counts = collections.Counter()
        self._news = threading.Condition()
        self._steps = collections.Counter()
        cluster.ground.journal.subscribe(self._hop)
        for engine in (cluster.ground.db._writer, cluster.ground.db._reader):
            sqlalchemy.event.listen(engine, "before_cursor_execute", self._statement)
            sqlalchemy.event.listen(engine, "commit", lambda _connection: self.counts.update(["transactions"]))

    def _statement(self, _connection, _cursor, statement, *_more):
        verb = statement.split(None, 1)[0].upper()
        if verb in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"):
            self.counts.update(["statements", verb])

    def _hop(self, hop):
        if hop["what"].startswith("send "):
            self.counts.update(["messages", hop["kind"]])
        with self._news:
            self._steps[hop["what"]] += 1
            self._news.notify_all()

    def wait(self, step, times):
        """Wait until the journal has had ``step`` so many times."""
        with self._news:
            if not self._news.wait_for(lambda: self._steps[step] >= times, 30):
                raise RuntimeError(f"no {step!r} number {times}; there were {dict(self._steps)}")


def ask(cluster, path, body):
    """POST to the API as the admin and return the answer's JSON."""
    request = webob.Request.blank(f"/v2.1{path}", method="POST", json=body, headers={"X-Auth-Token": "admin:admin"})
    response = request.get_response(cluster.app.application)
    if response.status_int >= 300:
        raise RuntimeError(f"{path}: {response.status} {response.text}")
    return response.json if response.body else None


def run(cluster):
    """Counts per cycle of resize and confirm."""
    counter = Counter(cluster)
    server = ask(cluster, "/servers", {"server": {"name": "x", "flavorRef": "1", "imageRef": IMAGE}})["server"]["id"]
    counter.wait("built", 1)
    for number in range(1, CYCLES + 2):
        if number == 2:
            # The first fills caches; all others are alike.
            counter.counts.clear()
        ask(cluster, f"/servers/{server}/action", {"resize": {"flavorRef": "2" if number % 2 else "1"}})
        counter.wait("waiting for confirm or revert", number)
        ask(cluster, f"/servers/{server}/action", {"confirmResize": None})
        counter.wait("confirmed", number)
    return {name: count / CYCLES for name, count in sorted(counter.counts.items())}


def main():
    with tempfile.TemporaryDirectory() as folder, embedded.EmbeddedCluster(pathlib.Path(folder)) as cluster:
        print(json.dumps(run(cluster)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
