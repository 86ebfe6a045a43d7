"""The one seam of concurrency: greenthreads or native threads, chosen before anything else is imported.

All other code uses the names of the standard library that eventlet patches. The choice must come first because
oslo.messaging picks oslo.service's backend as a side effect of being imported, and a patched lock must be patched
before somebody makes one.
"""

from __future__ import annotations

import configparser
import os
import sys
import warnings
from collections.abc import Sequence

EVENTLET, THREADING = "eventlet", "threading"
# Each call of SQLite lets go of the interpreter, and would wait five milliseconds for a thread that computes.
SWITCH_S = 0.00005
_chosen: list[str] = []


def _from_files(paths: Sequence[str]) -> str | None:
    """The option as the configuration files have it; they are read properly only after the choice."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.read(paths)
    return parser.defaults().get("concurrency")


def wanted(argv: Sequence[str]) -> str:
    """What NOVASIM_CONCURRENCY, ``--set concurrency=...`` or the files of ``--config-file`` ask for; eventlet."""
    def values(flag: str) -> list[str]:
        return ([value for word, value in zip(argv, argv[1:], strict=False) if word == flag]
                + [word.partition("=")[2] for word in argv if word.startswith(flag + "=")])

    sets = [value.partition("=")[2] for value in values("--set")
            if value.startswith(("concurrency=", "DEFAULT.concurrency="))]
    chosen = os.environ.get("NOVASIM_CONCURRENCY") or (sets[-1] if sets else _from_files(values("--config-file")))
    return THREADING if chosen == THREADING else EVENTLET


def choose(kind: str) -> str:
    """Make the process one of greenthreads or of native threads; to be called once, first of all."""
    # Eventlet and what of oslo rests on it announce their retirement at import; the way out is this seam.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="eventlet")
    warnings.filterwarnings("ignore", message=r"(?s).*[Ee]ventlet")
    if kind == THREADING:
        sys.setswitchinterval(SWITCH_S)
    else:
        # Its own resolver costs a tenth of a second at each start, and knows less than the system's.
        os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
        import eventlet

        eventlet.monkey_patch()
        _cooperate_with_psycopg2()
    from oslo_service import backend

    backend.init_backend(backend.BackendType.EVENTLET if kind == EVENTLET else backend.BackendType.THREADING)
    _chosen.append(kind)
    return kind


def chosen() -> str | None:
    """What was chosen; None before that."""
    return _chosen[0] if _chosen else None


def _cooperate_with_psycopg2() -> None:
    """libpq would block all greenthreads while one waits for the database."""
    import psycopg2.extensions
    from eventlet.hubs import trampoline

    def wait(connection: psycopg2.extensions.connection) -> None:
        while True:
            state = connection.poll()
            if state == psycopg2.extensions.POLL_OK:
                return
            trampoline(connection.fileno(), read=state == psycopg2.extensions.POLL_READ,
                       write=state == psycopg2.extensions.POLL_WRITE)

    psycopg2.extensions.set_wait_callback(wait)


def is_green() -> bool:
    """Whether this process runs greenthreads."""
    return "eventlet" in sys.modules and bool(sys.modules["eventlet"].patcher.is_monkey_patched("thread"))
