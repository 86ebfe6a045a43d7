"""HTTP at /v2: versions, media types, XML, projects, rates. Whatever is sent, the answer is a clear 4xx."""

from __future__ import annotations

import datetime
import json
from xml.etree import ElementTree

import pytest
import webob
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from novasim.api.legacy import markup

ADMIN = "admin:p1"
XML = {"Accept": "application/xml"}
COMPUTE = "{http://docs.openstack.org/compute/api/v1.1}"


def read(answer):
    """An answer in XML."""
    assert answer.headers["Content-Type"] == "application/xml; charset=UTF-8"
    return ElementTree.fromstring(answer.text.encode())


@pytest.mark.spec("3.12/versions", "3.12/version")
def test_version_documents(cloud):
    assert [entry["id"] for entry in cloud.get("@/").body["versions"]] == ["v2.0", "v2.1"]
    for path in ("@/v2", "@/v2/", "@/v1.1/"):
        answer = cloud.get(path, headers={"X-Auth-Token": "eve:p2"})
        version = answer.body["version"]
        assert (answer.status, version["id"], version["links"][0]) == (
            200, "v2.0", {"rel": "self", "href": "http://localhost/v2/"})
        assert [kind["base"] for kind in version["media-types"]] == ["application/json", "application/xml"]
    root = read(cloud.get("@/v2/", headers=XML))
    assert (root.tag, root.get("id")) == ("{http://docs.openstack.org/common/api/v1.0}version", "v2.0")
    assert [row.get("id") for row in read(cloud.get("@/", headers=XML))] == ["v2.0", "v2.1"]


@pytest.mark.spec("3.12/choices")
@pytest.mark.parametrize("path", ["/images/1", "/v3/servers", "/v2.10", "/p1/servers", "//v2.1/servers"])
def test_a_path_without_a_version_has_choices(cloud, path):
    for method in ("GET", "POST"):
        answer = cloud.call(method, f"@{path}")
        assert answer.status == 300
        assert [(choice["id"], choice["links"][0]["href"]) for choice in answer.body["choices"]] == [
            ("v2.0", f"http://localhost/v2{path}"), ("v2.1", f"http://localhost/v2.1{path}")]
    assert read(cloud.get(f"@{path}", headers=XML)).tag == "{http://docs.openstack.org/common/api/v1.0}choices"


@pytest.mark.spec("3.2/2")
def test_the_project_in_the_url_must_be_that_of_the_token(cloud, v2):
    answer = cloud.get("@/v2/p2/servers", user="bob:p1")
    assert (answer.status, answer.message) == (
        400, "Malformed request URL: URL's project_id 'p2' doesn't match Context's project_id 'p1'")
    for path in ("@/v2/servers", "@/v2/p1", "@/v2/p2/nothing"):
        assert cloud.get(path, user="bob:p1").status == 404
    assert v2.get("/servers", under="v1.1").status == 200


@pytest.mark.parametrize(("suffix", "accept", "kind"), [
    ("", None, "json"), ("", "", "json"), ("", "*/*", "json"), ("", "application/json", "json"),
    ("", "application/xml", "xml"), ("", "application/vnd.openstack.compute+xml", "xml"),
    ("", "application/vnd.openstack.compute+xml;version=2", "xml"), ("", "application/*;q=0.1", "json"),
    ("", "application/json;q=0.2, application/xml;q=0.9", "xml"), ("", "text/html, */*;q=0.1", "json"),
    (".xml", "application/json", "xml"), (".json", "application/xml", "json"), (".xml", "text/html", "xml"),
    ("", "text/html", None), ("", "image/png;q=1", None), ("", "not a header, at all", "json"),
])
def test_media_types_of_answers(cloud, v2, suffix, accept, kind):
    headers = {} if accept is None else {"Accept": accept}
    for path, status in (("/servers", 200), ("/flavors/none", 404)):
        answer = v2.get(path + suffix, headers=headers)
        assert answer.status == (status if kind else 406)
        assert answer.headers["Content-Type"].startswith(f"application/{kind or 'json'}")
    if kind is None:
        assert list(answer.body) == ["computeFault"]


@pytest.mark.parametrize(("kind", "raw", "status"), [
    ("application/json", b'{"os-stop": null}', 202), ("", b'{"os-stop": null}', 202),
    ("application/vnd.openstack.compute+json", b'{"os-stop": null}', 202),
    ("application/json; charset=UTF-8", b'{"os-stop": null}', 202),
    ("application/xml", b"<os-stop/>", 202), ("application/vnd.openstack.compute+xml", b"<os-stop/>", 202),
    ("application/xml", b'{"os-stop": null}', 400), ("application/json", b"<os-stop/>", 400),
    ("text/plain", b"<os-stop/>", 400), ("application/x-www-form-urlencoded", b"os-stop=", 400),
])
def test_media_types_of_requests(cloud, v2, kind, raw, status):
    answer = v2.call("POST", f"/servers/{cloud.boot()}/action", raw=raw, headers={"Content-Type": kind})
    assert answer.status == status
    if "json" not in kind and "xml" not in kind and kind:
        assert answer.body == {"badRequest": {"code": 400, "message": "Unsupported Content-Type"}}


@pytest.mark.spec("S6", "S7")
def test_a_life_in_xml(cloud, v2):
    made = read(v2.call("POST", "/servers.xml", xml=f"""<?xml version="1.0" encoding="UTF-8"?>
        <server xmlns="http://docs.openstack.org/compute/api/v1.1" name="vm" flavorRef="1" imageRef="{cloud.image}">
          <metadata><meta key="role">web &amp; db</meta></metadata>
          <security_groups><security_group name="default"/></security_groups>
        </server>"""))
    server = made.get("id")
    assert (made.tag, bool(made.get("adminPass"))) == (f"{COMPUTE}server", True)
    cloud.db.write(cloud._built, server, "cmp-1")
    path = f"/servers/{server}/action"
    answer = v2.call("POST", path, xml='<resize xmlns="http://docs.openstack.org/compute/api/v1.1" flavorRef="99"/>',
                     headers=XML)
    fault = read(answer)
    assert (answer.status, fault.tag, fault.get("code"), fault[0].text) == (
        400, f"{COMPUTE}badRequest", "400", "Unable to locate requested flavor.")
    cloud.resized(server)
    shown = read(v2.get(f"/servers/{server}.xml", user=ADMIN))
    assert shown.attrib | {"name": "vm", "status": "VERIFY_RESIZE", "tenantId": "p1", "userId": "bob", "id": server,
                           "{http://docs.openstack.org/compute/ext/extended_status/api/v1.1}vm_state": "resized",
                           "{http://docs.openstack.org/compute/ext/extended_status/api/v1.1}task_state": "None",
                           "{http://docs.openstack.org/compute/ext/disk_config/api/v1.1}diskConfig": "AUTO",
                           } == shown.attrib
    assert shown.find(f"{COMPUTE}flavor").get("id") == "3"
    assert shown.find(f"{COMPUTE}metadata")[0].attrib == {"key": "role"}
    assert shown.find(f"{COMPUTE}metadata")[0].text == "web & db"
    assert [link.get("rel") for link in shown.findall("{http://www.w3.org/2005/Atom}link")] == ["self", "bookmark"]
    moves = read(v2.get("/os-migrations.xml", user=ADMIN))
    assert (moves[0].tag, moves[0].get("status")) == (f"{COMPUTE}migration", "finished")
    assert v2.call("POST", path, xml="<confirmResize/>").status == 204
    cloud.set(server, vm_state="active")
    assert v2.call("POST", path, xml='<os-resetState state="error"/>', user=ADMIN).status == 202
    assert v2.call("POST", path, xml='<reboot type="HARD"/>').status == 202
    assert v2.call("POST", path, xml='<reboot type="WARM"/>').message == (
        "Argument 'type' for reboot is not HARD or SOFT")
    item = f"/servers/{server}/metadata/role"
    cloud.set(server, vm_state="active", task_state=None)
    assert v2.call("PUT", item, xml='<meta key="role">db</meta>').body == {"meta": {"role": "db"}}
    assert read(v2.get(f"{item}.xml")).text == "db"


def test_other_resources_in_xml(cloud, v2):
    def ask(method, path, xml=None):
        answer = v2.call(method, path, xml=xml, user=ADMIN, headers=XML)
        assert answer.status == 200, answer.text
        return read(answer)

    assert [row.get("name") for row in ask("GET", "/flavors/detail")][:3] == ["m1.tiny", "m1.small", "m1.medium"]
    assert ask("GET", "/images")[0].get("name") == "cirros"
    assert ask("GET", "/limits").find(f"{COMPUTE}absolute/{COMPUTE}limit").get("name") == "maxTotalInstances"
    assert ask("GET", "/os-quota-sets/p1").find(f"{COMPUTE}cores").text == "20"
    quota = ask("PUT", "/os-quota-sets/p1", '<quota_set><cores>30</cores></quota_set>')
    assert quota.find(f"{COMPUTE}cores").text == "30"
    service = ask("PUT", "/os-services/disable", '<service host="cmp-1" binary="nova-compute"/>')
    assert service.attrib == {"host": "cmp-1", "binary": "nova-compute", "status": "disabled"}
    flavor = ask("POST", "/flavors", '<flavor name="x" ram="64" vcpus="1" disk="1" id="x" rxtx_factor="2.0"/>')
    assert (flavor.get("id"), flavor.get("ram")) == ("x", "64")
    specs = ask("POST", "/flavors/x/os-extra_specs", '<extra_specs><extra_spec key="hw:a">b</extra_spec></extra_specs>')
    assert specs[0].attrib == {"key": "hw:a"}
    assert markup.loads(v2.get("/flavors/x/os-extra_specs/hw:a", headers=XML).text.encode()) == {"hw:a": "b"}
    zones = ask("GET", "/os-availability-zone/detail")
    assert [zone.get("zoneName") for zone in zones] == ["internal", "nova"]


def test_over_quota_in_xml(cloud, v2):
    for _ in range(10):
        cloud.boot()
    answer = v2.call("POST", "/servers.xml", xml=f'<server name="a" flavorRef="1" imageRef="{cloud.image}"/>')
    fault = read(answer)
    assert (answer.status, answer.headers["Retry-After"], fault.tag, fault.attrib) == (
        413, "0", f"{COMPUTE}overLimit", {"code": "413", "retryAfter": "0"})


ENTITIES = "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in ("ab", "bc", "cd", "de", "ef", "fg"))
BOMB = f'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">{ENTITIES}]><resize flavorRef="&g;"/>'


@pytest.mark.parametrize("xml", [
    BOMB, '<!DOCTYPE r SYSTEM "http://localhost/x"><resize flavorRef="3"/>', "<!DOCTYPE r><resize flavorRef='3'/>",
    '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><resize flavorRef="&x;"/>', "<resize", "<a><b></a>", "x",
    "<resize>" * 5000 + "</resize>" * 5000, "<resize>" * 10000, '<?xml version="1.0" encoding="klingon"?><resize/>',
    "", "<resize flavorRef='3'/><resize/>", "<resize>&undefined;</resize>", "<resize>\0</resize>",
])
def test_hostile_xml(cloud, v2, xml):
    answer = v2.call("POST", f"/servers/{cloud.boot()}/action", xml=xml)
    assert (answer.status, answer.message) == (400, "Malformed request body")


def test_xml_that_is_too_large(v2):
    answer = v2.call("POST", "/servers", xml="<server>" + " " * 200_000 + "</server>")
    assert (answer.status, list(answer.body)) == (413, ["overLimit"])


PATHS = ["/servers", "/servers/x/action", "/flavors", "/os-quota-sets/p1", "/os-services/disable",
         "/servers/x/metadata", "/flavors/1/os-extra_specs", "/flavors/1/action", "/os-aggregates", "/os-server-groups"]
WORDS = st.sampled_from([
    "server", "resize", "reboot", "flavor", "metadata", "meta", "quota_set", "service", "name", "type", "flavorRef",
    "imageRef", "key", "os-resetState", "os-migrateLive", "addTenantAccess", "aggregate", "item", "links",
    "extra_specs", "createImage", "personality", "file", "host", "networks", "min_count"])
TREES = st.recursive(
    st.text("a1é-<& \n", max_size=4) | st.none(),
    lambda inner: st.dictionaries(WORDS, inner, max_size=4) | st.lists(inner, max_size=2), max_leaves=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(st.sampled_from(["POST", "PUT"]), st.sampled_from(PATHS), WORDS, TREES, st.booleans())
def test_no_body_is_a_500(cloud, method, path, word, content, in_xml):
    raw = markup.dumps({word: content}) if in_xml else json.dumps({word: content}).encode()
    request = webob.Request.blank(f"/v2/p1{path}", method=method, body=raw, headers={
        "X-Auth-Token": ADMIN, "Content-Type": f"application/{'xml' if in_xml else 'json'}"})
    status = request.get_response(cloud.api.application).status_int
    assert status < 500 or status == 501, raw


def test_rates_are_limited_when_asked_for(make_cloud, v2):
    cloud = make_cloud(**{"api.rate_limit": True})
    door = type(v2)(cloud)
    for _ in range(120):
        assert door.call("POST", "/servers/x/action", {"os-stop": None}).status == 404
    answer = door.call("POST", "/servers/x/action", {"os-stop": None})
    assert (answer.status, answer.headers["Retry-After"], answer.body) == (429, "1", {"overLimit": {
        "code": 429, "message": "This request was rate-limited.", "retryAfter": "1",
        "details": "Only 120 POST request(s) can be made to * every minute."}})
    assert door.call("POST", "/servers/x/action", {"os-stop": None}, user="ann:p1").status == 404
    assert cloud.act("x", "os-stop", user="bob:p1").status == 404, "the present generation has no rates"
    [rate] = [rate for rate in door.get("/limits").body["limits"]["rate"] if rate["uri"] == "*"]
    assert rate["limit"][0] == {"verb": "POST", "value": 120, "remaining": 0, "unit": "MINUTE",
                                "next-available": "2026-01-01T12:00:00Z"}
    cloud.clock.advance(datetime.timedelta(minutes=1).seconds)
    assert door.call("POST", "/servers/x/action", {"os-stop": None}).status == 404
