"""What goes wrong with networks. None of these travels over RPC, so they need not be in the kernel's tree; the Network
API tells their names to its clients (spec of that API: ``NeutronError.type``)."""

from __future__ import annotations

from novasim import exceptions


class NetworkNotFound(exceptions.NotFound):
    template = "Network %(id)s could not be found."


class SubnetNotFound(exceptions.NotFound):
    template = "Subnet %(id)s could not be found."


class PortNotFound(exceptions.NotFound):
    template = "Port %(id)s could not be found."


class SecurityGroupNotFound(exceptions.NotFound):
    template = "Security group %(id)s does not exist"


class SecurityGroupRuleNotFound(exceptions.NotFound):
    template = "Security group rule %(id)s does not exist"


class FloatingIPNotFound(exceptions.NotFound):
    template = "Floating IP %(id)s could not be found"


class InvalidIpForNetwork(exceptions.Invalid):
    template = ("IP address %(ip_address)s is not a valid IP for any of the subnets on the specified network "
                "%(network_id)s.")


class NetworkInUse(exceptions.Conflict):
    template = ("Unable to complete operation on network %(id)s. There are one or more ports still in use on the "
                "network.")


class SubnetInUse(exceptions.Conflict):
    template = ("Unable to complete operation on subnet %(id)s: One or more ports have an IP allocation from this "
                "subnet.")


class IpAddressInUse(exceptions.Conflict):
    template = ("Unable to complete operation for network %(network_id)s. The IP address %(ip_address)s is in use.")


class IpAddressGenerationFailure(exceptions.Conflict):
    template = "No more IP addresses available on network %(network_id)s."


class PortBound(exceptions.Conflict):
    """Somebody else was faster to take a port for a server."""
    template = "Port %(id)s is still in use."


class SecurityGroupInUse(exceptions.Conflict):
    template = "Security Group %(id)s in use."


class SecurityGroupCannotRemoveDefault(exceptions.Conflict):
    template = "Insufficient rights for removing default security group."


class SecurityGroupDefaultAlreadyExists(exceptions.Conflict):
    template = "Default security group already exists."


class SecurityGroupRuleExists(exceptions.Conflict):
    template = "Security group rule already exists. Rule id is %(id)s."
