"""The commands as a user types them: those of the README, and what up, env and down do to each other."""

import json
import os
import pathlib
import subprocess
import sys

import processes
import pytest

# A program that knows no more than any other of an OpenStack cloud.
PROGRAM = """
import os

from keystoneauth1 import session
from keystoneauth1.identity import v3

own = session.Session(auth=v3.Password(
    os.environ["OS_AUTH_URL"], username="manager1", user_domain_id="default", password=os.environ["OS_PASSWORD"],
    project_name="project1", project_domain_name="Default"))
made = own.post(f"/users/{own.get_user_id()}/application_credentials", json={"application_credential": {
    "name": "program", "roles": [{"name": "member"}]}}, endpoint_filter={
        "service_type": "identity", "version": 3}).json()
secret = made["application_credential"]
program = session.Session(auth=v3.ApplicationCredential(os.environ["OS_AUTH_URL"], secret["secret"], secret["id"]))
found = program.get("/servers", endpoint_filter={"service_type": "compute"}, microversion="latest").json()["servers"]
assert [server["name"] for server in found] == ["of-member"], found
root = program.get("", endpoint_filter={"service_type": "compute"}, authenticated=False).json()
assert root["version"]["id"] == "v2.1"
"""
README = pathlib.Path(__file__).parents[2] / "README.md"


@pytest.fixture
def shell(tmp_path):
    """Run a line as in a fresh terminal whose folder is a new one."""
    bin_folder = pathlib.Path(sys.executable).parent
    foreign = ("OS_", "NOVASIM_ENDPOINT", "NOVASIM_TOKEN")
    bare = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    environment = bare | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}

    def run(line):
        return subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True,
                              check=False)

    yield run
    run("novasim down")


def next_steps():
    """The lines below "Next steps" in the README, without the remarks and without the one that enters the venv."""
    block = README.read_text().partition("## Next steps")[2].split("```")[1]
    lines = [line.partition("#")[0].strip() for line in block.strip().splitlines()]
    return [line for line in lines if line.startswith("novasim")]


def test_the_next_steps_of_the_readme_work(shell):
    lines = next_steps()
    assert lines[0] == "novasim up --detach"
    assert lines[-1] == "novasim down"
    # Any port and no waiting; all else is to the letter.
    for line in [f"{lines[0]} --port 0 --stages instant", *lines[1:]]:
        done = shell(line)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        if line == "novasim-manage audit":
            assert done.stdout == "audit clean\n"
    assert shell("novasim list").returncode == 1


def test_up_env_down(shell, tmp_path):
    assert shell("novasim env").returncode == 1
    up = shell("novasim up --detach --port 0 --hosts 3 --stages instant")
    assert up.returncode == 0, up.stderr
    record = json.loads((tmp_path / ".novasim" / "cluster.json").read_text())
    assert record["endpoint"] in up.stdout
    again = shell("novasim up --detach --port 0")
    assert (again.returncode, record["endpoint"] in again.stderr) == (1, True)

    elsewhere = shell('eval "$(novasim env)" && cd / && novasim boot --flavor m1.tiny --image cirros --poll one'
                      ' && novasim list -f json')
    assert elsewhere.returncode == 0, elsewhere.stderr
    assert '"one"' in elsewhere.stdout

    assert shell("novasim down").returncode == 0
    assert processes.await_end([record["pid"]], 0)
    assert not (tmp_path / ".novasim" / "cluster.json").exists()
    assert shell("novasim down").returncode == 1

    assert shell("novasim up --detach --port 0 --hosts 3 --stages instant").returncode == 0
    servers = json.loads(shell("novasim list -f json").stdout)
    assert [(server["Name"], server["Status"]) for server in servers] == [("one", "ACTIVE")]
    assert shell("novasim down --purge").returncode == 0
    assert not (tmp_path / ".novasim").exists()


def test_a_cluster_of_processes_by_up_and_down(shell, tmp_path, rabbitmq, mariadb):
    bus = rabbitmq.bus()
    up = shell(f"novasim up --detach --port 0 --hosts 3 --stages instant --bus '{bus}' --db '{mariadb.database()}'")
    assert up.returncode == 0, up.stderr + up.stdout
    record = json.loads((tmp_path / ".novasim" / "cluster.json").read_text())
    family = processes.descendants([record["pid"]])
    assert len(family) == 4
    booted = shell("novasim boot --flavor m1.tiny --image cirros --poll one && novasim resize one m1.small --poll"
                   " && novasim resize-confirm one --poll && novasim-manage audit")
    assert booted.returncode == 0, booted.stderr
    told = json.loads(shell("novasim explain one -f json").stdout)
    at = json.loads(shell("novasim show one -f json").stdout)["OS-EXT-SRV-ATTR:host"]
    assert (told["candidates"], told["chosen"]) == (3, [{"host": at, "node": at}]), "one process writes, another reads"
    assert shell("novasim down").returncode == 0
    assert processes.await_end(family, 0)
    assert rabbitmq.left_messages(bus) == {}


def test_up_with_an_identity_service(shell, tmp_path):
    """Our own command, `nova` and a session of keystoneauth: all of them log in with what `novasim env` prints."""
    up = shell("novasim up --identity --detach --port 0 --hosts 2 --stages instant")
    assert up.returncode == 0, up.stderr
    clouds = tmp_path / ".novasim" / "clouds.yaml"
    assert (clouds.stat().st_mode & 0o777, clouds.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    done = shell("novasim boot --flavor m1.tiny --image cirros --poll of-admin && novasim --os-username member1 boot"
                 " --flavor m1.tiny --image cirros --poll of-member && novasim --os-username member1 list -f json")
    assert done.returncode == 0, done.stderr
    assert [row["Name"] for row in json.loads(done.stdout[done.stdout.index("[\n"):])] == ["of-member"]
    elsewhere = shell('eval "$(novasim --os-username member1 env)" && cd / && novasim list -f json && nova list')
    assert elsewhere.returncode == 0, elsewhere.stderr
    assert "of-member" in elsewhere.stdout
    assert "of-admin" not in elsewhere.stdout
    refused = shell('eval "$(novasim --os-username reader1 env)" && novasim boot --flavor m1.tiny --image cirros x')
    assert (refused.returncode, "Policy doesn't allow" in refused.stderr) == (1, True)
    wrong = shell('eval "$(novasim env)" && OS_PASSWORD=wrong novasim list')
    assert (wrong.returncode, "requires authentication" in wrong.stderr) == (1, True)
    (tmp_path / "program.py").write_text(PROGRAM)
    program = shell(f'eval "$(novasim env)" && {sys.executable} program.py')
    assert program.returncode == 0, program.stderr
    # Started again it knows its users.
    assert shell("novasim down").returncode == 0
    assert shell("novasim up --identity --detach --port 0 --hosts 2 --stages instant").returncode == 0
    again = shell("novasim --os-username member1 list -f json")
    assert [row["Name"] for row in json.loads(again.stdout)] == ["of-member"]
