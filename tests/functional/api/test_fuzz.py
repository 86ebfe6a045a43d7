"""Requests made up from the OpenAPI document, valid and invalid ones, of everybody: no answer that is not documented,
no failure, and nothing of project1 is changed or told to whoever is not of it.

schemathesis is in the environment of ``tox -e fuzz`` only, and so is this. ``NOVASIM_REQUESTS`` says how many are made.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

import documented
import pytest
import requests
import schemathesis
import webob
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from identity_door import Door
from schemathesis import GenerationMode
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from two_projects import World

from novasim.api.openapi import document, operations

URL = "http://localhost"
SEED = int(os.environ.get("NOVASIM_SEED", "6"))
SCHEMA = schemathesis.openapi.from_dict(json.loads(json.dumps(
    document.document(tuple(operations.SERVICES), "identity") | {"servers": [{"url": URL}]})))
# Machines of the simulator need the processes that play them.
ALL = [one for found in SCHEMA.get_all_operations() if "/os-simulator/" not in (one := found.ok()).path]
# Each operation is asked by strangers, then by those who may, with what is valid and what is not.
EACH = max(int(os.environ.get("NOVASIM_REQUESTS", "1000")) // len(ALL) // 4, 1)
STRANGERS, FRIENDS = ("member2", "reader2", "nobody"), ("admin", "member1")
CHECKS = [status_code_conformance, content_type_conformance, response_headers_conformance,
          response_schema_conformance]


class Fuzzer:
    """A world, and how made-up requests reach it."""

    def __init__(self, world: World):
        self.world = world
        self.tokens = {name: world.door.token(name) for name in (*STRANGERS[:2], *FRIENDS)} | {"nobody": ""}

    def ask(self, case: Any, who: str, at_home: bool) -> None:
        """Send one, and see that its answer is documented and tells no stranger of project1.

        :param at_home: it is of the things that there are, in place of made-up ids
        """
        if at_home:
            ids = self.world.ids | {"id": self.world.collections.get(case.path.split("/")[-2], "none")}
            case.path_parameters |= {name: ids[name] for name in case.path_parameters if name in ids}
        sent = requests.Request(**{name: value for name, value in case.as_transport_kwargs(URL).items()
                                   if name in ("method", "url", "headers", "params", "data", "json", "cookies")})
        prepared = sent.prepare()
        wire = webob.Request.blank(prepared.path_url, method=prepared.method, headers={
            name: text.decode("latin-1") if isinstance(text, bytes) else text
            for name, text in prepared.headers.items()})
        wire.body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body or b""
        wire.headers["X-Auth-Token"] = self.tokens[who]
        answer = wire.get_response(self.world.cloud.api.application)
        documented.check(wire, answer)
        # What is not simulated says so, with a documented 501.
        assert answer.status_int not in (500, 502, 504), answer.text
        headers: dict[str, list[str]] = {}
        for name, text in answer.headerlist:
            headers.setdefault(name.lower(), []).append(text)
        case.validate_response(Response(answer.status_int, headers, answer.body, prepared, 0.0, False), checks=CHECKS)
        if who in STRANGERS:
            told = "" if answer.status_int >= 400 else answer.text
            assert "hidden-" not in told, f"{who} is told {told}"


@pytest.fixture
def fuzzer(make_cloud: Any) -> Fuzzer:
    return Fuzzer(World(Door(make_cloud)))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("operation", ALL, ids=lambda operation: operation.label)
def test_made_up_requests_are_answered_as_documented(fuzzer, operation):
    for people in (STRANGERS, FRIENDS):
        before = fuzzer.world.theirs()
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            @seed(SEED)
            @settings(max_examples=EACH, database=None, deadline=None, suppress_health_check=list(HealthCheck),
                      phases=[Phase.generate])
            @given(case=operation.as_strategy(mode), who=st.sampled_from(people), at_home=st.booleans())
            def fuzz(case: Any, who: str, at_home: bool) -> None:
                fuzzer.ask(case, who, at_home)
            # Of what takes nothing there is nothing invalid.
            with contextlib.suppress(Unsatisfiable):
                fuzz()
        if people is STRANGERS:
            assert fuzzer.world.theirs() == before
