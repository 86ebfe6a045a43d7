"""The OpenAPI document says what is served, and the published samples are what it says.

Every answer in these folders is held against it too: see documented.py.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import documented
import jsonschema
import openapi_spec_validator
import published_samples
import pytest
from identity_door import Door
from published_samples import SAMPLES, sample_versions

from novasim.api import answers, routes
from novasim.api.openapi import document, operations

# What has no other answer than a refusal.
REFUSED: dict[str, set[str]] = {}
for _one in operations.SERVICES[operations.COMPUTE]():
    if not _one.is_served:
        REFUSED.setdefault(_one.path, set()).add(_one.method)


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return document.document(tuple(operations.SERVICES), "identity")


def test_it_is_valid(whole):
    openapi_spec_validator.validate(whole | {"servers": [{"url": "http://localhost"}]})


def test_it_needs_no_token_and_names_this_server(make_cloud):
    door = Door(make_cloud)
    answer = door.root("GET", "/openapi.json")
    assert (answer.status, answer.body["openapi"]) == (200, "3.1.0")
    assert answer.body["servers"] == [{"url": "http://localhost"}]
    assert "/identity/v3/auth/tokens" in answer.body["paths"]
    links = door.root("GET", "/v2.1/").body["version"]["links"]
    assert {"rel": "describedby", "type": "application/json", "href": "http://localhost/openapi.json"} in links


@pytest.mark.parametrize("path", ["/", "/v2.1", "/image/", "/image/versions", "/network/", "/identity", "/identity/v3"])
def test_documents_are_read_and_no_more(make_cloud, whole, path):
    door = Door(make_cloud)
    [(status, said)] = whole["paths"][path]["get"]["responses"].items()
    answer = door.root("GET", path)
    assert answer.status == int(status)
    jsonschema.validate(answer.body, said["content"]["application/json"]["schema"])
    refused = door.root("POST", path)
    assert (refused.status, refused.headers["Allow"][:3]) == (405, "GET")


def test_what_is_off_is_not_in_it(make_cloud):
    paths = make_cloud(**{"image.enabled": False}).call("GET", "@/openapi.json").body["paths"]
    assert not [path for path in paths if path.startswith(("/image", "/identity"))]
    assert "/network/v2.0/ports" in paths


def test_each_route_and_action_is_in_it(whole):
    for path, methods in routes.ROUTES.items():
        if path != operations.ACTIONS:
            known = whole["paths"].get(f"/v2.1{path}", {}).keys()
            assert {method for method in methods if method.lower() not in known} <= REFUSED.get(path, set()), path
    assert not [path for path in whole["paths"] if "os-volumes" in path], "it is no part of the API"
    assert "/v2.1/servers/{server_id}/action#resize" in whole["paths"]


def test_versions_rules_and_statuses(whole):
    update = whole["paths"]["/v2.1/flavors/{flavor_id}"]["put"]
    assert (update["x-openstack-min-version"], update["x-openstack-max-version"][:2]) == ("2.55", "2.")
    assert update["x-openstack-policy"] == "os_compute_api:os-flavor-manage:update"
    assert set(update["responses"]) >= {"200", "400", "401", "403", "404", "406", "413", "415"}
    body = whole["paths"]["/v2.1/os-services/{service_id}"]["put"]["requestBody"]["content"]["application/json"]
    assert {one["x-openstack"]["max-ver"] for one in body["schema"]["anyOf"]} > {"2.52"}


def test_schemas_differ_by_version(whole):
    found = whole["paths"]["/v2.1/servers/{server_id}"]["get"]["responses"]["200"]["content"]["application/json"]
    ranges = {one["title"]: one["properties"]["server"] for one in found["schema"]["anyOf"]}
    assert "locked" not in ranges["2.1 to 2.2"]["properties"]
    assert "locked" in ranges["2.9 to 2.15"]["required"]
    assert found["schema"]["x-openstack"] == {"discriminator": "microversion"}


def test_a_wrong_answer_is_found(cloud, monkeypatch):
    """The check of all answers is one."""
    from novasim.api.views import flavors

    right = flavors.brief
    monkeypatch.setattr(flavors, "brief", lambda *args: right(*args) | {"colour": "red"})
    with pytest.raises(AssertionError, match="'colour' was unexpected"):
        cloud.get("/flavors")


def _reads() -> dict[tuple[str, str], str]:
    """The samples that test_samples.py reads, and where."""
    tree = ast.parse((Path(__file__).parent / "test_samples.py").read_text())
    [table] = [node.value for node in tree.body if isinstance(node, ast.Assign)
               and ast.unparse(node.targets[0]) == "READS"]
    return ast.literal_eval(table)


@published_samples.needed
@pytest.mark.parametrize(("folder", "name"), _reads())
def test_samples_are_what_is_documented(folder, name):
    """Not only our answers: those of the real service too, version by version."""
    path = _reads()[folder, name].partition("?")[0]
    methods, _ = routes.match(path.replace("{", "").replace("}", ""), documented._tree("compute"))
    for version, sample in sample_versions(folder, name):
        schema = answers.schema(methods["GET"][""].at(version).shapes[200], version)
        error = jsonschema.exceptions.best_match(
            jsonschema.Draft202012Validator(schema).iter_errors(json.loads(sample.read_text())))
        assert error is None, f"{sample.relative_to(SAMPLES)}: {error.json_path}: {error.message}"
