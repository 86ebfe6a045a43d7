"""The client on the wire: headers, microversions, paging, connections and errors."""

import socket
import threading

import pytest

from novasim.cli.client import ApiError, Client, NoCluster
from novasim.cli.errors import CliError
from novasim.cli.settings import Settings


@pytest.fixture
def client(api):
    with Client(Settings(api.endpoint, "ann:blue")) as made:
        yield made


def test_sends_the_token_and_no_microversion(api, client):
    api.on("GET", "/servers", {"servers": []})
    client.get("/servers")
    headers = api.requests[0]["headers"]
    assert headers["X-Auth-Token"] == "ann:blue"
    assert headers["OpenStack-API-Version"] is None


@pytest.mark.parametrize(("own", "needed", "exactly", "sent"), [
    (None, "2.56", None, "compute 2.56"),
    ("2.60", "2.56", None, "compute 2.60"),
    ("2.9", "2.56", None, "compute 2.56"),
    ("latest", "2.56", None, "compute latest"),
    ("2.60", None, "2.1", "compute 2.1"),
    ("2.60", None, None, "compute 2.60"),
])
def test_sends_the_microversion_that_is_needed(api, own, needed, exactly, sent):
    api.on("GET", "/servers", {"servers": []})
    with Client(Settings(api.endpoint, "a:b", own)) as client:
        client.request("GET", "/servers", version=needed, exactly=exactly)
    assert api.requests[0]["headers"]["OpenStack-API-Version"] == sent


def test_query_leaves_out_none_and_repeats_lists(api, client):
    api.on("GET", "/servers", {"servers": []})
    client.get("/servers", {"host": None, "all_tenants": True, "sort_key": ["a", "b"], "name": "x y"})
    assert api.requests[0]["query"] == {"all_tenants": ["1"], "sort_key": ["a", "b"], "name": ["x y"]}


def test_api_error_has_message_code_and_request_id(api, client, request_id):
    api.on("GET", "/servers/x", (409, {"conflictingRequest": {"code": 409, "message": "It is locked."}}))
    with pytest.raises(ApiError) as caught:
        client.get("/servers/x")
    assert caught.value.status == 409
    assert str(caught.value) == f"It is locked. (HTTP 409, {request_id})"


@pytest.mark.parametrize(("body", "text"), [
    (b"<html>Bad gateway</html>\nmore", "<html>Bad gateway</html> (HTTP 502"),
    (b"", "Bad Gateway (HTTP 502"),
    (b'["list"]', "['list'] (HTTP 502"),
])
def test_error_that_is_no_fault_body(api, client, body, text):
    api.on("GET", "/servers", (502, body))
    with pytest.raises(ApiError) as caught:
        client.get("/servers")
    assert str(caught.value).startswith(text)


def test_answer_that_is_no_json(api, client):
    api.on("GET", "/servers", (200, b"hello"))
    with pytest.raises(CliError, match="does not answer in JSON"):
        client.get("/servers")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_connection_refused_says_how_to_start_a_cluster():
    url = f"http://127.0.0.1:{free_port()}/v2.1"
    with Client(Settings(url, "a:b")) as client, pytest.raises(NoCluster) as caught:
        client.get("/servers")
    assert str(caught.value) == f"no cluster answers at {url}. Start one with: novasim up"


def test_silent_server_is_a_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v2.1"
        made = Client(Settings(url, "a:b"), timeout=0.05)
        with made as client, pytest.raises(NoCluster, match="no answer within"):
            client.get("/servers")


def test_one_connection_a_thread_is_kept(api, client):
    api.on("GET", "/servers", {"servers": []})
    client.get("/servers")
    first = client._connection().sock.getsockname()
    client.get("/servers")
    assert client._connection().sock.getsockname() == first
    others = []

    def other():
        client.get("/servers")
        others.append(client._connection().sock.getsockname())

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert others[0] != first


def serve_once_per_connection(listener, closed):
    """A server that closes each connection after its answer, without having said that it would."""
    for event in closed:
        connection, _address = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        event.set()


def test_connection_closed_by_the_server_is_opened_again():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = [threading.Event(), threading.Event()]
        thread = threading.Thread(target=serve_once_per_connection, args=(listener, closed))
        thread.start()
        with Client(Settings(f"http://127.0.0.1:{listener.getsockname()[1]}/v2.1", "a:b")) as client:
            assert client.get("/one") == {}
            assert closed[0].wait(10)
            assert client.post("/two", {}) == {}
        thread.join()


def test_pages_follows_next_links_to_the_limit(api, client):
    href = f"{api.endpoint}/servers?limit=2&marker=b"
    api.on("GET", "/servers",
           {"servers": [{"id": "a"}, {"id": "b"}], "servers_links": [{"rel": "next", "href": href}]},
           {"servers": [{"id": "c"}, {"id": "d"}], "servers_links": [{"rel": "next", "href": href}]})
    found = [one["id"] for one in client.pages("/servers", "servers", {"host": "h"}, limit=3)]
    assert found == ["a", "b", "c"]
    assert [one["query"] for one in api.requests] == [{"host": ["h"], "limit": ["3"]},
                                                      {"limit": ["2"], "marker": ["b"]}]


def test_pages_without_limit_ends_with_the_last_page(api, client):
    api.on("GET", "/servers", {"servers": [{"id": "a"}]})
    assert len(list(client.pages("/servers", "servers"))) == 1
    assert api.requests[0]["query"] == {}


def test_up_to_is_capped_by_the_server(api, client):
    api.on("GET", "/", {"version": {"version": "2.79"}})
    assert client.up_to("2.84") == "2.79"
    assert client.up_to("2.9") == "2.9"
    assert len(api.requests) == 1


def test_action_returns_the_request_id(api, client, request_id):
    api.on("POST", "/servers/s/action", (202, None))
    assert client.action("s", "resize", {"flavorRef": "3"}) == request_id
    assert api.requests[0]["body"] == {"resize": {"flavorRef": "3"}}
