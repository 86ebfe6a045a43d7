"""Where the API listens, what is told on the bus of servers, and how a process ends."""

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
NOTIFICATIONS: list[cfg.Opt] = [
    cfg.StrOpt("notification_format", default="unversioned", choices=["unversioned", "versioned", "both"],
               help="The form of notifications: the flat payloads of 2014, versioned objects, or both. Nothing is sent "
                    "unless [oslo_messaging_notifications] driver names a driver, for instance messagingv2."),
    cfg.ListOpt("versioned_notifications_topics", default=["versioned_notifications"],
                help="Topics of versioned notifications. Those of 2014 go to [oslo_messaging_notifications] topics."),
    cfg.StrOpt("notify_on_state_change", choices=["vm_state", "vm_and_task_state"],
               deprecated_group="DEFAULT",
               help="Also tell of each change of a server's vm_state, or of vm_state and task_state, as "
                    "compute.instance.update. Unset: of none."),
    cfg.StrOpt("default_level", default="INFO", choices=["DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"],
               deprecated_name="default_notification_level", deprecated_group="DEFAULT",
               help="Priority of notifications that are no error."),
]


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    return [("api", API), (None, LAUNCH), ("notifications", NOTIFICATIONS)]
