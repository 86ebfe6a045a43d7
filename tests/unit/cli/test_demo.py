"""The tour, against a nova of the test: its steps, its timelines, and that it notices what is wrong."""

import io

import pytest

from novasim.cli import demo, poll
from novasim.cli.client import Client
from novasim.cli.errors import CliError
from novasim.cli.settings import Settings


@pytest.fixture
def play(fake_nova, monkeypatch):
    monkeypatch.setattr(poll.pauses, "__defaults__", (0.001, 0.002))
    monkeypatch.setattr(poll, "SHORTEST_S", 0.001)
    fake_nova.flavors["4"] = fake_nova.flavors["3"] | {"id": "4", "name": "m1.large"}

    def run():
        out = io.StringIO()
        with Client(Settings(fake_nova.api.endpoint, "admin:admin")) as client:
            demo.Tour(client, out, io.StringIO()).play()
        return out.getvalue()

    return run


def test_tour(play, fake_nova):
    out = play()
    assert [verb for verb, _name in fake_nova.history] == [
        "create", "resize", "confirmResize", "resize", "revertResize", "migrate", "confirmResize", "delete"]
    assert fake_nova.servers == {}
    assert [line for line in out.splitlines() if line.startswith("The server is")] == [
        "The server is m1.small on cmp-1", "The server is m1.medium on cmp-2", "The server is m1.medium on cmp-2",
        "The server is m1.large on cmp-3", "The server is m1.medium on cmp-2",
        "The server is m1.medium on cmp-3", "The server is m1.medium on cmp-3"]
    assert out.count("| Time (ms) |") == 4
    assert "finish_revert_resize" in out


def test_server_that_stays_where_it_was(play, fake_nova):
    fake_nova.hosts = ("cmp-1",)
    with pytest.raises(CliError, match="Resize it to m1.medium: the server is m1.medium on cmp-1 where it should "
                                       "be m1.medium on another host than cmp-1. This is a bug"):
        play()


def test_journal_without_a_hop(play, monkeypatch):
    monkeypatch.setitem(demo.HOPS, "confirmResize", ("confirm_resize", "no_such_hop"))
    monkeypatch.setattr(demo, "JOURNAL_LOOKS", 2)
    with pytest.raises(CliError, match="Confirm the resize: the journal of req-3 lacks no_such_hop"):
        play()


def test_resize_that_fails(play, fake_nova):
    fake_nova.full_for_resize.add("demo")
    fake_nova.why_moves_fail = "the disk is full"
    with pytest.raises(CliError, match="resize failed: the disk is full. demo is ACTIVE again"):
        play()


def test_one_host_is_not_enough(novasim):
    assert novasim("demo", "--hosts", "1") == (
        1, "", "novasim: a resize moves a server to another host, so one is not enough. Give --hosts 2\n")
