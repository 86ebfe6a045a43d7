"""Servers are found by their tags as sets say."""

import contextlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novasim.db import instance_pages, instances, tags
from novasim.objects import Instance

WORDS = st.lists(st.sampled_from("abc"), max_size=3, unique=True)
FILTERS = st.fixed_dictionaries({}, optional=dict.fromkeys(("tags", "tags_any", "not_tags", "not_tags_any"), WORDS))
# What a server that has these tags must be, where a filter names some.
RULES = {"tags": lambda has, asked: asked <= has, "tags_any": lambda has, asked: bool(asked & has),
         "not_tags": lambda has, asked: not asked <= has, "not_tags_any": lambda has, asked: not asked & has}


class Undone(Exception):
    """Nothing of an example is left."""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, max_size=5), FILTERS)
def test_filters(db, servers, filters):
    uuids = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(len(servers))]
    found = set()

    def example(tx):
        if uuids:
            instances.create(tx, [Instance(uuid=uuid, project_id="p") for uuid in uuids])
        for uuid, words in zip(uuids, servers, strict=True):
            tags.create(tx, [uuid], words)
        assert tags.of_servers(tx, uuids) == {
            uuid: sorted(words) for uuid, words in zip(uuids, servers, strict=True) if words}
        found.update(server.uuid for server in instance_pages.list_page(tx, filters, 9))
        raise Undone

    with contextlib.suppress(Undone):
        db.write(example)
    assert found == {uuid for uuid, words in zip(uuids, servers, strict=True)
                     if all(RULES[name](set(words), set(asked)) for name, asked in filters.items() if asked)}
