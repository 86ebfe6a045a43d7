"""tempest's tests of the Compute API that need no SSH and no volumes, with accounts of its own and with given ones."""

import collections
import configparser
import contextlib
import io
import os
import pathlib
import signal
import subprocess
import sys

import openstack
import pytest
import subunit
import tempest
import testtools
import yaml

CLIENT = "tempest"
CIRROS, ALPINE = "155d900f-4e14-4e4c-a73d-069cbf4541e6", "70a599e0-31e7-49b7-b260-868f441e862b"
ABLE = ("change_password", "cold_migration", "config_drive", "console_output", "hostname_fqdn_sanitization",
        "block_migration_for_live_migration", "live_migrate_back_and_forth", "live_migration", "pause", "personality",
        "rescue", "resize", "serial_console", "shelve", "shelve_migrate", "snapshot", "spice_console", "suspend")
# Without networks of a project's own tempest makes none; with given accounts it asks nobody for them.
SETTINGS = {
    "own accounts": {"auth": {"use_dynamic_credentials": "true"}, "service_available": {"neutron": "true"},
                     "compute": {"fixed_network_name": "private"}},
    "given accounts": {"auth": {"use_dynamic_credentials": "false"}, "service_available": {"neutron": "false"},
                       "compute-feature-enabled": {"interface_attach": "false"}}}
# They open a socket to a console, or wait for what a simulated guest never does.
NOT_ASKED = r"test_novnc|test_spice\.SpiceDirect"


def settings(cloud, home, more):
    """tempest.conf."""
    admin = cloud.account()
    with openstack.connect(auth=admin, load_yaml_config=False, load_envvars=False) as connection:
        public = connection.network.find_network("public").id
    conf = {
        "DEFAULT": {"log_file": f"{home}/tempest.log"}, "oslo_concurrency": {"lock_path": f"{home}/lock"},
        "auth": {"create_isolated_networks": "false", "test_accounts_file": f"{home}/accounts.yaml",
                 "admin_username": admin["username"], "admin_password": admin["password"],
                 "admin_project_name": admin["project_name"], "admin_domain_name": "Default"},
        "identity": {"uri_v3": f"{cloud.root}/identity/v3", "region": "RegionOne"},
        "compute": {"image_ref": CIRROS, "image_ref_alt": ALPINE, "flavor_ref": "1", "flavor_ref_alt": "2",
                    "min_compute_nodes": "2", "min_microversion": "2.1", "max_microversion": "latest",
                    "build_interval": "1", "build_timeout": "60"},
        "compute-feature-enabled": dict.fromkeys(ABLE, "true") | {
            "metadata_service": "false", "nova_policy_roles": "admin,manager,member,reader"},
        "image": {"build_timeout": "30"}, "network": {"floating_network_name": "public", "public_network_id": public},
        "service_available": {"cinder": "false", "swift": "false", "horizon": "false"},
        "validation": {"run_validation": "false"}}
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_dict({name: conf.get(name, {}) | more.get(name, {}) for name in conf.keys() | more.keys()})
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def given(cloud):
    """accounts.yaml."""
    accounts = yaml.safe_load(pathlib.Path(__file__).with_name("accounts.yaml").read_text())
    return yaml.safe_dump([{
        "username": one["user"], "password": cloud.account(one["user"])["password"], "project_name": one["project"],
        "domain_name": "Default", "roles": one["roles"]} for one in accounts])


class Results(testtools.StreamResult):
    """What became of each test, and why."""

    def __init__(self):
        self.status_of, self.reasons = {}, collections.defaultdict(bytes)

    def status(self, test_id=None, test_status=None, file_name=None, file_bytes=None, **_):
        if test_status is not None:
            self.status_of[test_id] = test_status
        if file_name == "traceback":
            self.reasons[test_id] += bytes(file_bytes)


def stestr(home, verb, *arguments):
    """Run stestr in a folder; what it prints is in the file of that name. Its workers end with it, however it ends."""
    environment = os.environ | {"TEMPEST_CONFIG_DIR": str(home), "TEMPEST_CONFIG": "tempest.conf"}
    command = [pathlib.Path(sys.executable).with_name("stestr"), verb, *arguments]
    with (home / verb).open("wb") as out, subprocess.Popen(
            command, cwd=home, env=environment, stdout=out, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def run(home):
    """Run the tests; returns results by id and the reasons of failures."""
    (home / ".stestr.conf").write_text(
        f"[DEFAULT]\ntest_path={pathlib.Path(tempest.__file__).parent}/test_discover\n"
        f"top_dir={pathlib.Path(tempest.__file__).parents[1]}\ngroup_regex=([^\\.]*\\.)*\n")
    stestr(home, "init")
    stestr(home, "run", "--concurrency", "2", "--exclude-regex", NOT_ASKED, r"tempest\.api\.compute")
    stestr(home, "last", "--subunit")
    results = Results()
    subunit.ByteStreamToStreamResult((home / "last").open("rb")).run(results)
    return results


def area_of(test):
    """The folder of a test, or the name of its file."""
    parts = test.partition("tempest.api.compute.")[2].split(".")
    return parts[0].removeprefix("test_")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("accounts", SETTINGS)
def test_compute(cloud, tally, tmp_path, accounts):
    (tmp_path / "tempest.conf").write_text(settings(cloud, tmp_path, SETTINGS[accounts]))
    (tmp_path / "accounts.yaml").write_text(given(cloud))
    results = run(tmp_path)
    areas = collections.defaultdict(lambda: [0, 0])
    for test, status in results.status_of.items():
        if status in ("success", "fail"):
            areas[f"{area_of(test)} ({accounts})"][status == "fail"] += 1
    tally(dict(areas))
    failed = [test for test, status in results.status_of.items() if status == "fail"]
    assert sum(passed for passed, _ in areas.values()) > 200
    assert {test: results.reasons[test].decode(errors="replace")[-2000:] for test in failed} == {}
