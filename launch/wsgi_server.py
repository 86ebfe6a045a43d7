"""Serves the API over HTTP: eventlet's server with greenthreads, waitress with native threads."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

from novasim import exceptions
from novasim.launch import seam

LOG = logging.getLogger("novasim.http")


def listen(address: str, port: int) -> socket.socket:
    """A listening socket that several API processes may share.

    :raises ConfigurationError: when the port is taken or not ours to take
    """
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        raise exceptions.ConfigurationError(
            reason=f"cannot listen on {address}:{port} ({error.strerror}). Choose another port") from error
    sock.listen(1024)
    return sock


def is_taken(address: str, port: int) -> bool:
    """Whether somebody answers there already; SO_REUSEPORT alone would not say so."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.settimeout(1)
        return port != 0 and probe.connect_ex((address, port)) == 0


class Server:
    """An HTTP server on a socket, running until stopped.

    :param threads: requests at once with native threads; greenthreads need no such limit
    :param patience_s: seconds that a stop waits for requests that are being answered
    """

    def __init__(self, app: Callable[..., Any], sock: socket.socket, threads: int, patience_s: float):
        self.port = sock.getsockname()[1]
        self._sock = sock
        self._app = app
        self._patience_s = patience_s
        self._answering = 0
        self._changed = threading.Condition()
        app = self._counted
        if seam.is_green():
            self._stop = self._serve_green(app)
        else:
            self._stop = self._serve_threads(app, threads)

    def _counted(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        with self._changed:
            self._answering += 1
        try:
            return self._app(environ, start_response)
        finally:
            with self._changed:
                self._answering -= 1
                self._changed.notify_all()

    def _serve_green(self, app: Callable[..., Any]) -> Callable[[], None]:
        import eventlet
        import eventlet.wsgi

        pool = eventlet.GreenPool(1000)
        thread = eventlet.spawn(eventlet.wsgi.server, self._sock, app, log=LOG, log_output=False, custom_pool=pool,
                                debug=False, socket_timeout=600)

        def stop() -> None:
            thread.kill()
            # Connections may idle for long; requests are what must not be cut off.
            with self._changed:
                self._changed.wait_for(lambda: self._answering == 0, self._patience_s)
            for running in list(pool.coroutines_running):
                running.kill()
        return stop

    def _serve_threads(self, app: Callable[..., Any], threads: int) -> Callable[[], None]:
        import waitress
        from waitress import wasyncore

        server = waitress.create_server(app, sockets=[self._sock], threads=threads, channel_timeout=600,
                                        clear_untrusted_proxy_headers=False)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()

        pulled = threading.Event()

        def close() -> None:
            # The trigger is among what is closed, and whoever pulls it may still be at it when it has been noticed.
            pulled.wait()
            wasyncore.close_all(server._map, ignore_all=True)

        def stop() -> None:
            server.task_dispatcher.shutdown(timeout=self._patience_s)
            # In the thread that waits for the sockets: closed under its hands, they would be bad descriptors to it.
            server.trigger.pull_trigger(close)
            pulled.set()
            thread.join(5)
        return stop

    def stop(self) -> None:
        self._stop()
        self._sock.close()
