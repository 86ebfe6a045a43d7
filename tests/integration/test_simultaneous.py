"""Two requests at the same moment, on one server, to two API processes: every pair of the actions around a resize.

What may come of a pair is not written down pair by pair. It is what can come of the two in either order, where the
second finds the first under way or done: so of a pair that excludes one another exactly one wins, the other is refused,
and the server ends where the winner's action ends.
"""

import concurrent.futures
import itertools
import os
import threading
from typing import NamedTuple

import crowd
import pytest
import throwaway

from novasim.cli.client import ApiError, Client
from novasim.cli.settings import Settings

# Rounds of each of the 28 pairs: 224 in all.
ROUNDS = int(os.environ.get("NOVASIM_ROUNDS", "8"))
# Those that set a flavor begin with the first and wish for the last; the one between is that of a resized server.
OLD, NEW, NEWEST = "1", "2", "3"
# From 2.9 on a view has the lock, up to 2.46 the flavor's id.
VERSION = "2.46"
DEADLINE_S = 60


class State(NamedTuple):
    """What a server is. ``task`` is the action that is under way, None at rest."""

    status: str
    flavor: str = OLD
    locked: bool = False
    task: str | None = None
    before: str | None = None


ACTIVE = State("ACTIVE")
RESIZED = State("VERIFY_RESIZE", NEW, before=OLD)
GONE = State("DELETED")


class Word(NamedTuple):
    """An action: how to ask for it, what answers a success, where it is legal, where it ends."""

    method: str
    body: dict | None
    status: int
    legal: frozenset
    end: object
    token: str = "alice:admin"


ANYWHERE = frozenset({"ACTIVE", "SHUTOFF", "VERIFY_RESIZE"})
WORDS = {
    "resize": Word("POST", {"resize": {"flavorRef": NEWEST}}, 202, frozenset({"ACTIVE", "SHUTOFF"}),
                   lambda was: State("VERIFY_RESIZE", NEWEST, was.locked, before=was.flavor)),
    "migrate": Word("POST", {"migrate": None}, 202, frozenset({"ACTIVE", "SHUTOFF"}),
                    lambda was: State("VERIFY_RESIZE", was.flavor, was.locked, before=was.flavor), "admin:admin"),
    "confirm": Word("POST", {"confirmResize": None}, 204, frozenset({"VERIFY_RESIZE"}),
                    lambda was: State("ACTIVE", was.flavor, was.locked)),
    "revert": Word("POST", {"revertResize": None}, 202, frozenset({"VERIFY_RESIZE"}),
                   lambda was: State("ACTIVE", was.before, was.locked)),
    "stop": Word("POST", {"os-stop": None}, 202, frozenset({"ACTIVE"}),
                 lambda was: State("SHUTOFF", was.flavor, was.locked)),
    "delete": Word("DELETE", None, 204, ANYWHERE, lambda was: GONE),
    "lock": Word("POST", {"lock": None}, 202, ANYWHERE, lambda was: was._replace(locked=True)),
}
PAIRS = list(itertools.combinations_with_replacement(WORDS, 2))


def answer(state, name):
    """The status code with which a server in this state answers."""
    word = WORDS[name]
    if state == GONE:
        return 404
    if name == "lock" or (name == "delete" and not state.locked):
        return word.status
    if state.locked and word.token != "admin:admin":
        return 409
    return word.status if state.task is None and state.status in word.legal else 409


def after(state, name):
    """What a server can be when the next request meets it: under way, or done. An action that interrupts another one
    starts from what it found."""
    end = WORDS[name].end(state._replace(task=None))
    return [end] if name == "lock" else [state._replace(task=name), end]


def outcomes(start, first, second):
    """Every (answer to the first, answer to the second, state at the end) that two requests in this order may have."""
    code = answer(start, first)
    for met in after(start, first) if code < 300 else [start]:
        other = answer(met, second)
        reached = {met} if other >= 300 else {WORDS[second].end(met._replace(task=None))}
        for state in reached:
            if state.task is not None or (met.task is not None and second == "lock"):
                # What was under way ends as well, locked or not.
                state = WORDS[first].end(start)._replace(locked=state.locked) if first != "delete" else GONE
            yield code, other, state


def possible(start, one, other):
    """The same, whichever of them comes first."""
    return {*outcomes(start, one, other), *((b, a, end) for a, b, end in outcomes(start, other, one))}


def begins(pair):
    """From where a pair starts: there both are legal, or else the one that ends a move."""
    return RESIZED if {"confirm", "revert"} & set(pair) else ACTIVE


class Duel:
    """Two users, each with an API process of his own, who ask at the same moment."""

    def __init__(self, endpoints):
        tokens = {word.token for word in WORDS.values()}
        self._clients = [{token: Client(Settings(endpoint, token)) for token in tokens} for endpoint in endpoints]
        self._pool = concurrent.futures.ThreadPoolExecutor(2)
        self._start = threading.Barrier(2)

    def fight(self, server, names):
        """The status codes that the two got."""
        asked = [self._pool.submit(self._ask, clients, server, name)
                 for clients, name in zip(self._clients, names, strict=True)]
        return tuple(one.result() for one in asked)

    def _ask(self, clients, server, name):
        word = WORDS[name]
        path = f"/servers/{server}" if word.body is None else f"/servers/{server}/action"
        self._start.wait(DEADLINE_S)
        try:
            return clients[word.token].request(word.method, path, word.body).status
        except ApiError as error:
            # What is said once a confirm has begun (spec 2.3). Who found the move still waiting, and lost, gets 409.
            return 409 if error.message == "Instance has not been resized." else error.status

    def close(self):
        self._pool.shutdown()
        for client in (client for clients in self._clients for client in clients.values()):
            client.close()


def seen(view):
    """A view as a State at rest; None while something is under way."""
    if view["status"] == "DELETED":
        return GONE
    status, task = crowd.states(view)
    return None if task else State(status, view["flavor"]["id"], view["locked"])


def at_rest_in(state):
    return state._replace(before=None)


def test_the_oracle():
    """The model itself: what conflicts has one winner, what does not may both be."""
    accepted = [[code for code in (a, b) if code < 300] for a, b, _ in possible(ACTIVE, "resize", "migrate")]
    assert [len(codes) for codes in accepted] == [1] * len(accepted)
    assert possible(RESIZED, "confirm", "revert") == {
        (204, 409, State("ACTIVE", NEW)), (409, 202, State("ACTIVE", OLD))}
    assert (202, 204, GONE) in possible(ACTIVE, "resize", "delete")
    assert (202, 202, State("VERIFY_RESIZE", NEWEST, before=OLD)) in possible(ACTIVE, "stop", "resize")
    assert (202, 409, State("SHUTOFF")) in possible(ACTIVE, "stop", "resize")
    assert possible(ACTIVE, "lock", "stop") == {
        (202, 409, State("ACTIVE", locked=True)), (202, 202, State("SHUTOFF", locked=True))}


@pytest.mark.timeout(120 + 20 * ROUNDS)
@pytest.mark.spec("12.2/18")
def test_each_pair_at_once(rabbitmq, mariadb, make_fleet):
    fleet = make_fleet(rabbitmq.bus(), mariadb.database())
    for service in ("conductor", "scheduler"):
        fleet.start(service, f"{service}-0")
    fleet.start("compute", "cmp-[0001-0010]")
    ports = [fleet.port, throwaway.free_port()]
    for number, port in enumerate(ports):
        fleet.start("api", f"api-{number}", options={"api.listen_port": port})
    duel = Duel([f"http://{throwaway.HOST}:{port}/v2.1" for port in ports])
    with crowd.Crowd(fleet.endpoint, version=VERSION) as people:
        for first in range(0, ROUNDS, 8):
            play(people, duel, PAIRS * min(8, ROUNDS - first))
            assert fleet.audit() == "audit clean"
    duel.close()
    fleet.stop()
    assert fleet.complaints() == []


def play(people, duel, pairs):
    """Let each pair fight for a server of its own, and see what comes of it."""
    servers = people.boot([OLD] * len(pairs))
    people.rest(servers, "ACTIVE")
    fights = dict(zip(servers, pairs, strict=True))
    resized = [server for server, pair in fights.items() if begins(pair) == RESIZED]
    people.act(resized, "resize", dict.fromkeys(resized, {"flavorRef": NEW}))
    people.rest(resized, "VERIFY_RESIZE")
    ends = {}
    for number, (server, pair) in enumerate(fights.items()):
        people.seen.pop(server)
        # Each of the two is the first of them half of the time.
        names = pair if number % 2 else pair[::-1]
        codes = duel.fight(server, names)
        ends[server] = {at_rest_in(end) for *told, end in possible(begins(pair), *names) if tuple(told) == codes}
        assert ends[server], f"{names} were answered {codes}"
    people.wait(servers, lambda view: seen(view) in ends[view["id"]], DEADLINE_S)
    left = [server for server in servers if people.seen[server]["status"] != "DELETED"]
    people.each(lambda server: people.client.delete(f"/servers/{server}"), left)
    people.wait(left, lambda view: view["status"] == "DELETED", DEADLINE_S)
