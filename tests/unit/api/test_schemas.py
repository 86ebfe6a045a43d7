"""Schemas refuse with the texts that clients know, and change at their versions."""

import importlib
import pkgutil

import jsonschema
import pytest

from novasim import exceptions
from novasim.api import schemas
from novasim.api.schemas import server_actions, servers


def refusal(schema, body, *version):
    with pytest.raises(exceptions.ValidationError) as caught:
        schema.check(body, *version)
    return caught.value.text


@pytest.mark.parametrize(("value", "text"), [
    ({}, "'a' is a required property"),
    ({"a": "", "b": 1}, "Additional properties are not allowed ('b' was unexpected)"),
    ({"a": ""}, "Invalid input for field/attribute a. Value: . '' is too short"),
    ({"a": "x" * 256}, f"Invalid input for field/attribute a. Value: {'x' * 256}. '{'x' * 256}' is too long"),
    ({"a": 7}, "Invalid input for field/attribute a. Value: 7. 7 is not of type 'string'"),
    ({"a": " x"}, "Invalid input for field/attribute a. Value:  x. ' x' is not a 'name'"),
    ({"a": "x\x00"}, "Invalid input for field/attribute a. Value: x\x00. 'x\\x00' is not a 'name'"),
])
def test_texts(value, text):
    found = refusal(schemas.Schema(schemas.closed({"a": schemas.NAME}, "a")), value)
    assert found == text or text in found


@pytest.mark.parametrize(("kind", "good", "bad"), [
    ("uuid", ["155d900f-4e14-4e4c-a73d-069cbf4541e6", 5], ["155d900f4e144e4ca73d069cbf4541e6", "x"]),
    ("ipv4", ["1.2.3.4"], ["1.2.3", "::1", "1.2.3.4 "]), ("ipv6", ["::1", "80fe::"], ["1.2.3.4", "x"]),
    ("base64", ["aGk=", "aG\nk=", ""], ["a", "%%%%", "aGk"]), ("name", ["a b"], [" a", "a ", "a\n"]),
])
def test_formats(kind, good, bad):
    schema = schemas.Schema({"format": kind})
    for value in good:
        schema.check(value)
    for value in bad:
        assert refusal(schema, value) == f"{value!r} is not a {kind!r}"


def test_whole_numbers_come_as_numbers_or_digits():
    schema = schemas.Schema(schemas.whole_number(1))
    for value in (1, "1", 2**31 - 1):
        schema.check(value)
    for value in (0, -1, "", "x", "-1", 1.5, True, None, 2**31):
        refusal(schema, value)


def test_true():
    assert [value for value in schemas.BOOLEAN["enum"] if schemas.true(value)] == schemas.BOOLEAN["enum"][:13]


def test_a_schema_is_in_force_from_its_version_on():
    chosen = schemas.Versions((5, {"const": 5}), (1, {"const": 1}))
    chosen.check(1, 1)
    chosen.check(1, 4)
    chosen.check(5, 5)
    chosen.check(5, 90)
    refusal(chosen, 5, 4)


def test_action_bodies():
    server_actions.plain("os-stop").check({"os-stop": {"anything": 1}}, 1)
    server_actions.RESIZE.check({"resize": {"flavorRef": 2}}, 1)
    server_actions.MIGRATE.check({"migrate": "ignored"}, 55)
    refusal(server_actions.MIGRATE, {"migrate": "ignored"}, 56)
    refusal(server_actions.MIGRATE, {"migrate": {"host": ""}}, 56)
    refusal(server_actions.LOCK, {"lock": {"locked_reason": ""}}, 73)
    refusal(server_actions.LOCK, {"lock": {"other": "x"}}, 73)


@pytest.mark.parametrize("hints", ["os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"])
def test_hints_stand_beside_the_server(hints):
    body = {"server": {"name": "a", "flavorRef": "1"}, hints: {"different_host": ["x"]}}
    assert refusal(servers.CREATE, body, 1) == (
        "Invalid input for field/attribute different_host[0]. Value: x. 'x' is not a 'uuid'")
    body[hints] = {"same_host": "155d900f-4e14-4e4c-a73d-069cbf4541e6", "own": 1}
    servers.CREATE.check(body, 1)


def _all_schemas():
    for module in pkgutil.iter_modules(schemas.__path__):
        for name, value in vars(importlib.import_module(f"novasim.api.schemas.{module.name}")).items():
            values = value.values() if isinstance(value, dict) else [value]
            for one in values:
                if isinstance(one, schemas.Versions):
                    yield from ((f"{module.name}.{name}", made) for _, made in one._versions)
                elif isinstance(one, schemas.Schema):
                    yield f"{module.name}.{name}", one


def test_every_schema_is_one():
    seen = 0
    for name, one in _all_schemas():
        try:
            schemas._Checker.check_schema(one.schema)
        except jsonschema.SchemaError as error:
            pytest.fail(f"{name}: {error}")
        seen += 1
    assert seen > 40
