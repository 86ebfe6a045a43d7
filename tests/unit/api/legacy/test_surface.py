"""What there was in 2014 is served at /v2, and nothing of what came later."""

from __future__ import annotations

import pytest

from novasim.api import gone, routes, server_actions
from novasim.api.legacy import bodies, surface
from novasim.api.microversion import Ranged

# Came after 2014, though it is in 2.1.
LATER = {("GET", "/os-quota-sets/{}/detail"), ("GET", "/os-console-auth-tokens/{}")}
LATER_ACTIONS = {"os-getSerialConsole", "trigger_crash_dump"}
OURS = "/os-simulator/"


def _since(entry):
    """The first version that has it. A Ranged is a tuple too."""
    if not isinstance(entry, tuple):
        return 1
    return entry.since if isinstance(entry, Ranged) else min(one.since for one in entry)


def test_all_of_the_api_is_old_or_known_to_be_later():
    old = {(method, path) for path, methods in surface.OPERATIONS.items() for method in methods}
    missing = {(method, surface._shape(path)) for path, methods in routes.ROUTES.items() for method in methods
               if (method, path) not in old and not path.startswith(OURS) and _since(methods[method]) == 1
               and not gone.is_refusal(getattr(methods[method], "handler", methods[method]))}
    assert missing <= LATER


def test_every_action_is_one_of_2014():
    assert set(surface.ACTIONS) | LATER_ACTIONS == set(server_actions.ACTIONS)


@pytest.mark.parametrize(("schema", "value", "known"), [
    ({}, {"a": 1}, {"a": 1}),
    ({"properties": {"a": {}}, "additionalProperties": False}, {"a": {"b": 1}, "c": 1}, {"a": {"b": 1}}),
    ({"properties": {"a": {}}}, {"a": 1, "c": 1}, {"a": 1, "c": 1}),
    ({"items": {"properties": {"a": {}}, "additionalProperties": False}}, [{"a": 1, "b": 1}, "x"], [{"a": 1}, "x"]),
    ({"properties": {"a": {}}, "additionalProperties": False}, "text", "text"),
])
def test_prune(schema, value, known):
    assert bodies.prune(schema, value) == known
