"""The file of the hypervisors is opened by all agent processes of a machine, at the same moment when they start."""

import subprocess
import sys

from novasim.compute.virt.store import GuestStore

OPEN = "import pathlib, sys; from novasim.compute.virt.store import GuestStore; GuestStore(pathlib.Path(sys.argv[1]))"


def test_many_processes_make_it_at_once(tmp_path):
    path = tmp_path / "hypervisors.sqlite"
    processes = [subprocess.Popen([sys.executable, "-c", OPEN, str(path)]) for _ in range(6)]
    assert [process.wait() for process in processes] == [0] * 6
    store = GuestStore(path)
    assert store.list() == []
    store.close()
