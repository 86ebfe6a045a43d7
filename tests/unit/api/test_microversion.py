"""Which version a request's headers mean."""

import pytest

from novasim import exceptions
from novasim.api import microversion


@pytest.mark.parametrize(("headers", "text"), [
    ({}, "2.1"), ({"OpenStack-API-Version": ""}, "2.1"), ({"OpenStack-API-Version": "compute"}, "2.1"),
    ({"OpenStack-API-Version": "compute 2.7"}, "2.7"), ({"OpenStack-API-Version": "Compute  2.7 "}, "2.7"),
    ({"OpenStack-API-Version": "identity 3.1,compute 2.7"}, "2.7"),
    ({"X-OpenStack-Nova-API-Version": " 2.8 "}, "2.8"),
    ({"OpenStack-API-Version": "identity 3.1", "X-OpenStack-Nova-API-Version": "2.8"}, "2.8"),
])
def test_asked_for(headers, text):
    assert microversion.asked_for(headers) == text


def test_negotiate():
    assert microversion.negotiate("2.1") == 1
    assert microversion.negotiate(f"2.{microversion.MAX}") == microversion.negotiate("latest") == microversion.MAX
    for text in ("", "2", "2.", "2.x", "v2.1", "2.1.1", "2.007", "-2.1", "2.1\n", "٢.١"):
        with pytest.raises(exceptions.InvalidAPIVersionString):
            microversion.negotiate(text)
    for text in ("1.1", "2.0", f"2.{microversion.MAX + 1}", "3.5", "2.99999999999999999999"):
        with pytest.raises(exceptions.InvalidGlobalAPIVersion):
            microversion.negotiate(text)
