"""A machine that does anything to a cluster of 6 hosts and 20 servers, legal or not, while things fail and restart.

After each step nothing is under way any more (``Bus.wait_idle``), so a run can be repeated from its seed: no answer was
a 500, and the audit finds nothing. From time to time, and at the end, all that fails is mended and conductors look for
what was lost: then every server has to come to rest.

``NOVASIM_STEPS`` (2000) says how long it plays, ``NOVASIM_SEED`` which game; ``tox -e soak`` plays a long one, and
shrinks what it finds.
"""

import collections
import contextlib
import functools
import itertools
import os
import secrets
import shutil
import sys

import pytest
from cluster_fixture import ADMIN, DEADLINE_S, Cluster
from holding import take_up_at_start
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from mortal import Fate, make_agents_mortal

from novasim import exceptions, states
from novasim.api import server_actions
from novasim.compute import periodics
from novasim.conductor import recovery
from novasim.db import instance_pages, migrations
from novasim.launch import audit
from novasim.launch.seed import seed as seed_database
from novasim.rpc.sim_driver import Bus
from novasim.sim.clock import ManualClock
from novasim.sim.faults import POINTS

STEPS = int(os.environ.get("NOVASIM_STEPS", "2000"))
STEPS_A_GAME = 50
LONG = STEPS > 2000
SEED = int(os.environ.get("NOVASIM_SEED") or (secrets.randbelow(10**6) if LONG else 2014))
HOSTS = [f"cmp-{number:04d}" for number in range(1, 7)]
PEOPLE = ["alice:demo", "bob:demo", "carol:other"]
FLAVORS = ["1", "2", "3", "4", "5", "nonsense"]
PATIENCE_S = 120
# Looks of the conductors until all is at rest: one for each hop of the longest way, and a few more.
LOOKS = 12
IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
# Nothing is done by the clock: heartbeats are good for hours, and periodic tasks are rules of the machine.
OPTIONS = {
    "report_interval": 86400, "service_down_time": 864000, "reservation_expire": 8640000, "simulator.seed": SEED,
    "simulator.journal": False, "conductor.recovery_interval": -1, "conductor.recovery_after": PATIENCE_S,
    "quota.instances": 14, "quota.ram": 24000, "resize_confirm_window": 3600, "rpc_response_timeout": 5,
    # One message after the other in each service, so that two that meet do so in the same order in every run.
    "rpc_workers": 1,
    "update_resources_interval": -1, "resize_confirm_interval": -1, "sync_power_state_interval": -1,
    "running_deleted_instance_poll_interval": -1}
PROFILE = "{vcpus: 8, memory_mb: 12288, local_gb: 200}\n"

# Body of an action, from a number; those that the API does not have (yet) are left out.
BODIES = {
    "resize": lambda n: {"flavorRef": FLAVORS[n % len(FLAVORS)]},
    "migrate": lambda n: {"host": HOSTS[n]} if n < len(HOSTS) else None,
    "confirmResize": None, "revertResize": None, "os-start": None, "os-stop": None, "lock": None, "unlock": None,
    "reboot": lambda n: {"type": ("SOFT", "HARD")[n % 2]},
    "os-resetState": lambda n: {"state": ("active", "error")[n % 2]},
    "forceDelete": None, "restore": None, "pause": None, "unpause": None, "suspend": None, "resume": None,
    "rescue": None, "unrescue": None, "shelve": None, "shelveOffload": None, "unshelve": None,
    "rebuild": lambda n: {"imageRef": IMAGE},
    "createImage": lambda n: {"name": f"image-{n}"},
    "createBackup": lambda n: {"name": f"backup-{n}", "backup_type": "daily", "rotation": n % 3},
    "changePassword": lambda n: {"adminPass": "secret"},
    "os-migrateLive": lambda n: {"host": HOSTS[n] if n < len(HOSTS) else None, "block_migration": "auto"},
}
ACTIONS = sorted(set(BODIES) & set(server_actions.ACTIONS))
# The rule of an action that has several.
RULES = {"reboot": "reboot_hard"}
MOVES = ("resize", "migrate", "confirmResize", "revertResize", "os-stop", "os-start")
STORIES = [story for story in (
    ("resize", "confirmResize"), ("resize", "revertResize"), ("os-stop", "os-start"), ("pause", "unpause"),
    ("suspend", "resume"), ("rescue", "unrescue"), ("shelve", "unshelve"), ("shelve", "shelveOffload", "unshelve"),
    ("forceDelete",), ("os-resetState",)) if set(story) <= set(ACTIONS)]
# What games begin with, so that every action is legal at least once.
OPENINGS = [*STORIES, tuple(action for action in ACTIONS if not any(action in story for story in STORIES))]
VERBS = sorted(point for point in POINTS if point.startswith("virt."))
METHODS = ["migrate_server", "build_instances", "select_destinations", "prep_resize", "resize_instance",
           "finish_resize", "confirm_resize", "revert_resize", "finish_revert_resize", "run_instance",
           "terminate_instance", "start_instance", "stop_instance", "*"]
# Not wrong, but for a periodic task to remove: a host that was away did not hear of a deletion.
LEFTOVERS = "guest of the deleted server"
NUMBERS = st.integers(0, 11)
SERVERS = st.integers(0, 999)
ACCEPTED: collections.Counter = collections.Counter()


class MachineFate(Fate):
    """A message dies with the agent that worked on it: nobody works on it any more."""

    def _die(self):
        self.bus.end()
        super()._die()


FATE = MachineFate()


def cluster_at(path, database, **options):
    return Cluster(path, len(HOSTS), database.clock, database=database, **OPTIONS, **options,
                   profile=str(path.parent / "profile.yaml"))


class Player(RuleBasedStateMachine):
    """A game's cluster: how it is asked for something, and what is looked at afterwards."""

    template = folder = shelf = fill = None
    games = iter(())

    def __init__(self):
        super().__init__()
        self.game = next(self.games)
        self.numbers = itertools.count()
        # The game before may have ended while its agents were dying.
        FATE.disarm()
        path = self.folder / f"game-{self.game}"
        database = self.shelf.database(ManualClock(), self.fill)
        shutil.copytree(self.template, path)
        # In every other game a deleted server can be restored for a while, and a shelved one stays on its host.
        keeps = {"reclaim_instance_interval": 3600, "shelved_offload_time": -1} if self.game % 2 else {}
        self.cluster = cluster_at(path, database, **keeps)
        self.down, self.reset = set(), set()

    @property
    def bus(self):
        return Bus.of(self.cluster.conf.transport_url)

    def servers(self):
        """All of them, in an order that is the same in every run: their uuids are not."""
        return sorted(self.cluster.db.read(instance_pages.all_live), key=lambda row: row.display_name)

    def quiet(self, tidy=False):
        """Nothing is under way any more, and nothing is wrong."""
        assert self.bus.wait_idle(DEADLINE_S)
        # Where agents have just died, guests may be half moved.
        found = audit.run(self.cluster.conf, self.cluster.db, at_rest=not FATE.dead)
        findings = [finding for finding in found if not self.is_known(finding, tidy)]
        assert not findings, findings

    def is_known(self, finding, tidy):
        """Leftovers are for a periodic task; whoever says by hand that a server is active may be wrong of its guest."""
        if finding.startswith(LEFTOVERS):
            return not tidy
        return " guest" in finding and finding.split()[1] in self.reset

    def ask(self, what, method, path, body, token):
        """Ask for something, and wait until all that it set off has ended."""
        answer = self.cluster.http(method, path, body, token, "latest")
        assert answer.status_int < 500 or answer.status_int == 503, (what, answer.status, answer.text)
        self.quiet()
        if answer.status_int < 300:
            ACCEPTED[what] += 1

    def act(self, server, action, number, admin, legal=True):
        """Ask for an action on a server: on one that may have it, if there is one, or on any."""
        rule = states.ACTIONS[RULES.get(action, action)]
        everybody = self.servers()
        if not everybody:
            return
        fit = [row for row in everybody if (rule.vm is None or row.vm_state in rule.vm)
               and (rule.task is None or row.task_state in rule.task)]
        candidates = (fit if legal else None) or everybody
        row = candidates[server % len(candidates)]
        make = BODIES[action]
        body = {action: None if make is None else make(number)}
        if action == "os-resetState":
            self.reset.add(row.uuid)
        token = ADMIN if admin else f"{row.user_id}:{row.project_id}"
        self.ask(action, "POST", f"/servers/{row.uuid}/action", body, token)

    def force(self, host, forced_down):
        services = self.cluster.get(f"/os-services?host={host}", ADMIN, "2.53")["services"]
        self.ask("force down", "PUT", f"/os-services/{services[0]['id']}", {"forced_down": forced_down}, ADMIN)

    def restless(self):
        """Servers in the middle of something."""
        found = [(server.uuid, server.vm_state, server.task_state)
                 for server in self.servers() if server.task_state is not None]
        return found + [(move.instance_uuid, move.status, move.step)
                        for move in self.cluster.db.read(migrations.all_in_progress) if move.status != states.FINISHED]


class Machine(Player):
    """The rules; see the module."""

    @initialize()
    def begin(self):
        self.delete(0, back=True)
        self.take_down(HOSTS[0])
        self.evacuate(0)
        self.bring_up(HOSTS[0])
        for action in OPENINGS[self.game // 2 % len(OPENINGS)]:
            self.act(3, action, 9, admin=True)

    @rule(server=SERVERS, action=st.sampled_from(ACTIONS), number=NUMBERS, admin=st.booleans(), legal=st.booleans())
    def anything(self, server, action, number, admin, legal):
        self.act(server, action, number, admin, legal)

    @rule(server=SERVERS, action=st.sampled_from(MOVES), number=NUMBERS)
    def move(self, server, action, number):
        """What this is about comes more often."""
        self.act(server, action, number, admin=True)

    @rule(server=SERVERS, story=st.sampled_from(STORIES), number=NUMBERS)
    def there_and_back(self, server, story, number):
        """A whole story; by chance alone few come to their end."""
        for action in story:
            self.act(server, action, number, admin=True)

    @rule(server=SERVERS, action=st.sampled_from(ACTIONS), number=NUMBERS, steps=st.integers(0, 9))
    def die(self, server, action, number, steps):
        """The agents are killed after so many steps of theirs, and start again."""
        FATE.arm(self.cluster, steps)
        FATE.bus = self.bus
        self.act(server, action, number, admin=True)
        died = FATE.dead
        if died:
            self.cluster.stop()
        FATE.disarm()
        if died:
            self.cluster.start()
            self.quiet()

    @rule(who=st.sampled_from(PEOPLE), flavor=st.sampled_from(FLAVORS[:3]), count=st.integers(1, 3))
    def create(self, who, flavor, count):
        body = {"name": f"vm-new-{next(self.numbers):04d}", "flavorRef": flavor, "networks": "none",
                "imageRef": IMAGE, "min_count": count, "max_count": count}
        self.ask("create", "POST", "/servers", {"server": body}, who)

    @rule(server=SERVERS, back=st.booleans())
    def delete(self, server, back):
        servers = self.servers()
        if len(servers) > 10:
            self.ask("delete", "DELETE", f"/servers/{servers[server % len(servers)].uuid}", None, ADMIN)
        if back:
            self.act(server, "restore", 0, admin=True)

    @rule(server=SERVERS)
    def evacuate(self, server):
        """What runs on a host that is said to be dead."""
        lost = [row for row in self.servers() if row.host in self.down]
        if lost:
            row = lost[server % len(lost)]
            self.ask("evacuate", "POST", f"/servers/{row.uuid}/action", {"evacuate": {}}, ADMIN)

    @rule(point=st.sampled_from(VERBS), host=st.sampled_from([*HOSTS, "*"]), do=st.sampled_from(
        [{"raise": "broken"}, {"refuse": "not now"}, {"delay": 0}]), times=st.integers(1, 3))
    def break_hypervisors(self, point, host, do, times):
        self.cluster.faults.add({"at": point, "match": {"host": host}, "do": do, "times": times})

    @rule(method=st.sampled_from(METHODS), do=st.sampled_from(["drop", "duplicate", {"raise": "no route"}]),
          times=st.integers(1, 3))
    def break_the_bus(self, method, do, times):
        self.cluster.faults.add({"at": "rpc.send", "match": {"method": method}, "do": do, "times": times})

    @rule(method=st.sampled_from(METHODS), times=st.integers(1, 3))
    def break_services(self, method, times):
        self.cluster.faults.add({"at": "rpc.receive", "match": {"method": method}, "do": {"raise": "broken"},
                                 "times": times})

    @rule()
    def mend(self):
        self.cluster.faults.clear()

    @rule()
    def restart(self):
        """What still was in queues is lost."""
        self.cluster.restart()
        self.quiet()

    @rule(host=st.sampled_from(HOSTS))
    def take_down(self, host):
        if len(self.down) < 2:
            self.down.add(host)
            self.force(host, True)

    @rule(host=st.sampled_from(HOSTS))
    def bring_up(self, host):
        self.down.discard(host)
        self.force(host, False)

    @rule(seconds=st.sampled_from([1, PATIENCE_S + 1, 4000]))
    def look_for_what_is_lost(self, seconds):
        self.cluster.clock.advance(seconds)
        recovery.recover(self.cluster.orchestrator)
        self.quiet()

    @rule(number=NUMBERS)
    def by_the_clock(self, number):
        tasks = periodics.tasks(self.cluster.agents)
        with contextlib.suppress(exceptions.FaultInjected):
            # Timers log what a task raises; it runs again.
            tasks[number % len(tasks)][0](self.cluster.agents)
        self.quiet()

    @rule()
    def come_to_rest(self):
        """With nothing broken any more, everything that was lost or left is taken up."""
        self.cluster.faults.clear()
        for host in sorted(self.down):
            self.bring_up(host)
        for _ in range(LOOKS):
            self.look_for_what_is_lost(PATIENCE_S + 1)
            if not self.restless():
                break
        restless = self.restless()
        assert not restless, restless
        periodics.cleanup_leftovers(self.cluster.agents)
        self.quiet(tidy=True)

    def teardown(self):
        try:
            self.come_to_rest()
        finally:
            self.cluster.stop()
            self.shelf.give_back(self.cluster.db)
            shutil.rmtree(self.cluster.state_dir)


def populate(path, database):
    """The cluster that every game begins with."""
    path.mkdir()
    seed_database(database)
    cluster = cluster_at(path, database)
    for number in range(20):
        cluster.boot(FLAVORS[number % 7 // 3], PEOPLE[number % 3])
    assert Bus.of(cluster.conf.transport_url).wait_idle(DEADLINE_S)
    cluster.stop()


@pytest.mark.timeout(max(300, STEPS / 4))
@pytest.mark.spec("12.4/1", "12.4/2", "12.4/3", "12.4/4", "12.4/8")
def test_nothing_breaks_the_invariants(tmp_path, monkeypatch, novasim_shelf):
    take_up_at_start(monkeypatch)
    make_agents_mortal(monkeypatch, FATE)
    (tmp_path / "profile.yaml").write_text(PROFILE)
    monkeypatch.setattr(Machine, "shelf", novasim_shelf)
    monkeypatch.setattr(Machine, "fill", functools.partial(populate, tmp_path / "template"))
    monkeypatch.setattr(Machine, "template", tmp_path / "template")
    monkeypatch.setattr(Machine, "folder", tmp_path)
    monkeypatch.setattr(Machine, "games", itertools.count())
    ACCEPTED.clear()
    sys.stdout.write(f"NOVASIM_SEED={SEED} NOVASIM_STEPS={STEPS}\n")
    play = functools.partial(
        run_state_machine_as_test, seed(SEED)(Machine), settings=settings(
            max_examples=max(1, STEPS // STEPS_A_GAME), stateful_step_count=STEPS_A_GAME, deadline=None, database=None,
            phases=[Phase.generate, *([Phase.shrink] if LONG else [])],
            suppress_health_check=list(HealthCheck)))
    play()
    if STEPS >= 2000:
        assert {"create", "delete", "evacuate", *ACTIONS} <= set(ACCEPTED), "every action was legal at least once"
