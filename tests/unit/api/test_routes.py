"""The table of routes."""

import pytest

from novasim.api import gone, routes, servers, services
from novasim.api.wsgi import HttpError


@pytest.mark.parametrize(("path", "handler", "ids"), [
    ("/servers", servers.index, {}), ("/servers/detail", servers.detail, {}), ("servers", servers.index, {}),
    ("/servers/abc", servers.show, {"server_id": "abc"}),
])
def test_match(path, handler, ids):
    methods, found = routes.match(path)
    assert (routes.pick(methods, "GET", 1), found) == (handler, ids)


@pytest.mark.parametrize("path", ["", "/", "/x", "/servers/a/b", "/servers//action", "/servers/", "/{}",
                                  "/servers/{}/x"])
def test_no_match(path):
    with pytest.raises(HttpError) as caught:
        routes.match(path)
    assert caught.value.code == 404


def test_pick_by_version_and_method():
    methods, _ = routes.match("/os-services/x")
    assert routes.pick(methods, "PUT", 52) is services.update_by_name
    assert routes.pick(methods, "PUT", 53) is services.update
    with pytest.raises(HttpError) as caught:
        routes.pick(methods, "POST", 53)
    assert (caught.value.code, caught.value.headers) == (405, {"Allow": "DELETE, PUT"})
    with pytest.raises(HttpError) as caught:
        routes.pick(routes.match("/images")[0], "GET", 36)
    assert caught.value.code == 404


@pytest.mark.parametrize(("path", "split"), [
    ("/servers", ("/servers", None)), ("/p1/servers/x", ("servers/x", "p1")), ("/p1", ("/p1", None)),
    ("/servers/flavors", ("/servers/flavors", None)), ("/nothing/nowhere", ("/nothing/nowhere", None)),
])
def test_split_project(path, split):
    assert routes.split_project(path) == split


def test_every_handler_takes_the_ids_of_its_url():
    import inspect
    for path, methods in routes.ROUTES.items():
        ids = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        for entry in methods.values():
            ranged = [entry] if not isinstance(entry, tuple) or hasattr(entry, "handler") else entry
            for handler in ranged:
                function = getattr(handler, "handler", handler)
                if gone.is_refusal(function):
                    continue
                assert list(inspect.signature(function).parameters)[2:] == ids, (path, function)
