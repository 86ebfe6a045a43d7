"""The machines of the simulator, as the command line asks for them."""

import pytest

HOST = {"host": "cmp-0001", "fleet": "cmp-0001", "profile": "small", "state": "crashed", "service_state": "down",
        "service_status": "enabled", "updated_at": "2026-01-01T00:00:00.000000"}


def test_list(api, novasim):
    api.on("GET", "/os-simulator/hosts", {"hosts": [HOST]})
    code, out, _err = novasim("hosts", "list", "--state", "crashed", "-f", "value")
    assert (code, out) == (0, "cmp-0001 small crashed down enabled cmp-0001\n")
    assert api.requests[-1]["query"] == {"state": ["crashed"]}


@pytest.mark.parametrize(("had", "wanted", "steps"), [
    (3, 5, [5]), (3, 2500, [1003, 2003, 2500]), (2500, 100, [1500, 500, 100]), (5, 5, [5]), (0, 1000, [1000])])
def test_scale_goes_by_steps(api, novasim, had, wanted, steps):
    api.on("GET", "/os-simulator/fleets", {"fleets": [{"name": "a", "hosts": had, "state": "up"}]})
    api.on("POST", "/os-simulator/hosts", {"scale": {}})
    code, out, _err = novasim("hosts", "scale", str(wanted), "--profile", "large")
    assert (code, out) == (0, f"{wanted} hosts; there were {had}\n")
    sent = api.sent("POST", "/os-simulator/hosts")
    assert sent == [{"scale": {"count": count, "profile": "large"}} for count in steps]


@pytest.mark.parametrize(("word", "done"), [("crash", "crashed"), ("revive", "up"), ("freeze", "frozen"),
                                            ("thaw", "up"), ("remove", "removed")])
def test_what_happens_to_them(api, novasim, word, done):
    api.on("POST", "/os-simulator/hosts/action", (202, None))
    code, out, _err = novasim("hosts", word, "a", "cmp-[1-5]")
    assert (code, out) == (0, f"a, cmp-[1-5]: {done}\n")
    assert api.requests[-1]["body"] == {word: {"hosts": ["a", "cmp-[1-5]"]}}


@pytest.mark.parametrize("arguments", [("scale",), ("scale", "0"), ("scale", "x"), ("crash",)])
def test_typed_wrongly(api, novasim, arguments):
    code, _out, err = novasim("hosts", *arguments)
    assert (code, api.requests) == (2, [])
    assert err.startswith("novasim: ")
