"""What every test runs on: the concurrency of the product, chosen before anything of it is imported.

``NOVASIM_CONCURRENCY=eventlet`` (the default) or ``threading`` decides, as it does for the services.

pytest-xdist (``-n``) is for threads only. Its workers talk to pytest through native threads that run before any
conftest, and greenthreads never switch to them: with patched locks the run waits for ever at "bringing up nodes".
Patching earlier, in sitecustomize, does not help (the pipe to pytest then blocks the hub), and xdist fixes the
threading model of its workers. So a run under eventlet has one process, and asking for more is an error.
"""

import gc
import os
import threading

import hypothesis
import pytest

from novasim.launch import seam

CONCURRENCY = os.environ.get("NOVASIM_CONCURRENCY", "eventlet")
seam.choose(CONCURRENCY)

if CONCURRENCY == "eventlet":
    # After the patch the main thread has a new identity that threading does not know as the main one;
    # pytest-timeout would take it for another thread and end the whole run instead of the test that hangs.
    threading._main_thread = threading.current_thread()


# Examples may take as long as they take: on a busy machine a deadline says nothing about the code. Where CI is set
# hypothesis does so by itself, and plays the same examples each time.
hypothesis.settings.register_profile("patient", deadline=None)
if not os.environ.get("CI"):
    hypothesis.settings.load_profile("patient")


def pytest_configure(config):
    """Refuse parallel workers under eventlet: the run would hang before its first test."""
    if CONCURRENCY == "eventlet" and config.getoption("numprocesses", None):
        raise pytest.UsageError("-n needs native threads. Set NOVASIM_CONCURRENCY=threading, or leave -n out.")


def pytest_collection_finish():
    """What all tests share stays to their end: the garbage collector need not look at it again and again, which would
    cost a fifth of the time of all tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def make_database(novasim_shelf):
    """Lend databases that have the tables and nothing in them: ``make_database(clock)``."""
    from novasim.db import versioning

    lent = []

    def make(clock):
        lent.append(novasim_shelf.database(clock, versioning.upgrade))
        return lent[-1]

    yield make
    for database in lent:
        novasim_shelf.give_back(database)
