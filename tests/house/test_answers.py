"""Every route says what it takes and answers, so that the OpenAPI document and the REST pages know it."""

from novasim.api.openapi import operations


def test_every_route_says_what_it_answers():
    found = operations.unsaid()
    assert not found, "\n".join(found)
