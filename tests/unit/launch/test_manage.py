"""``novasim-manage``: the schema, the first rows, the audit, and clear words when something is wrong."""

import pytest

from novasim.db import engine, hosts, models, networks, versioning
from novasim.launch import manage
from novasim.objects import ComputeNode
from novasim.sim.clock import Clock


@pytest.fixture
def home(tmp_path):
    """The state directory of a cluster that has not been started yet."""
    (tmp_path / "novasim.conf").write_text(
        f"[DEFAULT]\nstate_path = {tmp_path}\n[database]\nconnection = sqlite:///{tmp_path}/novasim.sqlite\n")
    return tmp_path


@pytest.fixture
def run(home, capsys):
    """Run a command on it: (exit code, standard output, standard error)."""
    def call(*words):
        code = manage.main([*words, "--state-dir", str(home)])
        said = capsys.readouterr()
        return code, said.out, said.err
    return call


@pytest.fixture
def database(home, run):
    """Its database with all tables."""
    run("db", "upgrade")
    database = engine.Database(f"sqlite:///{home}/novasim.sqlite", Clock())
    yield database
    database.close()


def test_the_schema_is_brought_up_to_date_and_told(run):
    newest = versioning.head()
    assert run("db", "version") == (0, f"revision none (newest: {newest})\n", "")
    assert run("db", "upgrade") == (0, f"the database is at revision {newest}\n", "")
    assert run("db", "upgrade") == (0, f"the database is at revision {newest}\n", "")
    assert run("db", "version") == (0, f"revision {newest} (newest: {newest})\n", "")


def test_seeding_twice_changes_nothing(run):
    run("db", "upgrade")
    assert run("seed") == (0, "flavors and image are in\n", "")
    assert run("seed") == (0, "there are flavors or images already; left as it is\n", "")


def test_a_cluster_that_never_had_networks_gets_them_and_one_that_lost_them_does_not(run, database):
    def names():
        return [row["name"] for row in database.read(networks.list_page, networks.NETWORKS)]

    def empty(tx):
        tx.execute(models.subnets.delete())
        tx.execute(models.networks.delete())

    run("seed")
    assert names() == ["private", "public"]
    database.write(empty)
    run("seed")
    assert names() == ["private", "public"]
    database.write(networks.delete, networks.NETWORKS)
    run("seed")
    assert names() == []


def test_an_audit_without_findings_succeeds(run, database):
    assert run("audit") == (0, "audit clean\n", "")


def test_an_audit_tells_each_finding_and_fails(run, database):
    node = ComputeNode(uuid="", host="c1", hypervisor_hostname="c1", vcpus=8, memory_mb=8192, local_gb=100)
    database.write(hosts.register, ["c1"], hosts.COMPUTE, "compute")
    database.write(hosts.register_nodes, [node], {"memory_mb": 100, "disk_gb": 0, "vcpus": 0})
    code, out, err = run("audit")
    assert (code, err) == (1, "")
    assert out == ("host c1: memory_mb used is 100, its claims and reserve add up to 512\n"
                   "audit found 1 problems\n")


def test_a_missing_cluster_is_named(tmp_path, capsys):
    assert manage.main(["audit", "--state-dir", str(tmp_path / "none")]) == 1
    said = capsys.readouterr().err
    assert f"there is no {tmp_path}/none/novasim.conf" in said
    assert "--state-dir" in said


def test_a_database_without_tables_is_no_traceback(run):
    code, out, err = run("audit")
    assert (code, out) == (1, "")
    assert err.startswith("novasim-manage: ")
    assert "Traceback" not in err


def test_a_command_that_is_missing_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as caught:
        manage.main([])
    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err
