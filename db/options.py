"""Where the database is and how many connections a process keeps."""

from oslo_config import cfg

DATABASE: list[cfg.Opt] = [
    cfg.StrOpt("connection", secret=True,
               help="SQLAlchemy URL of the one database all services share: mysql+pymysql://, "
                    "postgresql+psycopg2:// or sqlite:///. Default: a SQLite file in state_path."),
    cfg.IntOpt("pool_size", default=16, min=1,
               help="Connections a process keeps for writing, and as many for reading. More requests at once "
                    "wait for a free one."),
    cfg.IntOpt("pool_timeout", default=60, min=1,
               help="Seconds to wait for a free connection before a request fails."),
    cfg.IntOpt("max_retries", default=20, min=0,
               help="How often a transaction is run again after a deadlock or a lost connection."),
    cfg.BoolOpt("sqlite_synchronous", default=True,
                help="Have SQLite wait until what must last is on the disk. Without it a cluster is faster, and may be "
                     "lost when the machine goes down."),
]


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    return [("database", DATABASE)]
