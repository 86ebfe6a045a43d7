"""The replay command: what it prepares, shows and leaves behind."""

import json

import pytest

from novasim.cli import process, replay, trace_azure
from novasim.cli.client import Client
from novasim.cli.errors import CliError
from novasim.cli.settings import Settings

FILES = {
    "flav_map.txt": "1,0.75 a\n1,1.75 b\n",
    "v1.interval_map.txt": "0 0\n300 1\n",
    "v1.test.txt": "2100000 a,b,|,a,|,\n2100300 a,|,\n",
    "v1.test.c2591400.txt": "2100000 U0,C1,|,U1,|,\n2100300 U0,|,\n",
}


@pytest.fixture
def trace(tmp_path):
    folder = tmp_path / "trace"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return str(folder)


def test_against_a_running_cluster(novasim, fake_nova, trace):
    code, out, err = novasim("replay", trace, "--resize", "1")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "ok"
    assert "| asked                    | 4 " in out
    assert fake_nova.history[0] == ("quota", "replay",
                                    {"quota_set": {"instances": -1, "cores": -1, "ram": -1}})
    assert fake_nova.flavors["azure.b"]["ram"] == 1792
    assert [one for one in fake_nova.servers.values() if one["OS-EXT-STS:task_state"] != "deleting"] == []


def test_keep_leaves_the_servers(novasim, fake_nova, trace):
    assert novasim("replay", trace, "--keep")[0] == 0
    assert sorted(one["name"] for one in fake_nova.servers.values()) == ["vm-1", "vm-3"]


def test_data_for_programs(novasim, fake_nova, trace):
    code, out, err = novasim("replay", trace, "--limit", "3", "-f", "json")
    assert (code, err) == (0, "ok\n")
    shown = json.loads(out)
    assert (shown["asked"], shown["ACTIVE"], shown["deleted"], shown["still alive"]) == (3, 3, 0, 3)
    assert shown["audit"] == "not asked: the cluster is not ours"


def test_errors_are_shown_and_make_the_verdict(novasim, fake_nova, trace):
    fake_nova.broken["delete vm-0"] = (500, "oops")
    code, out, err = novasim("replay", trace)
    assert code == 1
    assert out.splitlines()[-1].startswith("1 errors, such as vm-0: delete: oops")
    assert err.startswith("novasim: vm-0: delete: oops")


def test_servers_that_were_there_before_do_not_count(novasim, fake_nova, trace, server_of):
    fake_nova.servers["old"] = server_of(id="old", name="old")
    assert novasim("replay", trace)[0] == 0
    assert "old" in fake_nova.servers


@pytest.fixture
def own(fake_nova, monkeypatch, stand_in, tmp_path):
    """Let an own cluster be the stand-in's process, whose endpoint is the fake nova's."""
    stand_in("good")
    monkeypatch.setattr(process.Cluster, "client", lambda _self, project: Client(
        Settings(fake_nova.api.endpoint, f"admin:{project}")))
    asked = []

    def audit(state_dir):
        asked.append(state_dir)
        return own.answer

    own = type("Own", (), {"answer": (True, "audit clean\n"), "asked": asked})
    monkeypatch.setattr(process, "audit", audit)
    return own


@pytest.fixture
def program(own):
    """Run the program without --endpoint, as the novasim fixture cannot since there is an api."""
    import io

    from novasim.cli import main

    def run(*arguments):
        out, err = io.StringIO(), io.StringIO()
        return main.Shell(stdout=out, stderr=err).run(list(arguments)), out.getvalue(), err.getvalue()

    return run


def test_own_cluster_is_audited_and_gone(program, own, trace):
    code, out, err = program("replay", trace, "--hosts", "7")
    assert (code, err) == (0, "")
    assert "| audit clean" in out
    assert out.splitlines()[-1] == "ok"
    assert not own.asked[0].exists()


def test_findings_of_the_audit_are_shown(program, own, trace):
    own.answer = (False, "2 findings\nclaim of x")
    code, out, err = program("replay", trace)
    assert code == 1
    assert out.splitlines()[-1] == "the audit found something"
    assert err == "2 findings\nclaim of x\n"


def test_progress_on_a_terminal_is_a_bar(novasim, fake_nova, trace, terminal):
    assert novasim("replay", trace, stderr=terminal)[0] == 0
    assert "6/6" in terminal.getvalue()


def test_progress_elsewhere_is_a_line_now_and_then(novasim, fake_nova, trace, monkeypatch):
    waits = iter([False, True])
    monkeypatch.setattr(replay.Player, "start", lambda self: monkeypatch.setattr(
        self.over, "wait", lambda _seconds: next(waits)))
    monkeypatch.setattr(replay.Player, "stop", lambda _self: None)
    assert novasim("replay", trace)[2] == "replay: 0 of 6 arrivals and ends, 0 errors\n"


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (("--resize", "2"), 2, "argument --resize: 2 is not between 0 and 1"),
    (("--resize", "x"), 2, "argument --resize: 'x' is not a number"),
    (("--limit", "0"), 2, "argument --limit: 0 is less than 1"),
])
def test_bad_option_is_named(novasim, trace, arguments, code, said):
    found, _out, err = novasim("replay", trace, *arguments)
    assert found == code
    assert said in err


def test_broken_trace_is_told_before_anything_is_asked(novasim, fake_nova, trace, tmp_path):
    (tmp_path / "trace" / trace_azure.ARRIVALS).write_text(FILES["v1.test.txt"].replace("2100300 a", "2100300 z"))
    code, _out, err = novasim("replay", trace)
    assert code == 1
    assert "v1.test.txt, line 2: 'z' is no flavor" in err
    assert fake_nova.history == []


def test_flavor_of_another_size_is_refused(fake_nova):
    fake_nova.flavors["azure.a"] = {"id": "azure.a", "name": "azure.a", "ram": 1, "disk": 10, "vcpus": 1}
    with Client(Settings(fake_nova.api.endpoint, "admin:replay")) as client:
        with pytest.raises(CliError, match="flavor azure.a exists with another size. Remove it with: "):
            replay.prepare(client, [trace_azure.Shape("a", 1, 0.75)])
        fake_nova.flavors["azure.a"]["ram"] = 768
        replay.prepare(client, [trace_azure.Shape("a", 1, 0.75)])
