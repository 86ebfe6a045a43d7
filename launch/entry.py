"""The entry of every process of ours but the command line: it chooses the concurrency, then runs the service.

``python -m novasim.launch.entry SERVICE ...`` is the same as the console script ``novasim-SERVICE``.
"""

# isort: skip_file
import os
import sys
from typing import NoReturn

from novasim.launch import seam

SERVICES = ("api", "cluster", "compute", "conductor", "manage", "scheduler", "whatif")


def _run(service: str, argv: list[str]) -> int:
    if service == "whatif":
        # It computes and waits for nobody: processes of its own serve it better than greenthreads.
        seam.choose(seam.THREADING)
        from novasim.launch.whatif import command

        return command.main(argv)
    seam.choose(seam.wanted(argv))
    if service == "manage":
        from novasim.launch import manage

        return manage.main(argv)
    if service == "cluster":
        from novasim.launch import cluster

        return _end(cluster.main(argv))
    from novasim.launch import service as services

    return _end(services.main(service, argv))


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
