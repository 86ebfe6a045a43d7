"""Key pairs and tags on the databases of a large cloud: their names are as they are written, and of two who come at
once one is told so."""

import threading

import pytest

from novasim import exceptions
from novasim.db import instance_extra, instance_pages, instances, keypairs, tags, versioning
from novasim.db.engine import Database
from novasim.objects import Instance
from novasim.sim.clock import Clock

LIMITS = {"key_pairs": 5}
NAMES = ["key", "KEY", "kéy"]


@pytest.fixture(params=["mariadb", "postgresql"])
def database(request):
    made = Database(request.getfixturevalue(request.param).database(), Clock(), 8)
    versioning.upgrade(made)
    yield made
    made.close()


def key(name, user="user"):
    return {"user_id": user, "name": name, "type": "ssh", "fingerprint": "00", "public_key": f"ssh-rsa {name}"}


def test_names_of_key_pairs(database):
    for name in NAMES:
        database.write(keypairs.create, key(name), "project", LIMITS)
    for name in NAMES:
        assert database.read(keypairs.get, "user", name).public_key == f"ssh-rsa {name}"
        with pytest.raises(exceptions.Conflict):
            database.write(keypairs.create, key(name), "project", LIMITS)
    database.write(keypairs.delete, "user", "key")
    database.write(keypairs.create, key("key"), "project", LIMITS)
    first = database.read(keypairs.list_page, "user", 1)
    rest = database.read(keypairs.list_page, "user", 9, first[0].name)
    assert {row.name for row in [*first, *rest]} == set(NAMES)


def test_the_quota_holds_when_many_come_at_once(database):
    told = []

    def add(number):
        try:
            database.write(keypairs.create, key(f"key{number}"), "project", LIMITS)
        except exceptions.OverQuota:
            told.append(number)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(database.read(keypairs.list_page, "user", 9)), len(told)) == (5, 3)


def test_servers_by_their_tags(database):
    uuids = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(3)]

    def make(tx):
        instances.create(tx, [Instance(uuid=uuid, display_name=uuid[-1], project_id="p") for uuid in uuids])
        tags.create(tx, uuids[:1], ["tag", "TAG"])
        tags.create(tx, uuids[1:2], ["TAG", "täg"])
        instance_extra.create(tx, uuids[:2], instance_extra.Extra(["c"], {"group": ["g"]}))
        instance_extra.set_trusted_certs(tx, uuids[2], ["d"])
        instance_extra.set_trusted_certs(tx, uuids[0], None)

    database.write(make)
    assert database.read(tags.of_servers, uuids) == {uuids[0]: ["TAG", "tag"], uuids[1]: ["TAG", "täg"]}
    for filters, found in (({"tags": ["tag"]}, "0"), ({"tags": ["TAG"]}, "01"), ({"tags_any": ["tag", "täg"]}, "01"),
                           ({"not_tags": ["tag", "TAG"]}, "12"), ({"not_tags_any": ["TAG"]}, "2")):
        page = database.read(instance_pages.list_page, filters, 9, None, [("display_name", "asc")])
        assert "".join(server.display_name for server in page) == found, filters
    extras = database.read(instance_extra.of_servers, uuids)
    assert [extras[uuid].trusted_certs for uuid in uuids] == [None, ["c"], ["d"]]
    assert extras[uuids[1]].scheduler_hints == {"group": ["g"]}
