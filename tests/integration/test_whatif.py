"""What-if about a running cluster: what it says of a drain is what then happens."""

import io
import itertools
import json
import os
import pathlib
import select
import signal
import subprocess
import sys

import pytest

from novasim.cli import main, process


@pytest.fixture
def cluster(monkeypatch):
    for name in ("NOVASIM_ENDPOINT", "OS_ENDPOINT", "OS_TOKEN", "NOVASIM_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with process.own_cluster(["--hosts", "3", "--profile", "small", "--stages", "instant"]) as cluster:
        monkeypatch.chdir(cluster.state_dir.parent)
        yield cluster


@pytest.fixture
def novasim(cluster):
    def run(*words):
        out, err = io.StringIO(), io.StringIO()
        endpoint = cluster.record["endpoint"]
        code = main.Shell(stdout=out, stderr=err).run(["--endpoint", endpoint, *words])
        return code, out.getvalue(), err.getvalue()
    return run


def test_a_drain_goes_as_it_was_said(novasim, cluster):
    # Hosts of 8192 MB, 512 of which are kept, given away 1.5 times: two large ones a host, and six small ones.
    assert novasim("flavor-create", "half", "auto", "5000", "1", "1")[0] == 0
    for number in range(5):
        assert novasim("boot", "--flavor", "half", "--image", "cirros", "--poll", f"s{number}")[0] == 0
    config = ("--config-file", str(cluster.state_dir / "novasim.conf"))
    code, out, err = novasim("whatif", "drain", "cmp-0001", *config, "-f", "json")
    told = json.loads(out)
    assert (code, err) == (1, "1 of 2 servers would not fit elsewhere\n")
    [fits] = [one for one in told if one["to"]]
    [stays] = [one for one in told if not one["to"]]
    assert stays["why"].startswith("0 of 3: 2 RamFilter, 1 ignore_hosts")
    assert novasim("service-disable", "cmp-0001")[0] == 0
    assert novasim("migrate", fits["id"], "--poll")[0] == 0
    _, shown, _ = novasim("show", fits["id"], "-f", "json")
    assert json.loads(shown)["OS-EXT-SRV-ATTR:host"] == fits["to"]
    assert novasim("resize-confirm", fits["id"], "--poll")[0] == 0
    assert novasim("migrate", stays["id"], "--poll")[0] == 1
    code, out, _ = novasim("whatif", "drain", "cmp-0003", "cmp-0002", *config, "--policy", "pack", "-f", "json")
    assert (code, {one["to"] for one in json.loads(out)}) == (1, {None})
    code, _, err = novasim("whatif", "drain", "cmp-0009", *config)
    assert (code, err) == (2, "novasim: there is no hypervisor on host cmp-0009\n")


def test_a_long_trace_does_not_hide_what_is_wrong(tmp_path):
    """The process ends at once; it does not read what the command still writes."""
    (tmp_path / "trace.csv").write_text("arrival_s,end_s,flavor,vcpus,memory_mb,disk_gb\n" + "0,,f,1,1,1\n" * 200_000)
    done = subprocess.run([sys.executable, "-m", "novasim.cli.main", "whatif", "grow", "--trace", "trace.csv",
                           "--policy", "gone.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("novasim: ")
    assert "gone.yaml" in done.stderr
    assert done.stderr.count("\n") == 1


def descendants(pid):
    """The processes that a process has started, and theirs."""
    for path in pathlib.Path("/proc", str(pid), "task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            yield child
            yield from descendants(child)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_goes_on_when_the_command_is_ended(tmp_path, how):
    """Two policies are played by a process each, which are started by one, which is started by the command."""
    trace = tmp_path / "trace.csv"
    trace.write_text("arrival_s,end_s,flavor,vcpus,memory_mb,disk_gb\n" + "0,,f,1,1,1\n" * 100_000)
    with subprocess.Popen([sys.executable, "-m", "novasim.cli.main", "whatif", "run", "--trace", str(trace), "--hosts",
                           "1", "--policy", "pack", "--policy", "spread"], cwd=tmp_path, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as process:
        said = itertools.takewhile(lambda line: "servers" not in line, process.stderr)
        assert list(said) == [], "nothing but the progress of the policies"
        found = {pid: os.pidfd_open(pid) for pid in descendants(process.pid)}
        assert len(found) >= 3
        process.send_signal(how)
        while found:        # a descriptor can be read from as soon as its process has ended
            ended, _, _ = select.select(found.values(), [], [], 30)
            assert ended, f"{found.keys()} go on"
            for pid, descriptor in list(found.items()):
                if descriptor in ended:
                    os.close(descriptor)
                    del found[pid]
    assert not (tmp_path / "whatif").exists()
