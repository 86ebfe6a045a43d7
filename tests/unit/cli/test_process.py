"""Cluster processes: ready line, deadline, errors, stopping, and knowing one process from another.

The process is a small program of the test that keeps to the cluster's contract.
"""

import json
import os
import signal
import subprocess
import sys

import pytest

from novasim.cli import process
from novasim.cli.errors import CliError


def test_launch_returns_when_it_is_ready(stand_in, tmp_path):
    stand_in("good")
    cluster = process.launch(["--hosts", "3"], tmp_path / "state")
    assert cluster.record["argv"] == ["cluster", "--hosts", "3", "--state-dir", str(tmp_path / "state")]
    assert process.running(tmp_path / "state")["pid"] == cluster.process.pid
    assert cluster.stop() == 0
    assert process.running(tmp_path / "state") is None


def test_error_of_the_cluster_is_told(stand_in, tmp_path):
    stand_in("error")
    with pytest.raises(CliError, match="^port 1 is taken. Choose another with --port$"):
        process.launch([], tmp_path / "state")


def test_crash_points_at_the_log(stand_in, tmp_path):
    stand_in("crash")
    with pytest.raises(CliError, match="ended before it was ready: Boom: it broke. See the logs in .*/state/log$"):
        process.launch([], tmp_path / "state")


def test_cluster_that_is_not_ready_in_time_is_stopped(stand_in, tmp_path, monkeypatch):
    started = []
    popen = subprocess.Popen

    def remembered(*arguments, **options):
        started.append(popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(process.subprocess, "Popen", remembered)
    stand_in("slow")
    with pytest.raises(CliError, match="was not ready within 0.3 s. See the logs in .*--wait"):
        process.launch([], tmp_path / "state", wait_s=0.3)
    assert [one.returncode is None for one in started] == [False]


def test_state_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CliError, match="file cannot be used: File exists. Name another one"):
        process.launch([], tmp_path / "file")


def test_cluster_that_does_not_stop_is_killed(stand_in, tmp_path, monkeypatch):
    stand_in("stubborn")
    monkeypatch.setattr(process, "STOP_S", 0.1)
    cluster = process.launch([], tmp_path / "state")
    assert cluster.stop() == -signal.SIGKILL


def test_services_that_a_cluster_left_behind_are_swept_away(stand_in, tmp_path):
    stand_in("orphan")
    cluster = process.launch([], tmp_path / "state")
    assert cluster.stop() == 0
    assert process.wait_exit(cluster.record["orphan"], 10)


def test_child_ends_with_its_parent(stand_in, tmp_path):
    stand_in("good")
    program = ("import os, sys; from novasim.cli import process; process.ENTRY = 'stand_in';"
               f"cluster = process.launch([], {str(tmp_path / 'state')!r});"
               "print(cluster.process.pid, flush=True); os.kill(os.getpid(), 9)")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert process.wait_exit(int(done.stdout), 10)


def test_own_cluster_leaves_nothing_behind(stand_in):
    stand_in("good")
    with process.own_cluster([]) as cluster:
        assert cluster.state_dir.is_dir()
        assert cluster.record["argv"][1:3] == ["--port", "0"]
    assert cluster.process.returncode == 0
    assert not cluster.state_dir.exists()


def test_own_cluster_can_keep_its_state(stand_in, tmp_path, monkeypatch):
    stand_in("good")
    monkeypatch.setattr(process.tempfile, "tempdir", str(tmp_path))
    with process.own_cluster([], keep=True) as cluster:
        pass
    assert cluster.state_dir.is_dir()


def test_request_to_end_is_an_interrupt_and_stops_the_cluster(stand_in):
    stand_in("good")
    with pytest.raises(KeyboardInterrupt), process.own_cluster([]) as cluster:
        os.kill(os.getpid(), signal.SIGTERM)
    assert cluster.process.returncode == 0
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.fixture
def stranger(tmp_path):
    """Start a process that waits, with the given words on its command line."""
    started = []

    def start(*words, cwd=None):
        program = "import signal; print(flush=True); signal.pause()"
        one = subprocess.Popen([sys.executable, "-c", program, *words], stdout=subprocess.PIPE, cwd=cwd)
        started.append(one)
        one.stdout.readline()
        return one

    yield start
    for one in started:
        one.kill()
        one.stdout.close()
        one.wait()


@pytest.mark.parametrize(("words", "serves"), [
    (("novasim.launch.entry", "cluster", "--state-dir", "{home}"), True),
    (("novasim.launch.entry", "cluster", "--state-dir={home}"), True),
    (("/x/bin/novasim-cluster", "--state-dir", "{home}"), True),
    (("/x/bin/novasim-cluster", "--state-dir", "./state"), True),
    (("novasim.launch.entry", "cluster", "--state-dir", "{home}2"), False),
    (("novasim.launch.entry", "cluster"), False),
    (("vim", "--state-dir", "{home}"), False),
    ((), False),
])
def test_serves_only_what_is_a_cluster_on_this_directory(stranger, tmp_path, words, serves):
    home = tmp_path / "state"
    one = stranger(*(word.format(home=home) for word in words), cwd=tmp_path)
    assert process.serves(one.pid, home) is serves
    assert process.stop_other(one.pid, home, 10) is serves
    assert (one.poll() is not None) is serves


def test_dead_process_serves_nothing(stranger, tmp_path):
    one = stranger("novasim.launch.entry", "--state-dir", str(tmp_path))
    one.kill()
    one.wait()
    assert process.serves(one.pid, tmp_path) is False
    assert process.stop_other(one.pid, tmp_path) is False


def test_record_of_a_cluster_that_is_gone_means_none_runs(tmp_path):
    (tmp_path / "cluster.json").write_text(json.dumps({"endpoint": "http://h/", "pid": os.getpid()}))
    assert process.running(tmp_path) is None


def test_other_cluster_that_does_not_stop(stand_in, tmp_path):
    stand_in("stubborn")
    cluster = process.launch([], tmp_path / "state")
    try:
        with pytest.raises(CliError, match=f"process {cluster.process.pid} did not stop within 0.1 s"):
            process.stop_other(cluster.process.pid, tmp_path / "state", 0.1)
    finally:
        cluster.process.send_signal(signal.SIGUSR1)
        assert cluster.wait() == -signal.SIGUSR1
