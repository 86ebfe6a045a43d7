"""A resize whose last message could not be sent was broken off by its source, although the server was the
destination's already: ERROR on one host, its guest running on the other."""

import threading


def test_the_guest_does_not_run_where_the_server_is_not(cluster, monkeypatch):
    uuid = cluster.boot()
    source, tried = cluster.row(uuid).host, threading.Event()

    def broken(*_, **__):
        tried.set()
        raise ConnectionError("no broker")

    monkeypatch.setattr(cluster.agents.compute, "finish_resize", broken)
    cluster.begin(uuid, "resize")
    assert tried.wait(10)
    # At the next start the destination takes it up.
    cluster.restart()
    row = cluster.row(uuid)
    if row.task_state is not None:
        cluster.watch.wait("waiting for confirm or revert")
    assert cluster.state(uuid) == ("resized", None)
    assert cluster.guests(uuid)[source, "backup"] == 4
