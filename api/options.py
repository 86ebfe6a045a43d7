"""What an operator can set of the REST API."""

from oslo_config import cfg

DEFAULT: list[cfg.Opt] = [
    cfg.StrOpt("internal_service_availability_zone", default="internal",
               help="Zone that services other than compute agents are shown in."),
    cfg.StrOpt("default_schedule_zone",
               help="Zone in which servers are put whose request names none. Unset: any."),
    cfg.StrOpt("instance_name_template", default="instance-%08x",
               help="Name of a guest on its hypervisor, made from the server's internal number."),
]
API: list[cfg.Opt] = [
    cfg.StrOpt("auth_strategy", default="noauth2", choices=["noauth2", "identity", "keystone"],
               help="Who says who asks. noauth2: nobody; a token is user:project, and none is the admin. identity: the "
                    "identity service built in, below /identity. keystone: a Keystone elsewhere, as "
                    "[keystone_authtoken] says; install novasim[keystone] for it."),
    cfg.BoolOpt("enable_proxy_headers_parsing", default=False, deprecated_group="oslo_middleware",
                help="Take scheme, host and path of this server, for links, from the headers Forwarded or "
                     "X-Forwarded-*. Only behind a proxy that sets them: anybody can send them."),
    cfg.IntOpt("max_limit", default=1000, min=1, deprecated_name="osapi_max_limit", deprecated_group="DEFAULT",
               help="The most items of one page of a list, whatever limit a request asks for."),
    cfg.IntOpt("max_request_body_size", default=114688, min=1024, deprecated_name="osapi_max_request_body_size",
               deprecated_group="DEFAULT", help="Bytes of the largest request body; a larger one is refused with 413."),
    cfg.BoolOpt("rate_limit", default=False,
                help="Limit the requests of each user to /v2 as in 2014: in a minute 120 with POST, with PUT, with "
                     "DELETE and with changes-since. One too many is refused with 429. Each API process counts for "
                     "itself."),
]
IDENTITY: list[cfg.Opt] = [
    cfg.StrOpt("accounts", default="default",
               help="Who may log in to a cluster that has no users yet: a file in YAML that lists entries of user, "
                    "project, roles and, where it differs, password; or default, for the accounts that test suites of "
                    "clients expect."),
    cfg.StrOpt("password", secret=True, default="novasim",
               help="Password of the accounts that have no other. Choose one before the API listens to others than "
                    "this machine; it has no effect on users that are there already."),
    cfg.IntOpt("password_hash_rounds", default=10, min=4, max=31,
               help="Work of checking a password, as the logarithm of bcrypt's rounds. 10 takes some 50 ms."),
    cfg.IntOpt("token_expiration", default=21600, min=1, deprecated_name="expiration", deprecated_group="token",
               help="Seconds for which a token holds."),
    cfg.StrOpt("token_secret", secret=True,
               help="What tokens are signed with. Unset: a secret that is made once and kept in the database, where "
                    "all API processes find it."),
    cfg.StrOpt("region", default="RegionOne", help="The region that the catalogue names."),
]
CELLS: list[cfg.Opt] = [
    cfg.StrOpt("cell_type", choices=["api", "compute"],
               help="What this cluster is in a tree of cells as of 2014. api: refuses what is asked of a server whose "
                    "cell is not known yet; compute: takes a resize to the flavor a server has. Unset: no cells."),
]
IMAGE: list[cfg.Opt] = [
    cfg.BoolOpt("enabled", default=True,
                help="Serve the Image API v2 below /image. Without it the images are managed by the image proxy of "
                     "the Compute API only."),
    cfg.IntOpt("stored_bytes", default=4 << 20, min=0,
               help="Bytes of the largest image whose uploaded contents are kept, in the database. A larger one is "
                    "measured and summed up only, and cannot be downloaded."),
    cfg.IntOpt("image_size_cap", default=1 << 40, min=0,
               help="Bytes of the largest image that may be uploaded; a larger one is refused with 413."),
]
NETWORK: list[cfg.Opt] = [
    cfg.BoolOpt("enabled", default=True,
                help="Serve the Network API v2.0 below /network, and give each server a port with an address. Without "
                     "it servers have no addresses and cost a few SQL statements less."),
]
_UNCOUNTED = {
    "metadata_items": (128, "metadata items of a server"), "injected_files": (5, "files put into a new server"),
    "injected_file_content_bytes": (10240, "bytes of such a file"),
    "injected_file_path_bytes": (255, "bytes of such a file's path"), "key_pairs": (100, "key pairs of a user"),
    "server_groups": (10, "server groups of a project"), "server_group_members": (10, "servers of a server group"),
}
QUOTA: list[cfg.Opt] = [
    cfg.IntOpt("instances", default=10, min=-1, deprecated_name="quota_instances", deprecated_group="DEFAULT",
               help="Servers of a project. -1 is unlimited, here and below."),
    cfg.IntOpt("cores", default=20, min=-1, deprecated_name="quota_cores", deprecated_group="DEFAULT",
               help="vCPUs of a project's servers together."),
    cfg.IntOpt("ram", default=51200, min=-1, deprecated_name="quota_ram", deprecated_group="DEFAULT",
               help="MB of memory of a project's servers together."),
    *(cfg.IntOpt(name, default=default, min=-1, help=f"Limit: {text}.")
      for name, (default, text) in _UNCOUNTED.items()),
]


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    return [(None, DEFAULT), ("api", API), ("quota", QUOTA), ("cells", CELLS), ("identity", IDENTITY),
            ("image", IMAGE), ("network", NETWORK)]


def quota_defaults(conf: cfg.ConfigOpts) -> dict[str, int]:
    """The limits of a project that has no others."""
    return {option.name: conf.quota[option.name] for option in QUOTA}
