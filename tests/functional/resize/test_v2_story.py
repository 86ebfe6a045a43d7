"""A user of 2014, with XML, on a whole cluster."""

from xml.etree import ElementTree

import pytest
import webob
from cluster_fixture import USER

COMPUTE = "{http://docs.openstack.org/compute/api/v1.1}"
STATUS = "{http://docs.openstack.org/compute/ext/extended_status/api/v1.1}"


def ask(cluster, method, path, xml=None):
    """One request under /v2, in XML."""
    request = webob.Request.blank(f"/v2/demo{path}", method=method, headers={
        "X-Auth-Token": USER, "Content-Type": "application/xml", "Accept": "application/xml"})
    if xml is not None:
        request.body = xml.encode()
    return request.get_response(cluster.embedded.app.application)


def shown(cluster, uuid):
    return ElementTree.fromstring(ask(cluster, "GET", f"/servers/{uuid}").body)


@pytest.mark.spec("S1", "S6", "3.4/confirm-success", "3.4/revert-success")
def test_resize_confirm_resize_revert(cluster):
    made = ask(cluster, "POST", "/servers", '<server name="vm" flavorRef="1" '
               'imageRef="155d900f-4e14-4e4c-a73d-069cbf4541e6"><metadata><meta key="a">b</meta></metadata></server>')
    uuid = ElementTree.fromstring(made.body).get("id")
    cluster.watch.wait("built", instance_uuid=uuid)
    for flavor, action, status, until, left in (("2", "confirmResize", 204, "confirmed", "2"),
                                                ("3", "revertResize", 202, "reverted", "2")):
        mark = cluster.watch.mark()
        answer = ask(cluster, "POST", f"/servers/{uuid}/action", f'<resize flavorRef="{flavor}"/>')
        assert (answer.status_int, answer.body) == (202, b"")
        cluster.watch.wait("waiting for confirm or revert", mark, instance_uuid=uuid)
        server = shown(cluster, uuid)
        assert (server.get("status"), server.get(f"{STATUS}vm_state")) == ("VERIFY_RESIZE", "resized")
        assert server.find(f"{COMPUTE}flavor").get("id") == flavor
        assert ask(cluster, "POST", f"/servers/{uuid}/action", f"<{action}/>").status_int == status
        cluster.watch.wait(until, mark, instance_uuid=uuid)
        server = shown(cluster, uuid)
        assert (server.get("status"), server.find(f"{COMPUTE}flavor").get("id")) == ("ACTIVE", left)


@pytest.mark.spec("3.3/no-valid-host")
def test_no_valid_host_is_found_out_after_the_answer(make_cluster):
    cluster = make_cluster(hosts=1)
    uuid = cluster.boot()
    mark = cluster.watch.mark()
    assert ask(cluster, "POST", f"/servers/{uuid}/action", '<resize flavorRef="2"/>').status_int == 202
    cluster.watch.wait("restored", mark, instance_uuid=uuid)
    assert shown(cluster, uuid).get("status") == "ACTIVE"
