"""How patient the conductor is with what does not move."""

from oslo_config import cfg

CONDUCTOR: list[cfg.Opt] = [
    cfg.IntOpt("recovery_interval", default=60, min=-1,
               help="Seconds between two looks for operations whose message or process was lost. -1: never."),
    cfg.IntOpt("recovery_after", default=120, min=1,
               help="Seconds without a change after which an operation that waits for a message counts as lost. "
                    "Longer than rpc_response_timeout. A host that has been down for so long is not waited for: what "
                    "only its agent could end is ended without it."),
    cfg.IntOpt("migrate_max_retries", default=-1, min=-1,
               help="How many further hosts are tried for a live migration or an evacuation when one turns out to be "
                    "full or unfit. -1: all."),
    cfg.IntOpt("recovery_batch", default=500, min=1, help="The most operations taken up in one look."),
]


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    return [("conductor", CONDUCTOR)]
