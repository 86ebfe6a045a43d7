"""How far hosts are with the monthly audit of usage. Agents of the simulator make none, so none has been run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api.answers import answers
from novasim.api.wsgi import Request
from novasim.db import hosts

if TYPE_CHECKING:
    from novasim.api.app import Api

_FORM = "%Y-%m-%d %H:%M:%S"
_LOG = {"period_beginning": str, "period_ending": str, "num_hosts": int, "num_hosts_done": int,
        "num_hosts_running": int, "num_hosts_not_run": int, "hosts_not_run": [str], "total_instances": int,
        "total_errors": int, "overall_status": str, "log": {...: Any}}


@answers({"instance_usage_audit_logs": _LOG})
def index(api: Api, request: Request) -> Any:
    request.authorize("os-instance-usage-audit-log:list")
    return {"instance_usage_audit_logs": _log(api, api.clock.now())}


@answers({"instance_usage_audit_log": _LOG})
def show(api: Api, request: Request, before: str) -> Any:
    request.authorize("os-instance-usage-audit-log:show")
    try:
        moment = datetime.strptime(before, f"{_FORM}.%f" if "." in before else _FORM)
    except ValueError as error:
        raise exceptions.Invalid(f"Invalid timestamp for date {before}") from error
    return {"instance_usage_audit_log": _log(api, moment)}


def _log(api: Api, before: datetime) -> dict[str, Any]:
    """Of the last whole month before a time."""
    end = before.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    begin = (end - timedelta(days=1)).replace(day=1) if end > datetime.min else end
    names = sorted(service.host for service in api.db.read(hosts.services, binary=hosts.COMPUTE))
    return {"period_beginning": str(begin), "period_ending": str(end), "num_hosts": len(names), "num_hosts_done": 0,
            "num_hosts_running": 0, "num_hosts_not_run": len(names), "hosts_not_run": names, "total_instances": 0,
            "total_errors": 0, "overall_status": f"0 of {len(names)} hosts done. 0 errors.", "log": {}}
