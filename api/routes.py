"""The REST surface, as one table: URL -> method -> handler. What is not in it is a 404 or a 405."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from novasim.api import (
    aggregates,
    assisted_volume_snapshots,
    attach_interfaces,
    availability_zones,
    decisions,
    diagnostics,
    extensions,
    faults,
    flavor_access,
    flavor_extra_specs,
    flavors,
    floating_ips,
    gone,
    hosts,
    hypervisors,
    image_metadata,
    images,
    instance_actions,
    instance_usage_audit_log,
    keypairs,
    limits,
    migrations,
    networks,
    quota_class_sets,
    quota_sets,
    remote_consoles,
    security_groups,
    server_actions,
    server_addresses,
    server_external_events,
    server_groups,
    server_metadata,
    server_migrations,
    server_password,
    server_shares,
    server_tags,
    server_topology,
    servers,
    services,
    simple_tenant_usage,
    simulated_hosts,
    simulator,
    volume_attachments,
)
from novasim.api.microversion import Handler, Ranged, since, until
from novasim.api.wsgi import HttpError

Entry = Handler | Ranged | tuple[Ranged, ...]

ROUTES: dict[str, dict[str, Entry]] = {
    **gone.ROUTES,
    "/extensions": {"GET": extensions.index},
    "/extensions/{alias}": {"GET": extensions.show},
    "/flavors": {"GET": flavors.index, "POST": flavors.create},
    "/flavors/detail": {"GET": flavors.detail},
    "/flavors/{flavor_id}": {"GET": flavors.show, "PUT": since(55, flavors.update), "DELETE": flavors.delete},
    "/flavors/{flavor_id}/action": {"POST": flavor_access.dispatch},
    "/flavors/{flavor_id}/os-extra_specs": {"GET": flavor_extra_specs.index, "POST": flavor_extra_specs.create},
    "/flavors/{flavor_id}/os-extra_specs/{key}": {
        "GET": flavor_extra_specs.show, "PUT": flavor_extra_specs.update, "DELETE": flavor_extra_specs.delete},
    "/flavors/{flavor_id}/os-flavor-access": {"GET": flavor_access.index},
    "/images": {"GET": until(35, images.index)},
    "/images/detail": {"GET": until(35, images.detail)},
    "/images/{image_id}": {"GET": until(35, images.show), "DELETE": until(35, images.delete)},
    "/images/{image_id}/metadata": {
        "GET": until(38, image_metadata.index), "POST": until(38, image_metadata.merge),
        "PUT": until(38, image_metadata.replace)},
    "/images/{image_id}/metadata/{key}": {
        "GET": until(38, image_metadata.show), "PUT": until(38, image_metadata.put),
        "DELETE": until(38, image_metadata.delete)},
    "/limits": {"GET": limits.index},
    "/os-aggregates": {"GET": aggregates.index, "POST": aggregates.create},
    "/os-aggregates/{aggregate_id}": {
        "GET": aggregates.show, "PUT": aggregates.update, "DELETE": aggregates.delete},
    "/os-aggregates/{aggregate_id}/action": {"POST": aggregates.dispatch},
    "/os-aggregates/{aggregate_id}/images": {"POST": since(81, aggregates.images)},
    "/os-assisted-volume-snapshots": {"POST": assisted_volume_snapshots.create},
    "/os-assisted-volume-snapshots/{snapshot_id}": {"DELETE": assisted_volume_snapshots.delete},
    "/os-availability-zone": {"GET": availability_zones.index},
    "/os-availability-zone/detail": {"GET": availability_zones.detail},
    "/os-hosts": {"GET": until(42, hosts.index)},
    "/os-hosts/{host_name}": {"GET": until(42, hosts.show), "PUT": until(42, hosts.update)},
    "/os-hosts/{host_name}/startup": {"GET": until(42, hosts.startup)},
    "/os-hosts/{host_name}/shutdown": {"GET": until(42, hosts.shutdown)},
    "/os-hosts/{host_name}/reboot": {"GET": until(42, hosts.reboot)},
    "/os-console-auth-tokens/{console_token}": {"GET": remote_consoles.show_token},
    "/os-floating-ip-pools": {"GET": until(35, floating_ips.pools)},
    "/os-floating-ips": {"GET": until(35, floating_ips.index), "POST": until(35, floating_ips.create)},
    "/os-floating-ips/{floating_ip_id}": {
        "GET": until(35, floating_ips.show), "DELETE": until(35, floating_ips.delete)},
    "/os-hypervisors": {"GET": hypervisors.index},
    "/os-hypervisors/detail": {"GET": hypervisors.detail},
    "/os-hypervisors/statistics": {"GET": until(87, hypervisors.statistics)},
    "/os-hypervisors/{hypervisor_id}": {"GET": hypervisors.show},
    "/os-hypervisors/{hypervisor_id}/uptime": {"GET": until(87, hypervisors.uptime)},
    "/os-hypervisors/{hypervisor_id}/search": {"GET": until(52, hypervisors.search)},
    "/os-hypervisors/{hypervisor_id}/servers": {"GET": until(52, hypervisors.servers)},
    "/os-keypairs": {"GET": keypairs.index, "POST": keypairs.create},
    "/os-keypairs/{keypair_name}": {"GET": keypairs.show, "DELETE": keypairs.delete},
    "/os-instance_usage_audit_log": {"GET": instance_usage_audit_log.index},
    "/os-instance_usage_audit_log/{before}": {"GET": instance_usage_audit_log.show},
    "/os-migrations": {"GET": migrations.index},
    "/os-networks": {"GET": until(35, networks.index), "POST": gone.NETWORKS_ARE_ELSEWHERE},
    "/os-networks/add": {"POST": gone.NETWORKS_ARE_ELSEWHERE},
    "/os-networks/{network_id}": {"GET": until(35, networks.show), "DELETE": gone.NETWORKS_ARE_ELSEWHERE},
    "/os-networks/{network_id}/action": {"POST": gone.NETWORKS_ARE_ELSEWHERE},
    "/os-quota-class-sets/{class_name}": {"GET": quota_class_sets.show, "PUT": quota_class_sets.update},
    "/os-quota-sets/{project_id}": {
        "GET": quota_sets.show, "PUT": quota_sets.update, "DELETE": quota_sets.delete},
    "/os-quota-sets/{project_id}/defaults": {"GET": quota_sets.defaults},
    "/os-quota-sets/{project_id}/detail": {"GET": quota_sets.detail},
    "/os-security-group-rules": {"POST": until(35, security_groups.create_rule)},
    "/os-security-group-rules/{rule_id}": {"DELETE": until(35, security_groups.delete_rule)},
    "/os-security-groups": {"GET": until(35, security_groups.index), "POST": until(35, security_groups.create)},
    "/os-security-groups/{security_group_id}": {
        "GET": until(35, security_groups.show), "PUT": until(35, security_groups.update),
        "DELETE": until(35, security_groups.delete)},
    "/os-server-external-events": {"POST": server_external_events.create},
    "/os-server-groups": {"GET": server_groups.index, "POST": server_groups.create},
    "/os-server-groups/{server_group_id}": {"GET": server_groups.show, "DELETE": server_groups.delete},
    "/os-services": {"GET": services.index},
    "/os-services/{service_id}": {
        "PUT": (until(52, services.update_by_name), since(53, services.update)), "DELETE": services.delete},
    "/os-simple-tenant-usage": {"GET": simple_tenant_usage.index},
    "/os-simple-tenant-usage/{project_id}": {"GET": simple_tenant_usage.show},
    "/os-simulator/decisions/{request_id}": {"GET": decisions.show},
    "/os-simulator/fault-log": {"GET": faults.log},
    "/os-simulator/fault-presets": {"GET": faults.presets},
    "/os-simulator/faults": {"GET": faults.index, "POST": faults.create, "DELETE": faults.clear},
    "/os-simulator/faults/{fault_id}": {"DELETE": faults.delete},
    "/os-simulator/fleets": {"GET": simulated_hosts.fleets},
    "/os-simulator/hosts": {"GET": simulated_hosts.index, "POST": simulated_hosts.scale},
    "/os-simulator/hosts/action": {"POST": simulated_hosts.act},
    "/os-simulator/journal": {"GET": simulator.journal},
    "/os-tenant-networks": {
        "GET": until(35, networks.index_of_tenant), "POST": gone.NETWORKS_ARE_ELSEWHERE},
    "/os-tenant-networks/{network_id}": {
        "GET": until(35, networks.show_of_tenant), "DELETE": gone.NETWORKS_ARE_ELSEWHERE},
    # By this name the API was asked when disks were named; it is the same.
    "/os-volumes_boot": {"POST": servers.create},
    "/servers": {"GET": servers.index, "POST": servers.create},
    "/servers/detail": {"GET": servers.detail},
    "/servers/{server_id}": {"GET": servers.show, "PUT": servers.update, "DELETE": servers.delete},
    "/servers/{server_id}/action": {"POST": server_actions.dispatch},
    "/servers/{server_id}/diagnostics": {"GET": diagnostics.index},
    "/servers/{server_id}/ips": {"GET": server_addresses.index},
    "/servers/{server_id}/ips/{network}": {"GET": server_addresses.show},
    "/servers/{server_id}/metadata": {
        "GET": server_metadata.index, "POST": server_metadata.merge, "PUT": server_metadata.replace},
    "/servers/{server_id}/metadata/{key}": {
        "GET": server_metadata.show, "PUT": server_metadata.put, "DELETE": server_metadata.delete},
    "/servers/{server_id}/migrations": {"GET": since(23, server_migrations.index)},
    "/servers/{server_id}/migrations/{migration_id}": {
        "GET": since(23, server_migrations.show), "DELETE": since(24, server_migrations.delete)},
    "/servers/{server_id}/migrations/{migration_id}/action": {"POST": since(22, server_migrations.dispatch)},
    "/servers/{server_id}/os-instance-actions": {"GET": instance_actions.index},
    "/servers/{server_id}/os-instance-actions/{request_id}": {"GET": instance_actions.show},
    "/servers/{server_id}/os-interface": {"GET": attach_interfaces.index, "POST": attach_interfaces.create},
    "/servers/{server_id}/os-interface/{port_id}": {
        "GET": attach_interfaces.show, "DELETE": attach_interfaces.delete},
    "/servers/{server_id}/os-security-groups": {"GET": security_groups.of_server},
    "/servers/{server_id}/os-server-password": {"GET": server_password.show, "DELETE": server_password.clear},
    "/servers/{server_id}/os-volume_attachments": {"GET": volume_attachments.index, "POST": volume_attachments.create},
    "/servers/{server_id}/os-volume_attachments/{volume_id}": {
        "GET": volume_attachments.show, "PUT": volume_attachments.update, "DELETE": volume_attachments.delete},
    "/servers/{server_id}/tags": {
        "GET": since(26, server_tags.index), "PUT": since(26, server_tags.update_all),
        "DELETE": since(26, server_tags.delete_all)},
    "/servers/{server_id}/tags/{tag}": {
        "GET": since(26, server_tags.show), "PUT": since(26, server_tags.update),
        "DELETE": since(26, server_tags.delete)},
    "/servers/{server_id}/shares": {"GET": since(97, server_shares.index), "POST": since(97, server_shares.create)},
    "/servers/{server_id}/shares/{share_id}": {
        "GET": since(97, server_shares.show), "DELETE": since(97, server_shares.delete)},
    "/servers/{server_id}/remote-consoles": {"POST": since(6, remote_consoles.create)},
    "/servers/{server_id}/topology": {"GET": since(78, server_topology.show)},
}


def tree(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table as nested dicts by segment; "" leads to the methods, "{}" holds (name, subtree)."""
    root: dict[str, Any] = {}
    for path, methods in table.items():
        here = root
        for segment in path[1:].split("/"):
            if segment.startswith("{"):
                here = here.setdefault("{}", (segment[1:-1], {}))[1]
            else:
                here = here.setdefault(segment, {})
        here[""] = methods
    return root


_TREE = tree(ROUTES)


def split_project(path: str) -> tuple[str, str | None]:
    """A path without the project id it may begin with, and that id."""
    first, _, rest = path.lstrip("/").partition("/")
    if first not in _TREE and rest.partition("/")[0] in _TREE:
        return rest, first
    return path, None


def match(path: str, of: Mapping[str, Any] = _TREE) -> tuple[Mapping[str, Any], dict[str, str]]:
    """The methods of a path and the ids in it. A slash at its end says that one of a list is meant, whose id is empty.

    :param of: what :func:`tree` made of a table
    :raises HttpError: 404
    """
    here, ids = of, {}
    for segment in path.lstrip("/").split("/"):
        if segment and segment in here:
            here = here[segment]
        elif segment and "{}" in here:
            name, here = here["{}"]
            ids[name] = segment
        else:
            raise HttpError(404, "The resource could not be found.")
    if "" not in here:
        raise HttpError(404, "The resource could not be found.")
    return here[""], ids


def served(methods: Mapping[str, Any], method: str) -> Any:
    """What stands in a table for a method. HEAD asks for the head of what GET answers.

    :raises HttpError: 405
    """
    if method == "HEAD" and method not in methods:
        method = "GET"
    if method not in methods:
        raise HttpError(405, f"The method {method} is not allowed for this resource.",
                        {"Allow": ", ".join(sorted(methods))})
    return methods[method]


def pick(methods: Mapping[str, Entry], method: str, version: int) -> Handler:
    """The handler of a method in a version.

    :raises HttpError: 405, or 404 when the version has none
    """
    entry: Entry = served(methods, method)
    if not isinstance(entry, tuple):
        return entry
    for ranged in (entry,) if isinstance(entry, Ranged) else entry:
        if ranged.since <= version <= ranged.until:
            return ranged.handler
    raise HttpError(404, "The resource could not be found.")
