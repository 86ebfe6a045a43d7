"""Where the API listens and how a process ends."""

from oslo_config import cfg

API: list[cfg.Opt] = [
    cfg.StrOpt("listen", default="127.0.0.1", help="Address the API listens on."),
    cfg.PortOpt("listen_port", default=8774, help="Port the API listens on; 0 takes a free one. Several API "
                                                  "processes may share one."),
    cfg.IntOpt("threads", default=32, min=1, help="Requests an API process works on at once with native threads."),
]
LAUNCH: list[cfg.Opt] = [
    cfg.IntOpt("graceful_shutdown_timeout", default=5, min=0,
               help="Seconds that a service waits for what it is doing when it is told to stop. What is not done by "
                    "then is taken up at its next start."),
]


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    return [("api", API), (None, LAUNCH)]
