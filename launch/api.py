"""The REST API on its port."""

from __future__ import annotations

from novasim.api import auth, pipeline
from novasim.api.app import Api
from novasim.launch import accounts, wiring, wsgi_server
from novasim.launch.running import Running
from novasim.rpc.compute import Compute
from novasim.rpc.conductor import Conductor
from novasim.rpc.fleet import Fleet


def start(ground: wiring.Ground) -> Running:
    if ground.conf.api.auth_strategy == auth.IDENTITY:
        accounts.seed(ground.conf, ground.db)
    conductor, compute, fleet = (ground.messaging.client(contract, "api") for contract in (Conductor, Compute, Fleet))
    app = Api(ground.conf, ground.db, ground.clock, conductor, compute, fleet, ground.as_service("api"))
    sock = wsgi_server.listen(ground.conf.api.listen, ground.conf.api.listen_port)
    server = wsgi_server.Server(pipeline.build(app), sock, ground.conf.api.threads,
                                ground.conf.graceful_shutdown_timeout)
    endpoint = f"http://{ground.conf.api.listen}:{server.port}/v2.1"
    return Running(server.stop, forget=app.forget, endpoint=endpoint, app=app)
