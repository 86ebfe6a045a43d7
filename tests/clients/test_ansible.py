"""Ansible's modules for OpenStack: one play, each task once with what it registers."""

import json
import os
import pathlib
import subprocess
import sys
from typing import Any, NamedTuple

import pytest
import yaml

CLIENT = "ansible"


class Row(NamedTuple):
    """A task: the module, its arguments, what it returns. Where ``settled``, a second run changes nothing."""
    area: str
    module: str
    arguments: dict[str, Any]
    expected: Any
    settled: bool = False


FLAVOR = {"name": "ansible", "ram": 64, "disk": 1, "vcpus": 1}
SERVER = {"name": "play", "image": "cirros", "flavor": "m1.tiny", "network": "private", "auto_ip": False}
ROWS = [
    Row("log-in", "auth", {}, {"auth_token": str}),
    Row("flavors", "compute_flavor", FLAVOR | {"extra_specs": {"a:b": "c"}}, {"flavor": {"extra_specs": {"a:b": "c"}}},
        True),
    Row("flavors", "compute_flavor_info", {"name": "ansible"}, {"flavors": [{"ram": 64}]}),
    Row("key pairs", "keypair", {"name": "akey"}, {"keypair": {"name": "akey", "private_key": str}}),
    Row("key pairs", "keypair_info", {"name": "akey"}, {"keypairs": [{"name": "akey"}]}),
    Row("server groups", "server_group", {"name": "agroup", "policy": "anti-affinity"}, {"server_group": {
        "name": "agroup"}}, True),
    Row("servers", "server", SERVER | {"key_name": "akey", "metadata": {"a": "b"}, "scheduler_hints": {}},
        {"server": {"name": "play", "status": "ACTIVE"}}),
    Row("servers", "server_info", {"name": "play"}, {"servers": [{"name": "play", "status": "ACTIVE"}]}),
    Row("servers", "server_metadata", {"name": "play", "metadata": {"c": "d"}}, {"server": {"metadata": {"c": "d"}}},
        True),
    *(Row("actions", "server_action", {"name": "play", "action": action, **more}, {"changed": True})
      for action, more in (("stop", {}), ("start", {}), ("pause", {}), ("unpause", {}), ("lock", {}), ("unlock", {}),
                           ("suspend", {}), ("resume", {}), ("rebuild", {"image": "alpine"}), ("reboot_soft", {}),
                           ("shelve", {}), ("unshelve", {}))),
    Row("administration", "host_aggregate", {"name": "aagg", "hosts": ["cmp-0005"], "metadata": {"a": "b"}}, {
        "aggregate": {"name": "aagg", "hosts": ["cmp-0005"]}}, True),
    Row("administration", "compute_service_info", {"binary": "nova-compute"}, {"compute_services": [
        {"host": "cmp-0001", "state": "up"}]}),
    Row("quotas", "quota", {"name": "project5", "cores": 33}, {"quotas": {"compute": {"cores": 33}}}, True),
    Row("servers", "server", SERVER | {"state": "absent"}, {"changed": True}, True),
    Row("server groups", "server_group", {"name": "agroup", "state": "absent"}, {"changed": True}, True),
    Row("key pairs", "keypair", {"name": "akey", "state": "absent"}, {"changed": True}, True),
    Row("administration", "host_aggregate", {"name": "aagg", "hosts": [], "state": "absent"}, {"changed": True}, True),
    Row("flavors", "compute_flavor", {"name": "ansible", "state": "absent"}, {"changed": True}, True),
]


@pytest.fixture(scope="module")
def play(cloud, tmp_path_factory):
    """Run a task and return what it said."""
    home = tmp_path_factory.mktemp("ansible")
    environment = os.environ | {
        "OS_CLIENT_CONFIG_FILE": str(cloud.clouds), "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_HOME": str(home),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "PYTHONWARNINGS": "ignore"}

    def run(module, arguments):
        task = {f"openstack.cloud.{module}": {"cloud": "novasim", **arguments}}
        book = home / "play.yaml"
        book.write_text(yaml.safe_dump([{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {
            "ansible_python_interpreter": sys.executable}, "tasks": [task]}]))
        done = subprocess.run([pathlib.Path(sys.executable).with_name("ansible-playbook"), book], env=environment,
                              capture_output=True, text=True, check=False)
        said = json.loads(done.stdout[done.stdout.index("{"):])["plays"][0]["tasks"][0]["hosts"]["localhost"]
        assert not said.get("failed"), said["msg"]
        return said
    return run


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.module}-{'-'.join(map(str, row.arguments.values()))}")
def test_task(play, row, fits):
    assert fits(play(row.module, row.arguments), row.expected)
    if row.settled:
        assert play(row.module, row.arguments)["changed"] is False
