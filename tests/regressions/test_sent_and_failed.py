"""A message that was delivered although sending it raised must not be undone under the hands of whoever works on it."""

from cluster_fixture import SMALL


def failing(proxy_method):
    def send(*args, **kwargs):
        proxy_method(*args, **kwargs)
        raise ConnectionError("the broker took it, and then was gone")
    return send


def test_a_resize_goes_on(cluster, monkeypatch):
    uuid = cluster.boot()
    monkeypatch.setattr(cluster.embedded.app.conductor, "migrate_server",
                        failing(cluster.embedded.app.conductor.migrate_server))
    mark = cluster.watch.mark()
    assert cluster.http("POST", f"/servers/{uuid}/action", {"resize": {"flavorRef": SMALL}}).status_int in (202, 503)
    cluster.watch.wait_any(("waiting for confirm or revert", "restored", "resize accepted"), mark)


def test_a_confirm_goes_on(cluster, monkeypatch):
    uuid = cluster.boot()
    cluster.resize(uuid)
    monkeypatch.setattr(cluster.embedded.app.compute, "confirm_resize",
                        failing(cluster.embedded.app.compute.confirm_resize))
    mark = cluster.watch.mark()
    assert cluster.http("POST", f"/servers/{uuid}/action", {"confirmResize": None}).status_int in (204, 503)
    cluster.watch.wait_any(("confirmed", "compute_confirm_resize failed"), mark)
    assert cluster.move(uuid).status == "confirmed"
