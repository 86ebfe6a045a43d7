"""What is left of cells as of 2014: the checks of the compute API (spec 3.2 item 8, 5.1, 5.3)."""

import pytest
from cluster_fixture import TINY

from novasim.db import instances


@pytest.mark.spec("5.1/cell", "3.2/8")
def test_the_cell_of_the_api_must_know_the_servers_cell(make_cluster):
    cluster = make_cluster(**{"cells.cell_type": "api"})
    uuid = cluster.boot()
    for body in ({"resize": {"flavorRef": "2"}}, {"confirmResize": None}, {"os-stop": None}):
        answer = cluster.http("POST", f"/servers/{uuid}/action", body)
        assert answer.status_int == 409
        assert answer.json["conflictingRequest"]["message"] == f"Cell is not known for instance {uuid}"
    cluster.action(uuid, {"lock": None})
    assert cluster.http("POST", f"/servers/{uuid}/action", {"os-stop": None}, "bob:demo").json[
        "conflictingRequest"]["message"] == f"Instance {uuid} is locked"
    cluster.action(uuid, {"unlock": None})
    cluster.db.write(instances.update, uuid, cell_name="cell!1")
    cluster.resize(uuid)


@pytest.mark.spec("5.3/child-cell")
@pytest.mark.parametrize(("cell_type", "status"), [(None, 400), ("compute", 202)])
def test_a_child_cell_takes_the_present_flavor(make_cluster, cell_type, status):
    cluster = make_cluster(**({"cells.cell_type": cell_type} if cell_type else {}))
    uuid = cluster.boot()
    mark = cluster.watch.mark()
    cluster.action(uuid, {"resize": {"flavorRef": TINY}}, status=status)
    if status == 202:
        cluster.watch.wait("waiting for confirm or revert", mark)
        assert cluster.move(uuid).migration_type == "migration"
