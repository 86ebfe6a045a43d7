"""A stop of the HTTP server whose trigger was noticed before it was let go of: it wrote to a file that was closed, or
to whatever had its number by then."""

import threading

from waitress.trigger import trigger

from novasim.launch import wsgi_server


def test_it_is_noticed_at_once(monkeypatch):
    closed = threading.Event()
    pull, close = trigger._physical_pull, trigger.close

    def slow_pull(self):
        pull(self)
        closed.wait(0.2)
        pull(self)

    def noted_close(self):
        close(self)
        closed.set()

    server = wsgi_server.Server(lambda environ, start_response: [], wsgi_server.listen("127.0.0.1", 0), 1, 1)
    monkeypatch.setattr(trigger, "_physical_pull", slow_pull)
    monkeypatch.setattr(trigger, "close", noted_close)
    server.stop()
    assert closed.is_set()
