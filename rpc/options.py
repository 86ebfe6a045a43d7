"""Version caps and the size of the pools that run messages; the rest of the bus is oslo.messaging's own options."""

from oslo_config import cfg

AUTO = "auto"
_CAP_HELP = ("Highest version of the {0} RPC contract to send: a number or the name of a release. Set it while "
             "older {0} services still run.")
_AUTO_HELP = (" 'auto' is what the oldest agent in the database understands when the service starts; start it again "
              "when the last old agent is gone.")

UPGRADE_LEVELS: list[cfg.Opt] = [
    cfg.StrOpt(name, help=_CAP_HELP.format(name) + (_AUTO_HELP if name == "compute" else ""))
    for name in ("compute", "conductor", "scheduler", "simulator")]
WORKERS: list[cfg.Opt] = [
    cfg.IntOpt("rpc_workers", default=0, min=0,
               help="Messages a service works on at once. 0: 1000 greenthreads, or 64 native threads."),
]


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    return [("upgrade_levels", UPGRADE_LEVELS), (None, WORKERS)]
