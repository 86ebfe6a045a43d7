"""The entry of every process of ours but the command line: it chooses the concurrency, then runs the service.

``python -m novasim.launch.entry SERVICE ...`` is the same as the console script ``novasim-SERVICE``.
"""

# isort: skip_file
import gc
import importlib
import os
import sys
from typing import Any, NoReturn

from novasim.launch import seam

SERVICES = ("api", "cluster", "compute", "conductor", "manage", "scheduler", "whatif")


def _run(service: str, argv: list[str]) -> int:
    if service == "whatif":
        # It computes and waits for nobody: processes of its own serve it better than greenthreads.
        seam.choose(seam.THREADING)
        return int(_import("whatif.command").main(argv))
    seam.choose(seam.wanted(argv))
    if service == "manage":
        return int(_import("manage").main(argv))
    if service == "cluster":
        return _end(_import("cluster").main(argv))
    return _end(_import("service", service).main(service, argv))


def _import(name: str, *more: str) -> Any:
    """Import modules of this room; returns the first. What is imported stays, so that to look for garbage meanwhile,
    a seventh of the time of a start, is for nothing."""
    gc.disable()
    module, *_ = [importlib.import_module(f"novasim.launch.{each}") for each in (name, *more)]
    gc.freeze()
    gc.enable()
    return module


def _end(code: int) -> NoReturn:
    """End the process now. The interpreter would first wait for every message that is still worked on, a copy of an
    hour too; the service has given those their time, and they are taken up at the next start."""
    import logging

    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def api() -> int:
    return _run("api", sys.argv[1:])


def cluster() -> int:
    return _run("cluster", sys.argv[1:])


def compute() -> int:
    return _run("compute", sys.argv[1:])


def conductor() -> int:
    return _run("conductor", sys.argv[1:])


def manage() -> int:
    return _run("manage", sys.argv[1:])


def scheduler() -> int:
    return _run("scheduler", sys.argv[1:])


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in SERVICES:
        sys.exit(f"usage: python -m novasim.launch.entry {{{','.join(SERVICES)}}} ...")
    sys.exit(_run(sys.argv[1], sys.argv[2:]))
