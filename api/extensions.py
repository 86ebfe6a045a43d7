"""The list of extensions that very old clients ask for: what could once be switched off by itself. All of it has been
part of the API since 2.1, and the list has not changed since; it also names what is gone (api/gone.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api.answers import answers
from novasim.api.wsgi import Request

if TYPE_CHECKING:
    from novasim.api.app import Api

# Alias, name, what it is.
_TABLE = """
NMN Multinic Several addresses of a network for a server.
OS-DCF DiskConfig How the disk of a server is partitioned.
OS-EXT-AZ ExtendedAvailabilityZone The availability zone of a server.
OS-EXT-IMG-SIZE ImageSize The size of an image.
OS-EXT-IPS ExtendedIps What kind of address a server's address is.
OS-EXT-IPS-MAC ExtendedIpsMac The MAC address beside an address.
OS-EXT-SRV-ATTR ExtendedServerAttributes Host and hypervisor of a server.
OS-EXT-STS ExtendedStatus The inner states of a server.
OS-EXT-VIF-NET ExtendedVIFNet The network of a virtual interface.
OS-FLV-DISABLED FlavorDisabled Whether a flavor is disabled.
OS-FLV-EXT-DATA FlavorExtraData The ephemeral disk of a flavor.
OS-SCH-HNT SchedulerHints Hints to the scheduler.
OS-SRV-USG ServerUsage When a server was launched and terminated.
os-access-ips AccessIPs The addresses that a server is reached at.
os-admin-actions AdminActions Actions of administrators.
os-admin-password AdminPassword The password of a server's administrator.
os-agents Agents Builds of guest agents.
os-aggregates Aggregates Groups of hosts.
os-assisted-volume-snapshots AssistedVolumeSnapshots Snapshots of volumes with the help of their server.
os-attach-interfaces AttachInterfaces The ports of a server.
os-availability-zone AvailabilityZone Availability zones.
os-baremetal-ext-status BareMetalExtStatus The state of bare-metal nodes.
os-baremetal-nodes BareMetalNodes Bare-metal nodes.
os-block-device-mapping BlockDeviceMapping The disks of a new server.
os-block-device-mapping-v2-boot BlockDeviceMappingV2Boot The disks of a new server, in their second form.
os-cell-capacities CellCapacities The room in cells.
os-cells Cells Cells and their neighbours.
os-certificates Certificates X.509 certificates.
os-cloudpipe Cloudpipe Servers that lead into a project's network.
os-cloudpipe-update CloudpipeUpdate Their addresses.
os-config-drive ConfigDrive A drive with the configuration of a server.
os-console-auth-tokens ConsoleAuthTokens Where the console is that a token opens.
os-console-output ConsoleOutput What a server has written to its console.
os-consoles Consoles Consoles of servers.
os-create-backup CreateBackup Backups of servers.
os-create-server-ext Createserverext Creating a server with its security groups.
os-deferred-delete DeferredDelete Servers that can be restored for a while.
os-evacuate Evacuate Servers made anew, since their host is dead.
os-extended-evacuate-find-host ExtendedEvacuateFindHost An evacuation to where the scheduler says.
os-extended-floating-ips ExtendedFloatingIps The address that a floating IP leads to.
os-extended-hypervisors ExtendedHypervisors The address of a hypervisor, and its free disk.
os-extended-networks ExtendedNetworks More of a network.
os-extended-quotas ExtendedQuotas Default quotas again, and quotas below what is used.
os-extended-rescue-with-image ExtendedRescueWithImage The image of a rescue.
os-extended-services ExtendedServices Why a service is disabled.
os-extended-services-delete ExtendedServicesDelete Services that can be deleted.
os-extended-status ExtendedStatus The inner states of a server.
os-extended-volumes ExtendedVolumes The volumes of a server.
os-fixed-ips FixedIPs Addresses of networks.
os-flavor-access FlavorAccess Which projects may use a flavor.
os-flavor-extra-specs FlavorExtraSpecs Extra specs of flavors.
os-flavor-manage FlavorManage Creating and deleting flavors.
os-flavor-rxtx FlavorRxtx The factor of a flavor's bandwidth.
os-flavor-swap FlavorSwap The swap disk of a flavor.
os-floating-ip-dns FloatingIpDns Names of floating IPs.
os-floating-ip-pools FloatingIpPools Pools of floating IPs.
os-floating-ips FloatingIps Floating IPs.
os-floating-ips-bulk FloatingIpsBulk Ranges of floating IPs.
os-fping Fping Pings of servers.
os-hide-server-addresses HideServerAddresses No addresses for servers in some states.
os-hosts Hosts Hosts.
os-hypervisor-status HypervisorStatus The state of hypervisors.
os-hypervisors Hypervisors Hypervisors.
os-instance-actions InstanceActions What was done to a server.
os-instance_usage_audit_log OSInstanceUsageAuditLog How far hosts are with the audit of usage.
os-keypairs Keypairs Key pairs.
os-lock-server LockServer Locks of servers.
os-migrate-server MigrateServer Migrations of servers to other hosts.
os-migrations Migrations The list of migrations.
os-multiple-create MultipleCreate Several servers at once.
os-networks Networks Networks.
os-networks-associate NetworkAssociationSupport Which project a network belongs to.
os-pause-server PauseServer Servers that stand still.
os-personality Personality Files that are put into a new server.
os-preserve-ephemeral-rebuild PreserveEphemeralOnRebuild A rebuild that keeps the ephemeral disk.
os-quota-class-sets QuotaClasses Quotas of classes of projects.
os-quota-sets Quotas Quotas of projects.
os-rescue Rescue Servers started from another image.
os-security-group-default-rules SecurityGroupDefaultRules Rules of default security groups.
os-security-groups SecurityGroups Security groups.
os-server-diagnostics ServerDiagnostics How a server is doing.
os-server-external-events ServerExternalEvents Events that other services report.
os-server-group-quotas ServerGroupQuotas Quotas of server groups.
os-server-groups ServerGroups Server groups.
os-server-list-multi-status ServerListMultiStatus Lists of servers in any of several states.
os-server-password ServerPassword The password that a server has reported.
os-server-sort-keys ServerSortKeys The order of a list of servers.
os-server-start-stop ServerStartStop Starting and stopping servers.
os-services Services Services.
os-shelve Shelve Servers that are put aside.
os-simple-tenant-usage SimpleTenantUsage What projects have used.
os-suspend-server SuspendServer Servers whose memory is written to disk.
os-tenant-networks OSTenantNetworks Networks of a project.
os-used-limits UsedLimits What is used of the limits.
os-used-limits-for-admin UsedLimitsForAdmin The same of other projects, for administrators.
os-user-data UserData Data for a new server.
os-user-quotas UserQuotas Quotas of users in a project.
os-virtual-interfaces VirtualInterfaces Virtual interfaces of servers.
os-volume-attachment-update VolumeAttachmentUpdate Another volume in the place of one.
os-volumes Volumes Volumes, their snapshots, and to which servers they are attached.
"""
_SHOWN = {
    alias: {"alias": alias, "name": name, "description": about, "links": [], "updated": "2014-12-03T00:00:00Z",
            "namespace": "http://docs.openstack.org/compute/ext/fake_xml"}
    for alias, name, about in (line.split(" ", 2) for line in _TABLE.strip().splitlines())}


@answers({"extensions": [{...: Any}]}, about="List extensions: none, since everything is part of the API")
def index(api: Api, request: Request) -> Any:
    return {"extensions": list(_SHOWN.values())}


@answers({"extension": {...: Any}}, about="Show an extension")
def show(api: Api, request: Request, alias: str) -> Any:
    if alias not in _SHOWN:
        raise exceptions.NotFound()
    return {"extension": _SHOWN[alias]}
