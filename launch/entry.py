"""The entry of every process of ours but the command line: it chooses the concurrency, then runs the service.

``python -m novasim.launch.entry SERVICE ...`` is the same as the console script ``novasim-SERVICE``.
"""

# isort: skip_file
import sys

from novasim.launch import seam

SERVICES = ("api", "cluster", "compute", "conductor", "manage", "scheduler")


def _run(service: str, argv: list[str]) -> int:
    seam.choose(seam.wanted(argv))
    if service == "cluster":
        from novasim.launch import cluster as module
    elif service == "manage":
        from novasim.launch import manage as module  # type: ignore[no-redef]
    else:
        from novasim.launch import service as services

        return services.main(service, argv)
    return module.main(argv)


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
