"""The published sample requests of the Compute API are taken, and answered as their sample answers are shaped, at the
version each is for and at the newest one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import published_samples
import pytest
from published_samples import SAMPLES, differences, sample_versions

from novasim import states
from novasim.api import microversion
from novasim.db import hosts

pytestmark = published_samples.needed

RESIZED = "resized"
SHELVED = {"vm_state": states.SHELVED}
OFFLOADED = {"vm_state": states.SHELVED_OFFLOADED, "host": None, "node": None}
# Folder, sample of the request -> what the server is before, status of the answer.
ACTIONS: dict[tuple[str, str], tuple[Any, int]] = {
    ("servers", "server-action-resize"): ({}, 202), ("servers", "server-action-confirm-resize"): (RESIZED, 204),
    ("servers", "server-action-revert-resize"): (RESIZED, 202), ("servers", "server-action-reboot"): ({}, 202),
    ("servers", "server-action-start"): ({"vm_state": states.STOPPED}, 202),
    ("servers", "server-action-stop"): ({}, 202), ("servers", "server-action-trigger-crash-dump"): ({}, 202),
    ("os-migrate-server", "migrate-server"): ({}, 202), ("os-migrate-server", "migrate-server-null"): ({}, 202),
    ("os-migrate-server", "live-migrate-server"): ({}, 202),
    ("os-lock-server", "lock-server"): ({}, 202), ("os-lock-server", "lock-server-with-reason"): ({}, 202),
    ("servers", "lock-server-with-reason"): ({}, 202),
    ("os-lock-server", "unlock-server"): ({"locked": True, "locked_by": "owner"}, 202),
    ("os-admin-actions", "admin-actions-reset-server-state"): ({"vm_state": states.ERROR}, 202),
    ("os-pause-server", "pause-server"): ({}, 202),
    ("os-pause-server", "unpause-server"): ({"vm_state": states.PAUSED}, 202),
    ("os-suspend-server", "server-suspend"): ({}, 202),
    ("os-suspend-server", "server-resume"): ({"vm_state": states.SUSPENDED}, 202),
    ("os-rescue", "server-rescue-req"): ({}, 200), ("os-rescue", "server-rescue-req-with-image-ref"): ({}, 200),
    ("os-rescue", "server-unrescue-req"): ({"vm_state": states.RESCUED}, 202),
    ("os-admin-password", "admin-password-change-password"): ({}, 202),
    ("os-deferred-delete", "force-delete-post-req"): ({}, 202),
    ("os-deferred-delete", "restore-post-req"): ({"vm_state": states.SOFT_DELETED}, 202),
    ("os-shelve", "os-shelve"): ({}, 202), ("os-shelve", "os-shelve-offload"): (SHELVED, 202),
    ("os-shelve", "os-unshelve"): (SHELVED, 202), ("os-shelve", "os-unshelve-az"): (OFFLOADED, 202),
    ("os-shelve", "os-unshelve-host"): (OFFLOADED, 202), ("os-shelve", "os-unshelve-az-host"): (OFFLOADED, 202),
    ("os-shelve", "os-unshelve-unpin-az"): (OFFLOADED, 202),
    ("os-shelve", "os-unshelve-host-and-unpin-az"): (OFFLOADED, 202),
    ("os-evacuate", "server-evacuate-req"): ("down", 200),
    ("os-evacuate", "server-evacuate-find-host-req"): ("down", 200),
}
ANSWERS = {"server-rescue-req": "server-rescue", "server-rescue-req-with-image-ref": "server-rescue",
           "server-evacuate-req": "server-evacuate-resp",
           "server-evacuate-find-host-req": "server-evacuate-find-host-resp"}


def requests(folder: str, name: str, until: int = microversion.MAX) -> Iterator[tuple[int, Path]]:
    """The versions to send a sample at: each that it is given for, and the last in which it is served."""
    found = [(version, path) for version, path in sample_versions(folder, f"{name}.json") if version <= until]
    assert found, (folder, name)
    yield from sorted(found)
    if max(found)[0] < until:
        yield until, max(found)[1]


def adapted(cloud: Any, content: Any) -> Any:
    """A request with the hosts, images and zones of this cluster in place of the sample's."""
    if isinstance(content, dict):
        names = {"host": "cmp-2", "rescue_image_ref": cloud.image, "imageRef": cloud.image, "availability_zone": "nova"}
        return {key: names[key] if key in names and isinstance(value, str) else adapted(cloud, value)
                for key, value in content.items()}
    return content


def prepared(cloud: Any, start: Any) -> str:
    server: str = cloud.boot("3" if start == RESIZED else "1")
    cloud.db.write(hosts.update_service, cloud.db.read(hosts.services, "cmp-1")[0].id, forced_down=start == "down")
    if start == RESIZED:
        cloud.resized(server, "1")
    elif isinstance(start, dict) and start:
        cloud.set(server, **start)
    return server


@pytest.mark.parametrize(("folder", "name"), ACTIONS)
def test_actions_are_taken(cloud, folder, name):
    cloud.api.quota_defaults |= {"instances": -1, "cores": -1, "ram": -1}
    start, status = ACTIONS[folder, name]
    for version, path in requests(folder, name):
        body = adapted(cloud, json.loads(path.read_text()))
        answer = cloud.call("POST", f"/servers/{prepared(cloud, start)}/action", body, f"2.{version}")
        assert answer.status == status, (path, answer.text)
        sample = path.parent / f"{ANSWERS.get(name, name + '-resp')}.json"
        assert (answer.body is None) == (not sample.exists()), (path, answer.text)
        if sample.exists():
            assert not differences(answer.body, json.loads(sample.read_text())), path


# What is asked, by (folder, sample of the request without its end): method, path, last version that has it.
GROUPS = "/os-aggregates/{aggregate}"
NEWEST = microversion.MAX
WRITES: dict[tuple[str, str, str], tuple[str, str, int]] = {
    ("flavor-manage", "flavor-create-post-req", "flavor-create-post-resp"): ("POST", "/flavors", NEWEST),
    ("flavor-manage", "flavor-update-req", "flavor-update-resp"): ("PUT", "/flavors/1", NEWEST),
    ("flavor-access", "flavor-create-req", ""): ("POST", "/flavors", NEWEST),
    ("flavor-access", "flavor-access-add-tenant-req", "flavor-access-add-tenant-resp"):
        ("POST", "/flavors/priv/action", NEWEST),
    ("flavor-access", "flavor-access-remove-tenant-req", "flavor-access-remove-tenant-resp"):
        ("POST", "/flavors/priv/action", 1),
    ("flavor-extra-specs", "flavor-extra-specs-create-req", "flavor-extra-specs-create-resp"):
        ("POST", "/flavors/1/os-extra_specs", NEWEST),
    ("flavor-extra-specs", "flavor-extra-specs-update-req", "flavor-extra-specs-update-resp"):
        ("PUT", "/flavors/1/os-extra_specs/hw:numa_nodes", NEWEST),
    ("os-aggregates", "aggregate-post-req", "aggregate-post-resp"): ("POST", "/os-aggregates", NEWEST),
    ("os-aggregates", "aggregate-update-post-req", "aggregate-update-post-resp"): ("PUT", GROUPS, NEWEST),
    ("os-aggregates", "aggregate-metadata-post-req", "aggregates-metadata-post-resp"):
        ("POST", f"{GROUPS}/action", NEWEST),
    ("os-aggregates", "aggregate-add-host-post-req", "aggregates-add-host-post-resp"):
        ("POST", f"{GROUPS}/action", NEWEST),
    ("os-aggregates", "aggregate-remove-host-post-req", "aggregates-remove-host-post-resp"):
        ("POST", f"{GROUPS}/action", NEWEST),
    ("os-aggregates", "aggregate-images-post-req", ""): ("POST", f"{GROUPS}/images", NEWEST),
    ("os-server-groups", "server-groups-post-req", "server-groups-post-resp"): ("POST", "/os-server-groups", NEWEST),
    ("os-quota-sets", "quotas-update-post-req", "quotas-update-post-resp"): ("PUT", "/os-quota-sets/p1", NEWEST),
    ("os-quota-sets", "quotas-update-force-post-req", "quotas-update-force-post-resp"):
        ("PUT", "/os-quota-sets/p1", NEWEST),
    ("os-quota-sets", "user-quotas-update-post-req", "user-quotas-update-post-resp"):
        ("PUT", "/os-quota-sets/p1?user_id=bob", NEWEST),
    ("os-quota-class-sets", "quota-classes-update-post-req", "quota-classes-update-post-resp"):
        ("PUT", "/os-quota-class-sets/default", NEWEST),
    ("os-services", "service-disable-put-req", "service-disable-put-resp"): ("PUT", "disable", NEWEST),
    ("os-services", "service-disable-log-put-req", "service-disable-log-put-resp"):
        ("PUT", "disable-log-reason", NEWEST),
    ("os-services", "service-enable-put-req", "service-enable-put-resp"): ("PUT", "enable", NEWEST),
    ("os-services", "service-force-down-put-req", "service-force-down-put-resp"): ("PUT", "force-down", NEWEST),
    ("server-metadata", "server-metadata-all-req", "server-metadata-all-resp"):
        ("PUT", "/servers/{server}/metadata", NEWEST),
    ("server-metadata", "server-metadata-req", "server-metadata-resp"):
        ("PUT", "/servers/{server}/metadata/foo", NEWEST),
    ("os-multiple-create", "multiple-create-post-req", "multiple-create-post-resp"): ("POST", "/servers", 36),
    ("os-multiple-create", "multiple-create-no-resv-post-req", "multiple-create-no-resv-post-resp"):
        ("POST", "/servers", 36),
}
# Samples of another status than 200.
STATUSES = {"/servers": 202, f"{GROUPS}/images": 202}


@pytest.mark.parametrize(("folder", "name", "answer_name"), WRITES)
def test_writes_are_taken_and_answered(make_cloud, folder, name, answer_name):
    method, path, until = WRITES[folder, name, answer_name]
    for version, sample in requests(folder, name, until):
        cloud = make_cloud()
        aggregate = cloud.call("POST", "/os-aggregates", {"aggregate": {"name": "a"}}).body["aggregate"]["id"]
        if "remove" in name:
            cloud.call("POST", f"/os-aggregates/{aggregate}/action", {"add_host": {"host": "cmp-2"}})
            cloud.call("POST", "/flavors/priv/action", {"addTenantAccess": {"tenant": "fake_tenant"}})
        url = _service(cloud, path, version) if folder == "os-services" else path
        body = adapted(cloud, json.loads(sample.read_text()))
        answer = cloud.call(method, url.format(aggregate=aggregate, server=cloud.boot()), body, f"2.{version}")
        assert answer.status == STATUSES.get(path, 200), (sample, answer.text)
        if answer_name:
            answered = max(pair for pair in sample_versions(folder, f"{answer_name}.json") if pair[0] <= version)[1]
            assert not differences(answer.body, json.loads(answered.read_text())), sample


def _service(cloud: Any, verb: str, version: int) -> str:
    if version < 53:
        return f"/os-services/{verb}"
    return "/os-services/" + str(cloud.get("/os-services?host=cmp-2", version=f"2.{version}").body["services"][0]["id"])


def test_force_complete_is_sent_as_in_the_sample(cloud):
    """To a migration that is not there: what it does is told by the stories of live migration."""
    body = json.loads((SAMPLES / "server-migrations" / "v2.22" / "force_complete.json").read_text())
    path = f"/servers/{cloud.boot()}/migrations/1/action"
    assert cloud.call("POST", path, body, "2.21").status == 404
    answer = cloud.call("POST", path, body, "2.22")
    assert (answer.status, answer.message.startswith("Migration 1 not found for instance")) == (404, True)
    assert cloud.call("POST", path, {"fly": None}, "2.22").message == "There is no such action: fly"
    assert cloud.call("POST", path, {"force_complete": None, "fly": 1}, "2.22").message == "Malformed request body"
