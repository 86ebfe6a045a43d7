"""Who may do what: the access rules, named as the Compute API names them, and their enforcer.

A decision depends on the caller, the rule and the owner of the target only, so it is worked out once and remembered:
oslo.policy needs 0.2 ms for one, and a request asks for several. Rules of a policy file are read at start.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import NamedTuple

from oslo_config import cfg
from oslo_policy import policy

from novasim import exceptions
from novasim.context import RequestContext

ADMIN = "rule:admin_api"
OWNER = "rule:admin_or_owner"
MANAGER = "rule:project_manager_or_admin"
READER = "rule:admin_or_reader"
USER = "rule:admin_or_user"
USER_MEMBER = "rule:admin_or_user_member"
ANYBODY = "@"

_CHECKS = [
    policy.RuleDefault("admin_api", "role:admin or is_admin:True", "An administrator."),
    policy.RuleDefault("admin_or_owner", "rule:admin_api or (role:member and project_id:%(project_id)s)",
                       "An administrator, or a member of the project that owns the target."),
    policy.RuleDefault("project_manager_or_admin", "rule:admin_api or (role:manager and project_id:%(project_id)s)",
                       "An administrator, or a manager of the project that owns the target."),
    policy.RuleDefault("admin_or_reader", "rule:admin_api or (role:reader and project_id:%(project_id)s)",
                       "An administrator, or whoever may read in the project that owns the target."),
    policy.RuleDefault("admin_or_user", "rule:admin_api or user_id:%(user_id)s",
                       "An administrator, or the user whose own the target is."),
    policy.RuleDefault("admin_or_user_member", "rule:admin_api or (role:member and user_id:%(user_id)s)",
                       "An administrator, or the user whose own the target is, as a member of a project."),
]


class _Rule(NamedTuple):
    """One documented rule; ``operations`` are (method, path) pairs, as users see them."""
    name: str
    check: str
    description: str
    operations: tuple[tuple[str, str], ...]


_ACTION = "/servers/{server_id}/action"


def _action(name: str, check: str, description: str, key: str) -> _Rule:
    return _Rule(name, check, description, (("POST", f"{_ACTION} ({key})"),))


_RULES = [
    _Rule("servers:index", READER, "List servers", (("GET", "/servers"),)),
    _Rule("servers:detail", READER, "List servers with details", (("GET", "/servers/detail"),)),
    _Rule("servers:index:get_all_tenants", ADMIN, "List servers of all projects",
          (("GET", "/servers"), ("GET", "/servers/detail"))),
    _Rule("servers:show", READER, "Show a server", (("GET", "/servers/{server_id}"),)),
    _Rule("servers:show:host_status", ADMIN, "Show the state of a server's host", (("GET", "/servers/{server_id}"),)),
    _Rule("os-extended-server-attributes", ADMIN, "Show host, hypervisor and other inner attributes of a server",
          (("GET", "/servers/{server_id}"),)),
    _Rule("servers:create", OWNER, "Create a server", (("POST", "/servers"), ("POST", "/os-volumes_boot"))),
    _Rule("servers:create:forced_host", ADMIN, "Create a server on a named host, past the scheduler",
          (("POST", "/servers"),)),
    _Rule("servers:create:requested_destination", ADMIN, "Create a server on a named host",
          (("POST", "/servers"),)),
    _Rule("servers:update", OWNER, "Update a server", (("PUT", "/servers/{server_id}"),)),
    _Rule("servers:delete", OWNER, "Delete a server", (("DELETE", "/servers/{server_id}"),)),
    _action("servers:resize", OWNER, "Resize a server", "resize"),
    _action("servers:confirm_resize", OWNER, "Confirm a resize", "confirmResize"),
    _action("servers:revert_resize", OWNER, "Revert a resize", "revertResize"),
    _action("servers:rebuild", OWNER, "Rebuild a server", "rebuild"),
    _action("servers:create_image", OWNER, "Make an image of a server", "createImage"),
    _action("os-create-backup", OWNER, "Make a backup of a server", "createBackup"),
    _action("os-shelve:shelve", OWNER, "Shelve a server", "shelve"),
    _action("os-shelve:shelve_offload", ADMIN, "Take a shelved server off its host", "shelveOffload"),
    _action("os-shelve:unshelve", OWNER, "Bring a shelved server back", "unshelve"),
    _action("os-shelve:unshelve_to_host", ADMIN, "Bring a shelved server back on a named host", "unshelve"),
    _action("servers:start", OWNER, "Start a server", "os-start"),
    _action("servers:stop", OWNER, "Stop a server", "os-stop"),
    _action("servers:reboot", OWNER, "Reboot a server", "reboot"),
    _action("os-migrate-server:migrate", MANAGER, "Migrate a server to another host", "migrate"),
    _action("os-migrate-server:migrate:host", ADMIN, "Migrate a server to a named host", "migrate"),
    _action("os-migrate-server:migrate_live", MANAGER, "Live-migrate a server to another host", "os-migrateLive"),
    _action("os-migrate-server:migrate_live:host", ADMIN, "Live-migrate a server to a named host", "os-migrateLive"),
    _action("os-evacuate", ADMIN, "Make a server anew on another host, since its own is dead", "evacuate"),
    _action("os-lock-server:lock", OWNER, "Lock a server", "lock"),
    _action("os-lock-server:unlock", OWNER, "Unlock a server", "unlock"),
    _action("os-lock-server:unlock:unlock_override", ADMIN, "Unlock a server that somebody else locked", "unlock"),
    _action("os-admin-actions:inject_network_info", ADMIN, "Tell a server of its networks", "injectNetworkInfo"),
    _action("os-admin-actions:reset_state", ADMIN, "Set the state of a server by hand", "os-resetState"),
    _action("os-deferred-delete:force", OWNER, "Delete a server at once", "forceDelete"),
    _action("os-deferred-delete:restore", OWNER, "Bring a soft-deleted server back", "restore"),
    _action("os-pause-server:pause", OWNER, "Pause a server", "pause"),
    _action("os-pause-server:unpause", OWNER, "Let a paused server go on", "unpause"),
    _action("os-suspend-server:suspend", OWNER, "Suspend a server", "suspend"),
    _action("os-suspend-server:resume", OWNER, "Let a suspended server go on", "resume"),
    _action("os-rescue", OWNER, "Start a server from a rescue image", "rescue"),
    _action("os-unrescue", OWNER, "Start a rescued server from its own disk again", "unrescue"),
    _action("os-console-output", OWNER, "Read what a server has written to its console", "os-getConsoleOutput"),
    _Rule("os-remote-consoles", OWNER, "Open a console of a server", (
        ("POST", "/servers/{server_id}/remote-consoles"),
        *(("POST", f"{_ACTION} ({name})") for name in (
            "os-getVNCConsole", "os-getSPICEConsole", "os-getRDPConsole", "os-getSerialConsole")))),
    _Rule("os-console-auth-tokens", ADMIN, "Read where the console is that a token opens",
          (("GET", "/os-console-auth-tokens/{console_token}"),)),
    _Rule("os-server-diagnostics", ADMIN, "Read how a server is doing", (("GET", "/servers/{server_id}/diagnostics"),)),
    _Rule("compute:server:topology:index", READER, "Show the NUMA nodes of a server",
          (("GET", "/servers/{server_id}/topology"),)),
    _Rule("compute:server:topology:host:index", ADMIN, "Show where on its host they are",
          (("GET", "/servers/{server_id}/topology"),)),
    _action("servers:trigger_crash_dump", OWNER, "Have a server write a dump of its memory", "trigger_crash_dump"),
    _Rule("os-server-password:show", READER, "Read the password that a server has reported",
          (("GET", "/servers/{server_id}/os-server-password"),)),
    _Rule("os-server-password:clear", OWNER, "Forget the password that a server has reported",
          (("DELETE", "/servers/{server_id}/os-server-password"),)),
    _action("os-admin-password", OWNER, "Change the password of a server's administrator", "changePassword"),
    *(_Rule(f"os-volumes-attachments:{name}", check, what,
            ((method, f"/servers/{{server_id}}/os-volume_attachments{path}"),)) for name, check, what, method, path in (
        ("index", READER, "List the volumes of a server", "GET", ""),
        ("show", READER, "Show a volume of a server", "GET", "/{volume_id}"),
        ("create", OWNER, "Attach a volume to a server", "POST", ""),
        ("update", OWNER, "Change how a volume is attached to a server", "PUT", "/{volume_id}"),
        ("swap", ADMIN, "Put another volume in the place of one", "PUT", "/{volume_id}"),
        ("delete", OWNER, "Detach a volume from a server", "DELETE", "/{volume_id}"))),
    *(_Rule(f"os-server-shares:{name}", check, what, ((method, f"/servers/{{server_id}}/shares{path}"),))
      for name, check, what, method, path in (
        ("index", READER, "List the shares of a server", "GET", ""),
        ("show", READER, "Show a share of a server", "GET", "/{share_id}"),
        ("create", OWNER, "Attach a share to a server", "POST", ""),
        ("delete", OWNER, "Detach a share from a server", "DELETE", "/{share_id}"))),
    *(_Rule(f"os-attach-interfaces:{name}", check, what, ((method, f"/servers/{{server_id}}/os-interface{path}"),))
      for name, check, what, method, path in (
        ("list", READER, "List the ports of a server", "GET", ""),
        ("show", READER, "Show a port of a server", "GET", "/{port_id}"),
        ("create", OWNER, "Attach a port to a server", "POST", ""),
        ("delete", OWNER, "Detach a port from a server", "DELETE", "/{port_id}"))),
    _action("os-multinic:add", OWNER, "Give a server one more address of a network", "addFixedIp"),
    _action("os-multinic:remove", OWNER, "Take an address from a server", "removeFixedIp"),
    _action("os-security-groups:add", OWNER, "Give a server a security group", "addSecurityGroup"),
    _action("os-security-groups:remove", OWNER, "Take a security group from a server", "removeSecurityGroup"),
    _action("os-floating-ips:add", OWNER, "Let a floating IP lead to a server", "addFloatingIp"),
    _action("os-floating-ips:remove", OWNER, "Let a floating IP lead to a server no more", "removeFloatingIp"),
    *(_Rule(f"os-floating-ips:{name}", check, what, ((method, f"/os-floating-ips{path}"),))
      for name, check, what, method, path in (
        ("list", READER, "List floating IPs", "GET", ""),
        ("show", READER, "Show a floating IP", "GET", "/{floating_ip_id}"),
        ("create", OWNER, "Have a floating IP", "POST", ""),
        ("delete", OWNER, "Give a floating IP back", "DELETE", "/{floating_ip_id}"))),
    _Rule("os-floating-ip-pools", READER, "List pools of floating IPs", (("GET", "/os-floating-ip-pools"),)),
    *(_Rule(f"{name}:{rule}", READER, what, (("GET", f"/{name}{path}"),))
      for name in ("os-networks", "os-tenant-networks")
      for rule, what, path in (("list", "List networks", ""), ("show", "Show a network", "/{network_id}"))),
    _Rule("os-security-groups:list", READER, "List security groups", (
        ("GET", "/os-security-groups"), ("GET", "/servers/{server_id}/os-security-groups"))),
    *(_Rule(f"os-security-groups:{name}", check, what, ((method, path),)) for name, check, what, method, path in (
        ("show", READER, "Show a security group", "GET", "/os-security-groups/{security_group_id}"),
        ("create", OWNER, "Create a security group", "POST", "/os-security-groups"),
        ("update", OWNER, "Change a security group", "PUT", "/os-security-groups/{security_group_id}"),
        ("delete", OWNER, "Delete a security group", "DELETE", "/os-security-groups/{security_group_id}"),
        ("rule:create", OWNER, "Create a rule of a security group", "POST", "/os-security-group-rules"),
        ("rule:delete", OWNER, "Delete a rule of a security group", "DELETE", "/os-security-group-rules/{rule_id}"))),
    _Rule("server-metadata:index", READER, "Read a server's metadata", (("GET", "/servers/{server_id}/metadata"),)),
    _Rule("server-metadata:update", OWNER, "Change a server's metadata",
          tuple((method, "/servers/{server_id}/metadata[/{key}]") for method in ("POST", "PUT", "DELETE"))),
    *(_Rule(f"os-server-tags:{name}", check, what, ((method, f"/servers/{{server_id}}/tags{path}"),))
      for name, check, what, method, path in (
        ("index", READER, "List the tags of a server", "GET", ""),
        ("show", READER, "See whether a server has a tag", "GET", "/{tag}"),
        ("update_all", OWNER, "Put other tags in the place of a server's", "PUT", ""),
        ("update", OWNER, "Put a tag on a server", "PUT", "/{tag}"),
        ("delete_all", OWNER, "Take all tags from a server", "DELETE", ""),
        ("delete", OWNER, "Take a tag from a server", "DELETE", "/{tag}"))),
    _Rule("ips:index", READER, "List a server's addresses", (("GET", "/servers/{server_id}/ips"),)),
    _Rule("servers:migrations:index", ADMIN, "List live migrations of a server",
          (("GET", "/servers/{server_id}/migrations"),)),
    _Rule("servers:migrations:show", ADMIN, "Show a live migration of a server that is in progress",
          (("GET", "/servers/{server_id}/migrations/{migration_id}"),)),
    _Rule("servers:migrations:force_complete", ADMIN, "Bring a live migration to its end at the cost of the guest",
          (("POST", "/servers/{server_id}/migrations/{migration_id}/action (force_complete)"),)),
    _Rule("servers:migrations:delete", ADMIN, "Abort a live migration",
          (("DELETE", "/servers/{server_id}/migrations/{migration_id}"),)),
    _Rule("os-instance-actions:list", READER, "List what was done to a server",
          (("GET", "/servers/{server_id}/os-instance-actions"),)),
    _Rule("os-instance-actions:show", READER, "Show one action on a server",
          (("GET", "/servers/{server_id}/os-instance-actions/{request_id}"),)),
    _Rule("os-instance-actions:events", ADMIN, "Show the tracebacks and hosts of an action's events",
          (("GET", "/servers/{server_id}/os-instance-actions/{request_id}"),)),
    _Rule("os-flavor-manage:create", ADMIN, "Create a flavor", (("POST", "/flavors"),)),
    _Rule("os-flavor-manage:update", ADMIN, "Update a flavor", (("PUT", "/flavors/{flavor_id}"),)),
    _Rule("os-flavor-manage:delete", ADMIN, "Delete a flavor", (("DELETE", "/flavors/{flavor_id}"),)),
    _Rule("os-flavor-extra-specs:index", ANYBODY, "Read a flavor's extra specs",
          (("GET", "/flavors/{flavor_id}/os-extra_specs[/{key}]"),)),
    _Rule("os-flavor-extra-specs:update", ADMIN, "Change a flavor's extra specs",
          tuple((method, "/flavors/{flavor_id}/os-extra_specs[/{key}]") for method in ("POST", "PUT", "DELETE"))),
    _Rule("os-flavor-access", ADMIN, "List the projects that may use a private flavor",
          (("GET", "/flavors/{flavor_id}/os-flavor-access"),)),
    _Rule("os-flavor-access:add_tenant_access", ADMIN, "Let a project use a private flavor",
          (("POST", "/flavors/{flavor_id}/action (addTenantAccess)"),)),
    _Rule("os-flavor-access:remove_tenant_access", ADMIN, "Take a private flavor from a project",
          (("POST", "/flavors/{flavor_id}/action (removeTenantAccess)"),)),
    *(_Rule(f"os-keypairs:{name}", check, text, ((how, f"/os-keypairs{path}"),))
      for name, check, text, how, path in (
        ("index", USER, "List key pairs", "GET", ""), ("show", USER, "Show a key pair", "GET", "/{keypair_name}"),
        ("create", USER_MEMBER, "Create or import a key pair", "POST", ""),
        ("delete", USER_MEMBER, "Delete a key pair", "DELETE", "/{keypair_name}"))),
    _Rule("os-migrations:index", ADMIN, "List migrations", (("GET", "/os-migrations"),)),
    _Rule("os-services:list", ADMIN, "List services", (("GET", "/os-services"),)),
    _Rule("os-services:update", ADMIN, "Enable, disable or force down a compute service",
          (("PUT", "/os-services/{service_id}"),)),
    _Rule("os-services:delete", ADMIN, "Delete a service", (("DELETE", "/os-services/{service_id}"),)),
    _Rule("os-hosts:list", ADMIN, "List hosts", (("GET", "/os-hosts"),)),
    _Rule("os-hosts:show", ADMIN, "Show what a host has and what is used of it", (("GET", "/os-hosts/{host_name}"),)),
    _Rule("os-hosts:update", ADMIN, "Enable or disable a host", (("PUT", "/os-hosts/{host_name}"),)),
    *(_Rule(f"os-hosts:{rule}", ADMIN, f"{verb.capitalize()} a host", (("GET", f"/os-hosts/{{host_name}}/{verb}"),))
      for rule, verb in (("start", "startup"), ("shutdown", "shutdown"), ("reboot", "reboot"))),
    _Rule("os-hypervisors:list", ADMIN, "List hypervisors",
          (("GET", "/os-hypervisors"), ("GET", "/os-hypervisors/detail"))),
    _Rule("os-hypervisors:show", ADMIN, "Show a hypervisor", (("GET", "/os-hypervisors/{hypervisor_id}"),)),
    _Rule("os-hypervisors:statistics", ADMIN, "Show sums over all hypervisors",
          (("GET", "/os-hypervisors/statistics"),)),
    _Rule("limits", ANYBODY, "Show the limits and use of one's project", (("GET", "/limits"),)),
    _Rule("limits:other_project", ADMIN, "Show the limits and use of another project", (("GET", "/limits"),)),
    _Rule("os-quota-sets:show", READER, "Show a project's quota",
          (("GET", "/os-quota-sets/{project_id}"), ("GET", "/os-quota-sets/{project_id}/detail"))),
    _Rule("os-quota-sets:defaults", ANYBODY, "Show the default quota",
          (("GET", "/os-quota-sets/{project_id}/defaults"),)),
    _Rule("os-quota-sets:update", ADMIN, "Change a project's quota", (("PUT", "/os-quota-sets/{project_id}"),)),
    _Rule("os-quota-sets:delete", ADMIN, "Give a project the default quota again",
          (("DELETE", "/os-quota-sets/{project_id}"),)),
    _Rule("os-quota-class-sets:show", ADMIN, "Show the quota of a class of projects",
          (("GET", "/os-quota-class-sets/{class}"),)),
    _Rule("os-quota-class-sets:update", ADMIN, "Change the quota of a class of projects",
          (("PUT", "/os-quota-class-sets/{class}"),)),
    _Rule("os-assisted-volume-snapshots:create", ADMIN, "Have a server help with a snapshot of its volume",
          (("POST", "/os-assisted-volume-snapshots"),)),
    _Rule("os-assisted-volume-snapshots:delete", ADMIN, "Have a server help to delete a snapshot of its volume",
          (("DELETE", "/os-assisted-volume-snapshots/{snapshot_id}"),)),
    _Rule("os-availability-zone:list", ANYBODY, "List availability zones", (("GET", "/os-availability-zone"),)),
    _Rule("os-availability-zone:detail", ADMIN, "List availability zones with their hosts and services",
          (("GET", "/os-availability-zone/detail"),)),
    *(_Rule(f"os-aggregates:{name}", ADMIN, text, ((how, f"/os-aggregates{path}"),)) for name, text, how, path in (
        ("index", "List aggregates", "GET", ""),
        ("show", "Show an aggregate", "GET", "/{aggregate_id}"),
        ("create", "Create an aggregate", "POST", ""),
        ("update", "Change the name or zone of an aggregate", "PUT", "/{aggregate_id}"),
        ("delete", "Delete an aggregate", "DELETE", "/{aggregate_id}"),
        ("add_host", "Add a host to an aggregate", "POST", "/{aggregate_id}/action (add_host)"),
        ("remove_host", "Remove a host from an aggregate", "POST", "/{aggregate_id}/action (remove_host)"),
        ("set_metadata", "Change the metadata of an aggregate", "POST", "/{aggregate_id}/action (set_metadata)"))),
    _Rule("compute:aggregates:images", ADMIN, "Have the hosts of an aggregate cache images",
          (("POST", "/os-aggregates/{aggregate_id}/images"),)),
    _Rule("os-server-external-events:create", ADMIN, "Report events of servers",
          (("POST", "/os-server-external-events"),)),
    _Rule("os-server-groups:index", READER, "List server groups", (("GET", "/os-server-groups"),)),
    _Rule("os-server-groups:index:all_projects", ADMIN, "List server groups of all projects",
          (("GET", "/os-server-groups"),)),
    _Rule("os-server-groups:show", READER, "Show a server group", (("GET", "/os-server-groups/{server_group_id}"),)),
    _Rule("os-server-groups:create", OWNER, "Create a server group", (("POST", "/os-server-groups"),)),
    _Rule("os-server-groups:delete", OWNER, "Delete a server group",
          (("DELETE", "/os-server-groups/{server_group_id}"),)),
    _Rule("os-simple-tenant-usage:list", ADMIN, "List what all projects have used",
          (("GET", "/os-simple-tenant-usage"),)),
    _Rule("os-simple-tenant-usage:show", READER, "Show what a project has used",
          (("GET", "/os-simple-tenant-usage/{project_id}"),)),
    _Rule("os-instance-usage-audit-log:list", ADMIN, "Show how far hosts are with the audit of usage",
          (("GET", "/os-instance_usage_audit_log"),)),
    _Rule("os-instance-usage-audit-log:show", ADMIN, "Show how far hosts were with the audit of usage before a time",
          (("GET", "/os-instance_usage_audit_log/{before}"),)),
    _Rule("os-simulator:decisions", ADMIN, "Read why hosts were chosen for a request, or were not",
          (("GET", "/os-simulator/decisions/{request_id}"),)),
    *(_Rule(f"os-simulator:faults:{name}", ADMIN, what, ((method, f"/os-simulator/{path}"),))
      for name, what, method, path in (
        ("index", "List fault rules", "GET", "faults"), ("create", "Add a fault rule", "POST", "faults"),
        ("presets", "List presets of fault rules", "GET", "fault-presets"),
        ("delete", "Remove a fault rule", "DELETE", "faults/{fault_id}"),
        ("clear", "Remove all fault rules and their log", "DELETE", "faults"),
        ("log", "Read what fault rules did", "GET", "fault-log"))),
    _Rule("os-simulator:hosts:list", ADMIN, "List the machines of the simulator",
          (("GET", "/os-simulator/hosts"), ("GET", "/os-simulator/fleets"))),
    _Rule("os-simulator:hosts:update", ADMIN, "Make more or fewer machines; crash, revive, freeze or thaw some",
          (("POST", "/os-simulator/hosts"), ("POST", "/os-simulator/hosts/action"))),
    _Rule("os-simulator:journal", ADMIN, "Read the hops of a request", (("GET", "/os-simulator/journal"),)),
]


def list_rules() -> list[policy.RuleDefault]:
    """All rules with their defaults and documentation, for the generated sample."""
    return [*_CHECKS, *(policy.DocumentedRuleDefault(
        "os_compute_api:" + rule.name, rule.check, rule.description,
        [{"method": method, "path": path} for method, path in rule.operations]) for rule in _RULES)]


class Policy:
    """The rules in force: the defaults, and what ``[oslo_policy] policy_file`` puts in their place."""

    def __init__(self, conf: cfg.ConfigOpts):
        self._enforcer = policy.Enforcer(conf)
        # Without their documentation: the enforcer copies each deeply.
        self._enforcer.register_defaults(
            [*_CHECKS, *(policy.RuleDefault("os_compute_api:" + rule.name, rule.check) for rule in _RULES)])
        self._enforcer.load_rules()
        self._decide = functools.lru_cache(maxsize=4096)(self._work_out)

    def _work_out(self, rule: str, user_id: str | None, project_id: str | None, roles: tuple[str, ...],
                  is_admin: bool, owner: tuple[str | None, str | None]) -> bool:
        return bool(self._enforcer.enforce(
            "os_compute_api:" + rule, {"project_id": owner[0], "user_id": owner[1]},
            {"user_id": user_id, "project_id": project_id, "roles": list(roles), "is_admin": is_admin}))

    def allows(self, context: RequestContext, rule: str, target: Mapping[str, str | None] | None = None) -> bool:
        """Whether the caller may.

        :param rule: without its ``os_compute_api:``
        :param target: ``project_id`` and ``user_id`` of what is asked for; the caller's own without it
        """
        owner = ((context.project_id, context.user_id) if target is None
                 else (target.get("project_id"), target.get("user_id")))
        return self._decide(rule, context.user_id, context.project_id, tuple(context.roles), context.is_admin, owner)

    def authorize(self, context: RequestContext, rule: str, target: Mapping[str, str | None] | None = None) -> None:
        """Like :meth:`allows`.

        :raises PolicyNotAuthorized: when the caller may not
        """
        if not self.allows(context, rule, target):
            raise exceptions.PolicyNotAuthorized(action="os_compute_api:" + rule)
