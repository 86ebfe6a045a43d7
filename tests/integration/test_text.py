"""Names that differ in case or in blanks only are different names, on every database."""

import pytest

from novasim.db import quotas, versioning
from novasim.db.engine import Database
from novasim.sim.clock import Clock

LIMITS = {"instances": 10, "cores": 10, "ram": 10}
NAMES = ["alpha", "ALPHA", "alpha ", "älpha"]


@pytest.mark.parametrize("kind", ["mariadb", "postgresql"])
def test_text_is_compared_as_it_is_written(kind, request):
    database = Database(request.getfixturevalue(kind).database(), Clock(), 2)
    versioning.upgrade(database)
    for number, name in enumerate(NAMES):
        database.write(quotas.use, name, "user", {"cores": number + 1}, LIMITS)
        database.write(quotas.use, "project", name, {"cores": 1}, LIMITS)
        database.write(quotas.set_limits, name, {"cores": number})
    for number, name in enumerate(NAMES):
        assert database.read(quotas.usage, name)["cores"] == (number + 1, 0)
        assert database.read(quotas.limits, name, LIMITS)["cores"] == number
    assert database.read(quotas.usage, "project")["cores"] == (len(NAMES), 0)
    database.close()
