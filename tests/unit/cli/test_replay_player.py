"""The player: order, what it books, and how it ends when something breaks."""

import threading

import pytest

from novasim.cli import replay_player
from novasim.cli.client import Client, NoCluster
from novasim.cli.replay_plan import Job
from novasim.cli.settings import Settings
from novasim.cli.trace_azure import Vm


def arrival(number, letter="a", resize_to=None):
    return Job(Vm(number, 0, letter, None), False, resize_to)


def end(number):
    return Job(Vm(number, 0, "a", None), True)


@pytest.fixture
def play(fake_nova):
    def run(jobs, concurrency=4):
        with Client(Settings(fake_nova.api.endpoint, "admin:replay")) as client:
            player = replay_player.Player(client, iter(jobs), "image", concurrency)
            player.start()
            assert player.over.wait(20)
            player.stop()
        return player

    return run


def test_everything_goes_well(play, fake_nova):
    jobs = [arrival(0), arrival(1, "a", "b"), arrival(2, "a", "b"), end(0), end(1), arrival(3)]
    player = play(jobs)
    assert player.books.counts == {"asked": 4, "active": 4, "resize_asked": 2, "resized": 2, "confirmed": 1,
                                   "reverted": 1, "deleted": 2}
    assert player.books.errors == []
    assert player.books.alive == {"id-vm-2", "id-vm-3"} == set(fake_nova.servers)
    assert (len(player.books.boot_s), len(player.books.resize_s), player.done) == (4, 2, 6)
    assert player.failure is None


def test_order_of_a_vm_is_kept_whatever_the_concurrency(play, fake_nova):
    jobs = [arrival(number, "a", "b") for number in range(20)] + [end(number) for number in range(20)]
    player = play(jobs, concurrency=12)
    for number in range(20):
        verbs = [verb for verb, name in fake_nova.history if name == f"vm-{number}"]
        assert verbs in (["create", "resize", verify, "delete"] for verify in ("confirmResize", "revertResize"))
    assert (player.books.counts["confirmed"], player.books.counts["reverted"]) == (10, 10)


def test_confirms_and_reverts_take_turns_among_those_that_were_resized(play, fake_nova):
    fake_nova.full_for_resize = {"vm-1"}
    player = play([arrival(number, "a", "b") for number in range(5)], concurrency=1)
    assert [(verb, name) for verb, name in fake_nova.history if verb in ("confirmResize", "revertResize")] == [
        ("confirmResize", "vm-0"), ("revertResize", "vm-2"), ("confirmResize", "vm-3"), ("revertResize", "vm-4")]
    assert fake_nova.servers["id-vm-2"]["flavor"] == {"id": "azure.a"}
    assert fake_nova.servers["id-vm-3"]["flavor"] == {"id": "azure.b"}
    assert player.books.counts["resize_no_host"] == 1


def test_one_thread_plays_strictly_in_order(play, fake_nova):
    play([arrival(0), arrival(1), end(0), arrival(2), end(1)], concurrency=1)
    assert fake_nova.history == [("create", "vm-0"), ("create", "vm-1"), ("delete", "vm-0"), ("create", "vm-2"),
                                 ("delete", "vm-1")]


def test_no_valid_host_at_boot_is_counted_and_cleared_away(play, fake_nova):
    fake_nova.slots = 1
    player = play([arrival(0), arrival(1, "a", "b"), end(1)], concurrency=1)
    assert player.books.counts == {"asked": 2, "active": 1, "boot_no_host": 1}
    assert player.books.errors == []
    assert set(fake_nova.servers) == {"id-vm-0"}


def test_no_valid_host_for_a_resize_leaves_it_active(play, fake_nova):
    fake_nova.full_for_resize.add("vm-0")
    player = play([arrival(0, "a", "b")])
    assert player.books.counts == {"asked": 1, "active": 1, "resize_asked": 1, "resize_no_host": 1}
    assert player.books.resize_s == []


def test_a_resize_that_came_to_nothing_for_another_reason_is_an_error(play, fake_nova):
    fake_nova.full_for_resize.add("vm-0")
    fake_nova.why_moves_fail = "the operation was lost on its way"
    player = play([arrival(0, "a", "b")])
    assert player.books.counts["resize_no_host"] == 0
    assert "lost on its way" in str(player.books.errors)


def test_boot_that_ends_in_another_error(play, fake_nova):
    broken = {"status": "ERROR", "fault": {"message": "disk is full"}, "OS-EXT-STS:task_state": None, "next": []}
    fake_nova.broken["create vm-0"] = broken
    player = play([arrival(0), end(0)])
    assert player.books.counts == {"asked": 1, "boot_errors": 1}
    assert player.books.errors == ["vm-0: boot: boot ended in ERROR: disk is full"]


@pytest.mark.parametrize(("verb", "counted"), [
    ("resize", {"resize_asked": 1, "resize_errors": 1}),
    ("confirmResize", {"resize_asked": 1, "resized": 1, "confirmResize_errors": 1}),
])
def test_refused_action_is_an_error_of_that_step(play, fake_nova, verb, counted):
    fake_nova.broken[f"{verb} vm-0"] = (409, "not now")
    player = play([arrival(0, "a", "b")])
    assert player.books.counts == {"asked": 1, "active": 1} | counted
    assert player.books.errors[0].startswith(f"vm-0: {verb}: not now (HTTP 409")


def test_refused_delete_leaves_the_vm_alive(play, fake_nova):
    fake_nova.broken["delete vm-0"] = (500, "oops")
    player = play([arrival(0), end(0)])
    assert player.books.counts == {"asked": 1, "active": 1, "delete_errors": 1}
    assert player.books.alive == {"id-vm-0"}


def test_operation_that_never_ends(play, fake_nova, monkeypatch):
    monkeypatch.setattr(replay_player, "PATIENCE_S", 0.02)
    fake_nova.broken["create vm-0"] = {"next": []}
    player = play([arrival(0)])
    assert player.books.errors == ["vm-0: boot: create was not over after 0.02 s: BUILD"]


def test_cluster_that_is_gone_ends_the_replay():
    with Client(Settings("http://127.0.0.1:1/v2.1", "admin:replay")) as client:
        player = replay_player.Player(client, iter([arrival(number) for number in range(100)]), "image", 4)
        player.start()
        assert player.over.wait(20)
        player.stop()
    assert isinstance(player.failure, NoCluster)
    assert player.books.counts["asked"] < 100


def test_stop_gives_up_what_is_under_way(fake_nova):
    fake_nova.broken["create vm-0"] = {"next": []}
    with Client(Settings(fake_nova.api.endpoint, "admin:replay")) as client:
        player = replay_player.Player(client, iter([arrival(0), end(0)]), "image", 2)
        player.start()
        player.stop()
    assert player.over.is_set()
    assert player.failure is None
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("replay")]


def test_next_first_look_is_where_the_last_ones_ended(monkeypatch):
    class Still(replay_player.threading.Event):
        waits = []

        def wait(self, timeout=None):
            self.waits.append(timeout)
            return False

    class Clock:
        now = 0.0

        def monotonic(self):
            Clock.now += 0.1
            return Clock.now

    player = replay_player.Player(None, iter([]), "image", 1)
    player._halt = Still()
    monkeypatch.setattr(player, "_look", lambda _server_id: {"status": "ACTIVE"})
    monkeypatch.setattr(replay_player, "time", Clock())
    player._wait("create", "x")
    player._wait("create", "x")
    assert Still.waits[0] == replay_player.SHORTEST_S
    assert Still.waits[1] == pytest.approx(0.09)
