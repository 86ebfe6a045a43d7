"""A cloud in which project1 has one of each thing, and what it takes to see whether anybody else reached one."""

from __future__ import annotations

import re
from typing import Any

from identity_door import Door

from novasim.api.openapi import operations
from novasim.api.openapi.operations import Operation
from novasim.db import flavors, images, models, security_groups
from novasim.objects import Flavor

IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"
OWN_IMAGE = "7d0f2f8c-0d1c-4b93-9d0b-0d6d2ff0a1aa"
VOLUME = "a07f71dc-8151-4e7d-a0cc-cd24a3f11113"
# What follows the key is a remark of its owner.
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJq1TVOf/y61SDCjIenYyYCb5EG9ZaOmJo8uvNwaCvbl hidden-remark"
# What a network is shown by, and what makes one of each thing on it: collection -> (name of one, fields).
NETWORK_THINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "networks": ("network", {"name": "hidden-network"}),
    "subnets": ("subnet", {"network_id": "{networks}", "cidr": "10.9.0.0/24", "ip_version": 4}),
    "ports": ("port", {"network_id": "{networks}", "name": "hidden-port"}),
    "security-groups": ("security_group", {"name": "hidden-group"}),
    "security-group-rules": ("security_group_rule", {"security_group_id": "{security-groups}", "direction": "ingress"}),
    "floatingips": ("floatingip", {"floating_network_id": "{public}", "description": "hidden-address"})}


class World:
    """The cloud, by way of its front door.

    :ivar ids: what names in URLs stand for
    :ivar collections: what ``id`` in URLs of networks stands for
    """

    def __init__(self, door: Door):
        self.door, self.cloud = door, door.cloud
        self.admin = door.token("admin")
        self.owner = door.token("member1")
        projects, users = door.ids("projects", self.admin), door.ids("users", self.admin)
        self.ids: dict[str, str] = {}
        group = self.call("POST", "/os-server-groups", {"server_group": {"name": "g", "policies": ["affinity"]}},
                          self.owner)
        self.call("POST", "/os-keypairs", {"keypair": {"name": "key", "public_key": KEY}}, self.owner)
        server = self.cloud.boot(user=self.owner, name="hidden-name", metadata={"k": "hidden-value"})
        self.ids = {
            "server_id": server, "project_id": projects["project1"], "image_id": OWN_IMAGE, "flavor_id": "own",
            "server_group_id": group.body["server_group"]["id"], "key": "k", "migration_id": "1", "aggregate_id": "1",
            "volume_id": VOLUME, "port_id": VOLUME, "share_id": VOLUME, "keypair_name": "key",
            "class_name": "default", "hypervisor_id": "1", "service_id": "enable", "network": "private", "alias": "a",
            "console_token": "t", "host_name": "cmp-1", "snapshot_id": VOLUME, "rule_id": VOLUME,
            "before": "2026-01-01 00:00:00", "fault_id": VOLUME,
            "user_id": users["member1"], "role_id": door.ids("roles", self.admin)["member"], "domain_id": "default",
            "member_id": projects["project3"], "tag": "hidden", "name": "image"}
        self.door.db.write(self._make)
        actions = self.call("GET", f"/servers/{server}/os-instance-actions", None, self.owner).body["instanceActions"]
        self.ids["request_id"] = actions[0]["request_id"]
        self.call("PUT", f"/os-quota-sets/{projects['project1']}", {"quota_set": {"cores": 19}}, self.admin)
        self.call("POST", "/os-aggregates", {"aggregate": {"name": "agg"}}, self.admin)
        credential = {"application_credential": {"name": "hidden-credential", "secret": "s"}}
        made = door.call("POST", f"/users/{users['member1']}/application_credentials", credential, self.owner)
        self.ids["credential_id"] = made.body["application_credential"]["id"]
        self.collections: dict[str, str] = {}
        self._make_networks()

    def _make(self, tx: Any) -> None:
        for project_id in self.door.ids("projects", self.admin).values():
            # Whoever looks for it makes it.
            security_groups.ensure_default(tx, project_id)
        images.create(tx, OWN_IMAGE, "hidden-image", 1, properties={"k": "v"}, project_id=self.ids["project_id"])
        flavor = flavors.create(tx, Flavor(flavorid="own", name="hidden-flavor", memory_mb=1, vcpus=1, root_gb=1,
                                           is_public=False, extra_specs={"k": "v"}))
        flavors.grant(tx, flavor, self.ids["project_id"])

    def _make_networks(self) -> None:
        outside = self._network("networks", "network", {"name": "public", "router:external": True}, self.admin)
        self.collections["public"] = outside
        self._network("subnets", "subnet", {"network_id": outside, "cidr": "192.0.2.0/24", "ip_version": 4}, self.admin)
        for collection, (name, fields) in NETWORK_THINGS.items():
            self.collections[collection] = self._network(collection, name, fields, self.owner)
        self.ids |= {"network_id": self.collections["networks"], "floating_ip_id": self.collections["floatingips"],
                     "security_group_id": self.collections["security-groups"]}

    def _network(self, collection: str, name: str, fields: dict[str, Any], token: str) -> str:
        made = self.door.root("POST", f"/network/v2.0/{collection}", {name: self.filled(fields)}, token)
        assert made.status == 201, made.text
        found: str = made.body[name]["id"]
        return found

    def filled(self, body: Any) -> Any:
        """A body whose ids in braces are those of the things there are."""
        if isinstance(body, dict):
            return {name: self.filled(value) for name, value in body.items()}
        return self.collections[body[1:-1]] if isinstance(body, str) and body.startswith("{") else body

    def url(self, operation: Operation) -> str:
        """The URL of an operation on project1's things; of what there is nowhere, an id of nothing."""
        collection = operation.path.split("/")[2:3] if operation.service == operations.NETWORK else []
        ids = self.ids | {"id": self.collections.get("".join(collection), "none")}
        return re.sub(r"\{(\w+)\}", lambda name: ids.get(name[1], VOLUME), operation.url.partition("#")[0])

    def call(self, method: str, path: str, body: Any, token: str, version: str = "2.37") -> Any:
        return self.cloud.call(method, path.format(**self.ids), body, version, user=token)

    def holds(self) -> dict[str, Any]:
        """All rows of all tables."""
        with self.door.db.engine.connect() as connection:
            return {table.name: connection.execute(table.select()).all() for table in models.metadata.sorted_tables}

    def theirs(self) -> dict[str, Any]:
        """Of these, what belongs to project1, or names what does."""
        own = {*(self.ids[name] for name in ("project_id", "server_id", "server_group_id", "image_id", "user_id")),
               *(uuid for collection, uuid in self.collections.items() if collection != "public")}
        return {name: [row for row in rows if own & {value for value in row if isinstance(value, str)}]
                for name, rows in self.holds().items()}

    def tells(self, answer: Any) -> list[str]:
        """What an answer says of project1's things. A refusal may repeat the ids that were asked for."""
        secrets = ["hidden-", *(self.ids[name] for name in ("server_id", "project_id", "server_group_id", "image_id"))]
        return [secret for secret in secrets if secret in answer.text] if answer.status < 400 else (
            re.findall("hidden-[a-z]*", answer.text))
