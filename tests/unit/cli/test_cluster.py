"""up, down and env, with a stand-in for the cluster's process."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from novasim.cli import cluster, process

RECORD = {"endpoint": "http://127.0.0.1:8774/v2.1", "pid": 1, "hosts": 10, "profile": "medium",
          "stages": "ordinary", "bus": "rabbit://guest:secret@127.0.0.1:5672/", "db": "sqlite:///x.sqlite",
          "flavors": ["m1.tiny", "m1.small", "m1.xlarge"], "image": "cirros", "ready_s": 1.0}


@pytest.fixture
def up(novasim, stand_in, monkeypatch):
    """Run `up --detach` with the stand-in, whose record lacks what the banner shows; stop it in the end."""
    stand_in("good")
    monkeypatch.setattr(cluster, "banner", lambda record, *_more: json.dumps(record))
    yield lambda *arguments: novasim("up", "--detach", *arguments)
    for record in pathlib.Path.cwd().glob("*/cluster.json"):
        process.stop_other(json.loads(record.read_text())["pid"], record.parent)
    hidden = pathlib.Path(".novasim/cluster.json")
    if hidden.exists():
        process.stop_other(json.loads(hidden.read_text())["pid"], hidden.parent)


def test_banner_says_where_things_are_and_what_to_type():
    text = cluster.banner(RECORD, "./.novasim", 1.26, detached=False)
    assert "http://127.0.0.1:8774/v2.1" in text
    assert "10 up (profile medium, stages ordinary)" in text
    assert "m1.tiny..m1.xlarge   image cirros" in text
    assert "ready in 1.3 s. Try:" in text
    assert "eval $(novasim env)" in text
    assert "novasim boot --flavor m1.small --image cirros --poll demo" in text
    assert "rabbit://guest:***@127.0.0.1:5672/" in text
    assert "secret" not in text
    assert text.endswith("Stop it with Ctrl-C.")


def test_banner_of_another_directory_names_it():
    text = cluster.banner(RECORD, "/x y", 1, detached=True)
    assert "eval $(novasim env --state-dir '/x y')" in text
    assert text.endswith("Stop it with: novasim down --state-dir '/x y'")


def test_up_passes_its_options_on(up, tmp_path):
    code, out, _err = up("--hosts", "3", "--profile", "small", "--port", "0", "--bus", "sim://", "--db", "sqlite://",
                         "--stages", "slow", "--set", "DEFAULT.a=1", "--set", "api.b=2", "--state-dir", "here")
    assert code == 0
    assert json.loads(out)["argv"] == [
        "cluster", "--hosts", "3", "--profile", "small", "--port", "0", "--bus", "sim://", "--db", "sqlite://",
        "--stages", "slow", "--set", "DEFAULT.a=1", "--set", "api.b=2", "--state-dir", str(tmp_path / "here")]


def test_up_twice_down_twice(up, novasim):
    assert up()[0] == 0
    assert up() == (1, "", "novasim: a cluster already runs on ./.novasim, at http://127.0.0.1:1/v2.1. "
                           "Stop it with: novasim down\n")
    assert novasim("down") == (
        0, "stopped the cluster at http://127.0.0.1:1/v2.1; its state in ./.novasim is kept\n", "")
    assert novasim("down") == (1, "", "novasim: no cluster runs on ./.novasim. Start one with: novasim up\n")
    assert pathlib.Path(".novasim").is_dir()


def test_down_with_purge_removes_the_state(up, novasim, stand_in):
    assert up("--state-dir", "d")[0] == 0
    pathlib.Path("d/novasim.conf").write_text("")
    code, out, _err = novasim("down", "--purge", "--state-dir", "d")
    assert (code, out) == (0, "stopped the cluster at http://127.0.0.1:1/v2.1; its state in d is removed\n")
    assert not pathlib.Path("d").exists()


def test_purge_spares_a_directory_that_is_no_state(novasim, tmp_path):
    (tmp_path / "mine").write_text("precious")
    code, _out, err = novasim("down", "--purge", "--state-dir", str(tmp_path))
    assert code == 1
    assert "no cluster runs on" in err
    assert (tmp_path / "mine").exists()


def test_down_spares_a_process_that_is_no_cluster(novasim, tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        (tmp_path / "cluster.json").write_text(json.dumps({"endpoint": "http://h/", "pid": stranger.pid}))
        code, _out, err = novasim("down", "--state-dir", str(tmp_path))
        assert (code, err) == (1, f"novasim: no cluster runs on {tmp_path}. "
                                  f"Start one with: novasim up --state-dir {tmp_path}\n")
        stranger.communicate(b"\n")
    assert stranger.returncode == 0


def test_env_can_be_evaluated_by_a_shell(up, novasim):
    up("--state-dir", "d")
    code, out, _err = novasim("env", "--state-dir", "d")
    assert code == 0
    script = f"eval $(cat <<'END'\n{out}\nEND\n); env"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True,
                          env={"PATH": os.defpath, "OS_PROJECT_NAME": "of-another-cloud"})
    found = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    expected = {"NOVASIM_ENDPOINT": "http://127.0.0.1:1/v2.1", "OS_ENDPOINT": "http://127.0.0.1:1/v2.1",
                "OS_ENDPOINT_OVERRIDE": "http://127.0.0.1:1/v2.1", "OS_AUTH_URL": "http://127.0.0.1:1/v2.1",
                "OS_AUTH_TYPE": "none",
                "OS_USERNAME": "admin", "NOVA_PROJECT_ID": "admin"}
    assert expected.items() <= found.items()
    assert "OS_PROJECT_NAME" not in found


def test_env_with_an_identity_service_is_a_log_in(tmp_path):
    auth = {"auth_url": "http://h/identity", "username": "ann", "password": "it's", "project_name": "blue",
            "user_domain_name": "Default", "project_domain_name": "Default"}
    (tmp_path / "clouds.yaml").write_text(json.dumps({"clouds": {"novasim": {"auth": auth | {"username": "admin"}},
                                                                 "novasim-ann": {"auth": auth}}}))
    record = RECORD | {"auth_strategy": "identity"}
    found = cluster.environment(record, tmp_path, "ann")
    assert found == {
        "NOVASIM_ENDPOINT": record["endpoint"], "OS_AUTH_TYPE": "password", "OS_AUTH_URL": "http://h/identity",
        "OS_USERNAME": "ann", "OS_PASSWORD": "it's", "OS_PROJECT_NAME": "blue", "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default", "OS_IDENTITY_API_VERSION": "3",
        "OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml")}
    assert cluster.environment(record, tmp_path)["OS_USERNAME"] == "admin"


def test_env_leaves_the_settings_for_a_keystone_alone(up, novasim):
    up("--state-dir", "d")
    path = pathlib.Path("d/cluster.json")
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"auth_strategy": "keystone"}))
    assert novasim("env", "--state-dir", "d") == (0, "export NOVASIM_ENDPOINT=http://127.0.0.1:1/v2.1;\n", "")


def test_up_with_an_identity_service(up):
    code, out, _err = up("--identity", "--state-dir", "here")
    assert code == 0
    assert json.loads(out)["argv"][-4:-2] == ["--set", "api.auth_strategy=identity"]


def test_env_without_a_cluster(novasim):
    assert novasim("env") == (
        1, "", "novasim: no cluster runs on ./.novasim. Start one with: novasim up\n")


def test_commands_use_the_cluster_of_the_folder(up, novasim):
    up()
    code, _out, err = novasim("list")
    assert (code, err) == (1, "novasim: no cluster answers at http://127.0.0.1:1/v2.1. "
                              "Start one with: novasim up\n")


PROGRAM = ("import sys; from novasim.cli import cluster, main, process; process.ENTRY = 'stand_in';"
           "cluster.banner = lambda *_: 'ready'; sys.exit(main.main(['up']))")


@pytest.fixture
def foreground(stand_in):
    """Start `up` as a process of its own and return it when the cluster is ready."""
    started = []

    def start(mode):
        stand_in(mode)
        started.append(subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True))
        assert started[0].stdout.readline() == "ready\n"
        return started[0]

    yield start
    for one in started:
        one.kill()
        one.communicate()


@pytest.mark.parametrize(("mode", "number", "code", "said"), [
    ("good", signal.SIGINT, 0, "stopping\nstopped; its state is kept\n"),
    ("good", signal.SIGTERM, 0, "stopping\nstopped; its state is kept\n"),
    ("bad-end", signal.SIGTERM, 1, "the cluster ended with exit code 3"),
])
def test_up_in_the_foreground_stops_the_cluster(foreground, mode, number, code, said):
    one = foreground(mode)
    child = process.running(".novasim")["pid"]
    one.send_signal(number)
    _out, err = one.communicate()
    assert one.returncode == code
    assert said in err
    assert process.wait_exit(child, 10)


def test_up_in_the_foreground_ends_when_the_cluster_is_stopped_elsewhere(foreground):
    one = foreground("good")
    assert process.stop_other(process.running(".novasim")["pid"], ".novasim")
    _out, err = one.communicate()
    assert (one.returncode, err) == (0, "stopped; its state is kept\n")


@pytest.mark.parametrize("option", [("--hosts", "0"), ("--hosts", "x"), ("--port", "-1"), ("--port", "65536"),
                                    ("--wait", "0")])
def test_bad_option_is_named(novasim, option):
    code, _out, err = novasim("up", *option)
    assert code == 2
    assert f"argument {option[0]}: " in err
