"""As test_isolation.py, over every route of images, networks and identity; and, of all services, with a project id in
the URL that is not one's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from identity_door import Door
from two_projects import NETWORK_THINGS, World

from novasim.api.openapi import operations
from novasim.api.openapi.operations import Operation

PATCH = "application/openstack-images-v2.1-json-patch"
NAMED = {"name": "n"}
# Valid bodies of each request that has one. Those of networks are in two_projects.py.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/v2/images"): NAMED,
    ("PATCH", "/v2/images/{image_id}"): [{"op": "replace", "path": "/name", "value": "n"}],
    ("PUT", "/v2/images/{image_id}/file"): "contents",
    ("POST", "/v2/images/{image_id}/members"): {"member": "m"},
    ("PUT", "/v2/images/{image_id}/members/{member_id}"): {"status": "accepted"},
    ("POST", "/users/{user_id}/application_credentials"): {"application_credential": NAMED},
    ("POST", "/users/{user_id}/password"): {"user": {"password": "a", "original_password": "b"}},
    ("POST", "/auth/tokens"): {"auth": {"identity": {"methods": ["token"], "token": {"id": "t"}}}}} | {
    (method, path): {one: NAMED} for one in ("project", "user", "role", "domain")
    for method, path in (("POST", f"/{one}s"), ("PATCH", f"/{one}s/{{{one}_id}}"))}
# What everybody may read, though the URL has a name of project1's in it.
OPEN = {("GET", "/v2.0/extensions/{alias}"), ("GET", "/v2/schemas/{name}")}
# Of a caller's own.
OWN = ("/auth/",)


@pytest.fixture
def world(make_cloud: Any) -> World:
    return World(Door(make_cloud))


def everything(*services: str) -> list[Operation]:
    return [one for service in services for one in operations.SERVICES[service]()]


def body(operation: Operation) -> Any:
    """A valid one, of networks too."""
    if operation.service != operations.NETWORK:
        return BODIES.get((operation.method, operation.path))
    if not operation.variants[0].answers.takes:
        return None
    name, fields = NETWORK_THINGS[operation.path.split("/")[2]]
    return {name: {"description": "n"} if operation.method == "PUT" else fields}


def ask(world: World, operation: Operation, token: str) -> Any:
    said = world.filled(body(operation))
    media = operation.variants[0].answers.media[0]
    raw = None if said is None else said.encode() if isinstance(said, str) else json.dumps(said).encode()
    headers = {} if raw is None else {"Content-Type": media}
    headers |= dict.fromkeys(operation.variants[0].answers.headers, world.owner)
    return world.cloud.call(operation.method, f"@{world.url(operation)}", user=token, raw=raw, headers=headers)


def refused(world: World, token: str, asked: Iterable[Operation], fine: tuple[int, ...]) -> dict[str, str]:
    """What was not refused, or not without a trace."""
    found, before = {}, world.holds()
    for operation in asked:
        answer = ask(world, operation, token)
        if answer.status not in fine or world.tells(answer):
            found[f"{operation.method} {operation.url}"] = f"{answer.status} {answer.text[:200]}"
    after = world.holds()
    assert {name for name in before if before[name] != after[name]} == set()
    return found


def look_for_the_first_time(world: World, token: str) -> None:
    """Whoever does so gets a default security group."""
    assert world.door.root("GET", "/network/v2.0/security-groups", token=token).status == 200


def _names_something(operation: Operation) -> bool:
    return "{" in operation.path and (operation.method, operation.path) not in OPEN


ALL = everything(operations.IMAGE, operations.NETWORK, operations.IDENTITY)


def test_every_request_has_a_body():
    assert [one.url for one in ALL if one.variants[0].answers.takes and body(one) is None] == []


def test_the_owner_is_understood(world):
    """The bodies are good, and the things are there: what is refused below is so for who asks."""
    bad = {}
    for operation in (one for one in ALL if one.method in ("GET", "PUT", "PATCH", "POST")):
        answer = ask(world, operation, world.admin if operation.service == operations.IDENTITY else world.owner)
        if answer.status in (400, 404) and not operation.path.startswith(OWN):
            bad[operation.method, operation.path] = answer.text
    assert {path for _, path in bad} <= {
        # Nobody has assigned it, nothing has been uploaded or shared yet, and there is a subnet of this range.
        "/v2.0/subnets", "/v2.0/extensions/{alias}",
        "/v2/images/{image_id}/file", "/v2/images/{image_id}/members/{member_id}",
        "/projects/{project_id}/users/{user_id}/roles/{role_id}",
        "/domains/{domain_id}/users/{user_id}/roles/{role_id}", "/system/users/{user_id}/roles/{role_id}",
        "/services/{id}", "/endpoints/{id}", "/regions/{id}"}, bad


def test_without_a_token_nothing_is_answered(world):
    asked = [one for one in ALL if one.rule is not None]
    for token in ("", "admin:admin", world.owner[:-2] + "xx"):
        assert refused(world, token, asked, (401,)) == {}
    for operation in asked:
        headers = ask(world, operation, "").headers
        assert headers["WWW-Authenticate"] == 'Keystone uri="http://localhost/identity"', operation.url


def test_a_reader_changes_nothing(world):
    asked = [one for one in ALL if one.method != "GET" and one.rule is not None and not one.path.startswith(OWN)
             and "application_credentials" not in one.path]
    assert refused(world, world.door.token("reader1"), asked, (403,)) == {}, "nor is it for want of the thing"


@pytest.mark.parametrize("stranger", ["member2", "manager2", "reader2"])
def test_a_member_of_another_project_reaches_nothing(world, stranger):
    asked = [one for one in ALL if _names_something(one) and one.rule is not None]
    assert len(asked) > 60
    look_for_the_first_time(world, world.door.token(stranger))
    # The domain is that of both.
    mine = {"/identity/v3/domains/{domain_id}"}
    found = refused(world, world.door.token(stranger), asked, (403, 404))
    assert {url for url in found if url.removeprefix("GET ") not in mine} == set(), found


@pytest.mark.parametrize("stranger", ["member2", "reader2"])
def test_lists_of_another_project_say_nothing(world, stranger):
    token = world.door.token(stranger)
    look_for_the_first_time(world, token)
    asked = [one for one in ALL if one.method == "GET" and not _names_something(one) and one.rule is not None]
    assert refused(world, token, asked, (200, 403, 404)) == {}
    for url in ("/image/v2/images?visibility=all", "/image/v2/images?owner={project_id}",
                "/network/v2.0/networks?project_id={project_id}", "/network/v2.0/ports?device_id={server_id}",
                "/network/v2.0/security-group-rules?tenant_id={project_id}", "/image/v2/images?member_status=all"):
        answer = world.door.root("GET", url.format(**world.ids), token=token)
        assert (answer.status, "hidden-" in answer.text) == (200, False), url
    assert "hidden-" in world.door.root("GET", "/network/v2.0/ports", token=world.owner).text, "it is there to be seen"


def test_what_a_stranger_names_as_its_own_is_not(world):
    """Things of project1 in the bodies of another project's requests, and project1 as the owner of new ones."""
    token, before = world.door.token("member2"), world.theirs()
    for collection, (name, fields) in NETWORK_THINGS.items():
        for said in (fields, fields | {"project_id": world.ids["project_id"]}):
            if said != fields or any("{" in str(value) for value in said.values()) and collection != "floatingips":
                answer = world.door.root("POST", f"/network/v2.0/{collection}", {name: world.filled(said)}, token)
                assert answer.status in (403, 404), (collection, answer.text)
    port = {"port_id": world.collections["ports"], "floating_network_id": world.collections["public"]}
    assert world.door.root("POST", "/network/v2.0/floatingips", {"floatingip": port}, token).status == 404
    owned = {"name": "n", "owner": world.ids["project_id"]}
    assert world.door.root("POST", "/image/v2/images", owned, token).status == 403
    assert world.theirs() == before


def test_a_stolen_project_id_in_the_url_is_refused(world):
    """Every route of compute, below the id of a project that the token is not for."""
    stranger, before = world.door.token("member2"), world.holds()
    for operation in everything(operations.COMPUTE):
        path = world.url(operation).removeprefix("/v2.1")
        for prefix in ("/v2.1", "/v2"):
            answer = world.door.root(operation.method, f"{prefix}/{world.ids['project_id']}{path}", token=stranger)
            assert answer.status in (400, 404), (operation.url, answer.text)
            assert not world.tells(answer), (operation.url, answer.text)
            if prefix == "/v2.1":
                assert "doesn't match Context's project_id" in answer.message, operation.url
    assert world.holds() == before
