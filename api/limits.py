"""The limits of a project and what it uses of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import quota
from novasim.api import query
from novasim.api.answers import answers, until
from novasim.api.query import Parameter
from novasim.api.wsgi import Request
from novasim.db import groups, quotas

if TYPE_CHECKING:
    from novasim.api.app import Api

# Key of the answer -> (resource, last version that has it). Resources of networks are unlimited.
_MOST = {
    "maxTotalInstances": ("instances", 999), "maxTotalCores": ("cores", 999), "maxTotalRAMSize": ("ram", 999),
    "maxTotalKeypairs": ("key_pairs", 999), "maxServerMeta": ("metadata_items", 999),
    "maxServerGroups": ("server_groups", 999), "maxServerGroupMembers": ("server_group_members", 999),
    "maxImageMeta": ("metadata_items", 38), "maxPersonality": ("injected_files", 56),
    "maxPersonalitySize": ("injected_file_content_bytes", 56), "maxSecurityGroups": ("security_groups", 35),
    "maxSecurityGroupRules": ("security_group_rules", 35), "maxTotalFloatingIps": ("floating_ips", 35),
}
_USED = {
    "totalInstancesUsed": ("instances", 999), "totalCoresUsed": ("cores", 999), "totalRAMUsed": ("ram", 999),
    "totalServerGroupsUsed": ("server_groups", 999), "totalFloatingIpsUsed": ("floating_ips", 35),
    "totalSecurityGroupsUsed": ("security_groups", 35),
}
_PARAMETERS = {"tenant_id": Parameter(), "reserved": Parameter()}


@answers({"limits": {"rate": [{...: Any}], "absolute": {
    key: until(last, int) for key, (_, last) in (_MOST | _USED).items()}}}, query=_PARAMETERS, strict=75)
def index(api: Api, request: Request) -> Any:
    request.authorize("limits")
    values = query.read(request, _PARAMETERS, strict_since=75)
    project_id = values.get("tenant_id") or request.context.project_id
    if project_id != request.context.project_id:
        request.authorize("limits:other_project")
    limits = api.db.read(quotas.limits, project_id, api.quota_defaults)
    used = api.db.read(groups.usage, project_id)
    version = request.version
    absolute = {key: limits.get(name, quota.UNLIMITED) for key, (name, last) in _MOST.items() if version <= last}
    # In 2014 what is reserved could be asked for too (spec 3.11).
    counted = 2 if values.get("reserved") == "1" else 1
    absolute |= {key: sum(used.get(name, (0, 0))[:counted]) for key, (name, last) in _USED.items() if version <= last}
    return {"limits": {"rate": [], "absolute": absolute}}
