"""migration-list: filters, columns and microversion."""

import json


def test_list(novasim, nova, server_id):
    row = {"id": 1, "migration_type": "resize", "status": "finished", "source_compute": "cmp-1",
           "dest_compute": "cmp-2", "instance_uuid": server_id, "old_instance_type_id": 2,
           "new_instance_type_id": 3, "created_at": "2026-01-01T00:00:00.000000", "updated_at": None}
    nova.on("GET", "/os-migrations", {"migrations": [row]})
    code, out, _err = novasim("migration-list", "--host", "cmp-1", "--status", "finished",
                              "--instance", "demo", "--type", "resize", "-f", "json")
    assert code == 0
    assert json.loads(out)[0]["Type"] == "resize"
    assert nova.requests[-1]["query"] == {"host": ["cmp-1"], "status": ["finished"],
                                          "instance_uuid": [server_id], "migration_type": ["resize"]}
    assert nova.requests[-1]["headers"]["OpenStack-API-Version"] == "compute 2.23"
