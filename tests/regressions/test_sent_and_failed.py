"""A message that was delivered although sending it raised must not be undone under the hands of whoever works on it."""

from cluster_fixture import SMALL


def failing(proxy_method):
    def send(*args, **kwargs):
        proxy_method(*args, **kwargs)
        raise ConnectionError("the broker took it, and then was gone")
    return send


def test_a_resize_goes_on_or_is_undone(cluster, monkeypatch):
    uuid = cluster.boot()
    with monkeypatch.context() as broken:
        broken.setattr(cluster.embedded.app.conductor, "migrate_server",
                       failing(cluster.embedded.app.conductor.migrate_server))
        mark = cluster.watch.mark()
        cluster.action(uuid, {"resize": {"flavorRef": SMALL}}, status=503)
    if cluster.state(uuid) == ("active", None):
        cluster.resize(uuid, SMALL)
    else:
        cluster.watch.wait("waiting for confirm or revert", mark)
    assert cluster.state(uuid) == ("resized", None)


def test_a_confirm_goes_on_or_is_undone(cluster, monkeypatch):
    uuid = cluster.boot()
    cluster.resize(uuid)
    with monkeypatch.context() as broken:
        broken.setattr(cluster.embedded.app.compute, "confirm_resize",
                       failing(cluster.embedded.app.compute.confirm_resize))
        mark = cluster.watch.mark()
        cluster.action(uuid, {"confirmResize": None}, status=503)
    if cluster.move(uuid).status == "finished":
        cluster.confirm(uuid)
    else:
        cluster.watch.wait("confirmed", mark)
    assert cluster.move(uuid).status == "confirmed"
