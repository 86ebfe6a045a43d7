"""Images: who sees them, which of them a list has, and how snapshots come and go."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novasim import exceptions
from novasim.db import images

PUBLIC, OURS, THEIRS, SERVER = "public", "ours", "theirs", "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def filled(db):
    """An image of everybody's and one of each of two projects."""
    for image_id, project in ((PUBLIC, None), (OURS, "p1"), (THEIRS, "p2")):
        db.write(images.create, image_id, f"name-{image_id}", 10, project_id=project,
                 instance_uuid=SERVER if project else None)
    return db


def ids(db, *args, **kwargs):
    return [image["id"] for image in db.read(images.list_page, *args, **kwargs)]


def test_a_project_sees_its_own_and_everybodys(filled):
    assert ids(filled) == [PUBLIC, OURS, THEIRS]
    assert ids(filled, "p1") == [PUBLIC, OURS]
    assert filled.read(images.get, OURS, "p1")["project_id"] == "p1"
    with pytest.raises(exceptions.ImageNotFound):
        filled.read(images.get, THEIRS, "p1")


@pytest.mark.parametrize(("filters", "found"), [
    ({"name": "name-ours"}, [OURS]), ({"instance_uuid": SERVER}, [OURS, THEIRS]),
    ({"status": ["queued", "saving"]}, []), ({"status": ["active"]}, [PUBLIC, OURS, THEIRS]),
    ({"made_of_server": True}, [OURS, THEIRS]), ({"made_of_server": False}, [PUBLIC]), ({"min_disk": 1}, []),
])
def test_filters(filled, filters, found):
    assert ids(filled, None, filters) == found


def test_pages(filled):
    assert ids(filled, limit=2) == [PUBLIC, OURS]
    assert ids(filled, limit=2, marker=OURS) == [THEIRS]
    assert ids(filled, "p1", marker=PUBLIC) == [OURS]
    for marker in ("none", THEIRS):
        with pytest.raises(exceptions.Invalid):
            ids(filled, "p1", marker=marker)


def test_changed_since(filled, clock):
    clock.advance(10)
    assert filled.write(images.update, OURS, size=20)
    assert ids(filled, None, {"changes_since": clock.now()}) == [OURS]
    assert filled.read(images.get, OURS)["size"] == 20


def test_a_deleted_image_is_gone_and_its_id_free(filled):
    filled.write(images.delete, OURS)
    filled.write(images.delete, OURS)
    assert ids(filled) == [PUBLIC, THEIRS]
    assert not filled.write(images.update, OURS, status="active")
    filled.write(images.create, OURS, "again", 1)
    assert filled.read(images.get, OURS)["name"] == "again"


def test_what_is_not_finished_is_dropped(filled):
    filled.write(images.create, "new", "new", 0, status=images.QUEUED, instance_uuid=SERVER)
    assert filled.read(images.unfinished, SERVER) == "new"
    filled.write(images.drop_unfinished, SERVER)
    assert filled.read(images.unfinished, SERVER) is None
    assert ids(filled, None, {"instance_uuid": SERVER}) == [OURS, THEIRS]


def backup(db, image_id, kind, server):
    db.write(images.create, image_id, image_id, 1, properties={"image_type": "backup", "backup_type": kind},
             instance_uuid=server)


_SERVERS = (f"00000000-0000-4000-8000-{number:012}" for number in itertools.count())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.lists(st.sampled_from(["daily", "weekly", "snapshot"]), max_size=8), rotation=st.integers(0, 5))
def test_rotation_keeps_the_newest_of_one_type(db, kinds, rotation):
    """The newest so many of the type are left, all others as they were."""
    server = next(_SERVERS)
    for number, kind in enumerate(kinds):
        backup(db, f"{server[-12:]}-{number}", kind, server)
    before = [(image["id"], image["properties"]["backup_type"])
              for image in db.read(images.list_page, None, {"instance_uuid": server})]
    db.write(images.rotate, server, "daily", rotation)
    daily = [image_id for image_id, kind in before if kind == "daily"]
    doomed = daily[:max(len(daily) - rotation, 0)]
    assert ids(db, None, {"instance_uuid": server}) == [
        image_id for image_id, _ in before if image_id not in doomed]
