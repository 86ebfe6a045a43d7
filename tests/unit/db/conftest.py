"""What stands in the database of a test: a flavor and servers of it."""

import uuid

import pytest

from novasim.context import RequestContext
from novasim.db import flavors, instances
from novasim.objects import CURRENT, Flavor, Instance


@pytest.fixture
def flavor(db):
    return db.write(flavors.create, Flavor(flavorid="small", name="m1.small", memory_mb=2048, vcpus=2, root_gb=20,
                                           ephemeral_gb=5, swap=512, rxtx_factor=1.5))


@pytest.fixture
def make_server(db, flavor):
    """Insert a server: ``make_server(vm_state="active", host="cmp-1")``."""
    def make(**values):
        given = {"uuid": str(uuid.uuid4()), "project_id": "p", "user_id": "u", "display_name": "vm",
                 "system_metadata": flavor.to_sys(CURRENT), **instances.flavor_columns(flavor)}
        server = Instance(**(given | values))
        db.write(instances.create, [server])
        return server
    return make


@pytest.fixture
def ctxt():
    return RequestContext(user_id="u", project_id="p")
