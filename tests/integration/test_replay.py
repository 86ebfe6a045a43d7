"""``novasim replay``: real arrivals against a cluster of its own, and against one that runs."""

import re
import subprocess
import sys

import pytest

NOVASIM = [sys.executable, "-m", "novasim.cli.main"]


def replay(folder, *arguments):
    """Run it; returns its exit code, its lines, and what the summary says by name."""
    done = subprocess.run([*NOVASIM, "replay", str(folder), *arguments], capture_output=True, text=True, check=False)
    rows = dict(re.findall(r"^\| (.+?) +\| (.+?) +\|$", done.stdout, re.MULTILINE))
    return done.returncode, done.stdout.splitlines(), rows, done.stderr


@pytest.mark.timeout(300)
def test_two_thousand_real_arrivals(trace):
    code, lines, rows, errors = replay(trace, "--hosts", "200", "--limit", "2000", "--resize", "0.2", "--seed", "1")
    assert code == 0, "\n".join(lines) + errors
    assert lines[-1] == "ok"
    number = {name: int(value) for name, value in rows.items() if value.isdigit()}
    assert sum(count for name, count in number.items() if name.startswith("errors")) == 0
    assert number["asked"] == 2000
    assert number["ACTIVE"] + number["no valid host (boot)"] == 2000
    assert number["resized"] == number["confirmed"] + number["reverted"] > 250
    assert number["ACTIVE"] == number["deleted"] + number["still alive"]
    assert rows["audit"] == "audit clean"


def test_against_a_running_cluster(trace, rabbitmq, mariadb, make_fleet):
    bus = rabbitmq.bus()
    fleet = make_fleet(bus, mariadb.database())
    for service, host in (("conductor", "c"), ("scheduler", "s"), ("api", "a"), ("compute", "cmp-[0001-0020]")):
        fleet.start(service, host)
    code, lines, rows, errors = replay(trace, "--endpoint", fleet.endpoint, "--limit", "60", "--resize", "0.5")
    assert code == 0, "\n".join(lines) + errors
    assert lines[-1] == "ok"
    assert rows["asked"] == rows["ACTIVE"] == "60"
    assert int(rows["resized"]) > 15
    assert fleet.audit() == "audit clean"
    assert rabbitmq.left_messages(bus) == {}
    fleet.stop()
    assert fleet.complaints() == []
