"""XML and back: what the API says in JSON it can say in XML, and no XML of a user can do harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novasim.api.legacy import markup

# Names that no table knows, so that the plain rule holds for them; the others follow below.
NAMES = st.sampled_from(["a", "b_x", "C-d.e", "_f", "OS-EXT-STS:vm_state", "OS-DCF:diskConfig", "message", "key"])
TEXTS = st.text("ab <>&'\"\t\n\r:/é\ud7ff\ue000\ufffd\U0001f600\U0010ffff", max_size=8)
FREE_KEYS = st.text("a1 :<>&'\"é\n", min_size=1, max_size=4)
PLAIN = st.dictionaries(NAMES, TEXTS, min_size=1, max_size=4)
LISTS = sorted(set(markup.LISTS) - {"hosts"})


def objects(inner):
    """Objects of plain values, other objects, lists and maps."""
    values = st.one_of(
        st.tuples(NAMES, TEXTS), st.tuples(NAMES, inner),
        st.tuples(st.sampled_from(LISTS), st.lists(inner, min_size=1, max_size=3)),
        st.tuples(st.sampled_from(["metadata", "extra_specs", "absolute"]),
                  st.dictionaries(FREE_KEYS, TEXTS, max_size=3)),
        st.tuples(st.just("addresses"), st.dictionaries(FREE_KEYS, st.lists(PLAIN, max_size=2), max_size=2)),
        st.tuples(st.just("hosts"), st.dictionaries(FREE_KEYS, inner, min_size=1, max_size=2)))
    return st.lists(values, min_size=1, max_size=4).map(dict)


@given(NAMES, st.recursive(PLAIN, objects, max_leaves=6))
def test_a_body_survives_xml_and_back(name, content):
    assert markup.loads(markup.dumps({name: content})) == {name: content}


@given(st.sampled_from(["k", "hw:cpu policy", "é", "1", "item"]), st.text(max_size=20))
def test_any_text_gives_xml_that_can_be_read(key, text):
    [(name, read)] = markup.loads(markup.dumps({key: text})).items()
    assert name == key
    assert len(read or "") == len(text)
    assert all(one in (other, "\ufffd") for one, other in zip(read or "", text, strict=True))


@given(st.binary(max_size=200) | st.text(st.sampled_from("<>/&;!?-ab[] \"'=:xmlns"), max_size=60).map(str.encode))
def test_what_is_no_xml_is_a_value_error(raw):
    try:
        body = markup.loads(raw)
    except ValueError:
        return
    assert len(body) == 1


BOMB = b"""<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><resize flavorRef="&b;"/>"""


@pytest.mark.parametrize("raw", [
    BOMB, b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', b'<!DOCTYPE a><a/>',
    b'<!DOCTYPE a [<!ENTITY x SYSTEM "http://localhost/">]><a>&x;</a>', b"<a>&x;</a>", b"<a><b></a>", b"", b"<a/><b/>",
    b'<?xml version="1.0" encoding="klingon"?><a/>', b"<a" * 1000, b"<a>" * 30000 + b"</a>" * 30000,
    b'<a x="1" x="2"/>', b"<a:b/>", b"\xff\xfe<", b"<a>\0</a>", b"<metadata>" * 40 + b"</metadata>" * 40,
])
def test_hostile_xml_is_refused(raw):
    with pytest.raises(ValueError, match=".*"):
        markup.loads(raw)


@pytest.mark.parametrize(("xml", "body"), [
    ('<resize xmlns="http://docs.openstack.org/compute/api/v1.1" flavorRef="3"/>', {"resize": {"flavorRef": "3"}}),
    ('<resize flavorRef="3" d:diskConfig="AUTO" '
     'xmlns:d="http://docs.openstack.org/compute/ext/disk_config/api/v1.1"/>',
     {"resize": {"flavorRef": "3", "OS-DCF:diskConfig": "AUTO"}}),
    ("<confirmResize/>", {"confirmResize": None}), ("<revertResize></revertResize>", {"revertResize": None}),
    ("<!-- now --><migrate />", {"migrate": None}), ('<reboot type="HARD"/>', {"reboot": {"type": "HARD"}}),
    ('<os-resetState state="active"/>', {"os-resetState": {"state": "active"}}),
    ("<os-resetState>\n  <state>error</state>\n</os-resetState>", {"os-resetState": {"state": "error"}}),
    ('<x:resize xmlns:x="urn:unknown" x:flavorRef="2"/>', {"resize": {"flavorRef": "2"}}),
    ('<server name="a"><metadata><meta key="k">v</meta><meta key="e"/></metadata><personality>'
     '<file path="/x">YQ==</file></personality><security_groups><security_group name="default"/></security_groups>'
     '<h:scheduler_hints xmlns:h="http://docs.openstack.org/compute/ext/scheduler-hints/api/v2">'
     "<same_host>a</same_host><same_host>b</same_host></h:scheduler_hints></server>",
     {"server": {"name": "a", "metadata": {"k": "v", "e": ""}, "personality": [{"path": "/x", "contents": "YQ=="}],
                 "security_groups": [{"name": "default"}], "OS-SCH-HNT:scheduler_hints": {"same_host": ["a", "b"]}}}),
    ('<meta key="k">v</meta>', {"meta": {"k": "v"}}), ("<metadata/>", {"metadata": {}}),
    ("<extra_specs><quota>1</quota><extra_spec key='hw:a'>b</extra_spec></extra_specs>",
     {"extra_specs": {"quota": "1", "hw:a": "b"}}),
    ("<quota_set><cores>20</cores></quota_set>", {"quota_set": {"cores": "20"}}),
    ('<server_group name="g"><policies><policy>affinity</policy></policies></server_group>',
     {"server_group": {"name": "g", "policies": ["affinity"]}}),
    ('<aggregate><hosts><host>h</host></hosts></aggregate>', {"aggregate": {"hosts": ["h"]}}),
    ("<limits><rates><rate uri='*'><limit verb='GET'/></rate></rates></limits>",
     {"limits": {"rate": [{"uri": "*", "limit": [{"verb": "GET"}]}]}}),
])
def test_requests_of_2014(xml, body):
    assert markup.loads(xml.encode()) == body


def test_an_answer_has_the_namespaces_that_it_uses():
    raw = markup.dumps({"server": {"id": "1", "tenant_id": "p", "OS-EXT-STS:vm_state": "active", "key_name": None,
                                   "links": [{"rel": "self", "href": "h"}], "metadata": {"a": "b"}}})
    assert raw.decode() == (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<server id="1" tenantId="p" OS-EXT-STS:vm_state="active" key_name="None" '
        'xmlns="http://docs.openstack.org/compute/api/v1.1" '
        'xmlns:OS-EXT-STS="http://docs.openstack.org/compute/ext/extended_status/api/v1.1" '
        'xmlns:atom="http://www.w3.org/2005/Atom">'
        '<atom:link rel="self" href="h" /><metadata><meta key="a">b</meta></metadata></server>')


def test_links_beside_a_list_go_into_it():
    raw = markup.dumps({"servers": [{"id": "1"}], "servers_links": [{"rel": "next", "href": "h"}]})
    assert b'<server id="1" /><atom:link rel="next" href="h" /></servers>' in raw
