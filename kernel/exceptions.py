"""One tree of errors, in one module, because oslo.messaging rebuilds remote errors only from modules it is told of.

    NovasimException
    |-- Invalid (400)            bad input, or a state that forbids what was asked: ValidationError ...
    |-- NotFound (404)
    |-- Conflict (409)
    |   |-- InstanceInvalidState, InstanceIsLocked, ServiceUnavailable ...
    |-- Forbidden (403)          OverQuota ...
    |-- NoValidHost              the scheduler found no host; asynchronous, so it never is an HTTP answer
    |-- UnexpectedTaskStateError somebody else changed the server first

A class carries its HTTP code and ``definite``: did it surely *not* happen? Only a definite failure may be tried
elsewhere at once; after an indefinite one (a timeout) the far side must be asked first.
The constructor keeps the shape ``(message=None, **kwargs)``: any other would come back over RPC as a bare RemoteError.
"""

from __future__ import annotations

from typing import Any


class NovasimException(Exception):
    """Root of all errors of ours.

    :param message: the text; without it the class's template is filled from ``kwargs``
    """

    template = "An unknown error occurred."
    code = 500
    definite = True

    def __init__(self, message: str | None = None, **kwargs: Any):
        self.kwargs = kwargs
        super().__init__(message or self.template % kwargs)

    @property
    def text(self) -> str:
        """The message alone. ``str()`` of an error rebuilt from the wire also holds the far traceback."""
        return str(self.args[0]) if self.args else self.template


class ConfigurationError(NovasimException):
    template = "The configuration is wrong: %(reason)s"


class RoutingError(NovasimException):
    """An RPC message that fits no contract; raised in the sender, before anything is sent."""
    template = "RPC %(method)s: %(reason)s"


class Invalid(NovasimException):
    template = "Bad request."
    code = 400


class ValidationError(Invalid):
    template = "%(detail)s"


class MalformedRequestBody(Invalid):
    template = "Malformed request body"


class ImageNotFoundForBoot(Invalid):
    template = "Can not find requested image"


class FlavorNotUsable(Invalid):
    template = "Flavor %(flavor_id)s could not be found."


class CannotResizeToSameFlavor(Invalid):
    template = "When resizing, instances must change flavor!"


class CannotResizeDisk(Invalid):
    template = "Server disk was unable to be resized because: %(reason)s"


class InstanceNotResized(Invalid):
    template = "Instance has not been resized."


class AutoDiskConfigDisabledByImage(Invalid):
    template = "Requested image %(image)s has automatic disk resize disabled."


class CannotMigrateToSameHost(Invalid):
    template = "Cannot migrate to the host where the server exists."


class ComputeHostUnknown(Invalid):
    """A host named in a request body; the spec (3.4) asks for 400, not 404."""
    template = "Compute host %(host)s could not be found."


class InvalidAggregateAction(Invalid):
    template = "Cannot perform action '%(action)s' on aggregate %(aggregate_id)s. Reason: %(reason)s."


class AvailabilityZoneUnknown(Invalid):
    template = "The requested availability zone is not available"


class InvalidAPIVersionString(Invalid):
    template = "API Version String %(version)s is of invalid format. Must be of format MajorNum.MinorNum."


class InvalidGlobalAPIVersion(NovasimException):
    template = "Version %(req_ver)s is not supported by the API. Minimum is %(min_ver)s and maximum is %(max_ver)s."
    code = 406


class UnsupportedRescueImage(Invalid):
    template = "Requested rescue image '%(image)s' is not supported"


class FlavorMemoryTooSmall(Invalid):
    template = "Flavor's memory is too small for requested image."


class FlavorDiskTooSmall(Invalid):
    template = ("Flavor's disk is smaller than the minimum size specified in image metadata. "
                "Flavor disk is %(flavor_size)s GB, minimum size is %(image_min_disk)s GB.")


class ImageNotActive(Invalid):
    template = "Image %(image_id)s is not active."


class MessagingUnavailable(NovasimException):
    """The bus took no message: what the request had begun was undone where it could be."""
    template = "The message bus cannot be reached: %(reason)s. Try again later."
    code = 503


class NotFound(NovasimException):
    template = "The resource could not be found."
    code = 404


class InstanceNotFound(NotFound):
    template = "Instance %(instance_id)s could not be found."


class FlavorNotFound(NotFound):
    template = "Flavor %(flavor_id)s could not be found."


class FlavorAccessNotFound(NotFound):
    template = "Flavor access not found for %(flavor_id)s / %(project_id)s combination."


class FlavorExtraSpecsNotFound(NotFound):
    template = "Flavor %(flavor_id)s has no extra specs with key %(key)s."


class MigrationNotFound(NotFound):
    template = "Migration %(migration_id)s could not be found."


class MigrationNotFoundForInstance(MigrationNotFound):
    template = "Migration %(migration_id)s not found for instance %(instance_id)s"


class ServiceNotFound(NotFound):
    template = "Service %(service_id)s could not be found."


class HostBinaryNotFound(NotFound):
    template = "Could not find binary %(binary)s on host %(host)s."


class ComputeHostNotFound(NotFound):
    template = "Compute host %(host)s could not be found."


class HypervisorNotFound(NotFound):
    template = "Hypervisor with ID '%(hypervisor_id)s' could not be found."


class AggregateNotFound(NotFound):
    template = "Aggregate %(aggregate_id)s could not be found."


class AggregateHostNotFound(NotFound):
    template = "Aggregate %(aggregate_id)s has no host %(host)s."


class InstanceGroupNotFound(NotFound):
    template = "Instance group %(group_uuid)s could not be found."


class ActionNotFound(NotFound):
    template = "Action %(request_id)s not found"


class VolumeNotFound(NotFound):
    template = "Volume %(volume_id)s could not be found."


class ImageNotFound(NotFound):
    template = "Image %(image_id)s could not be found."


class Conflict(NovasimException):
    template = "The request conflicts with the present state."
    code = 409


class InstanceInvalidState(Conflict):
    template = "Cannot '%(action)s' instance %(instance_uuid)s while it is in %(attr)s %(state)s"


class InstanceNeverActive(Conflict):
    template = "Instance %(instance_uuid)s is in an invalid state for '%(action)s'"


class InstanceIsLocked(Conflict):
    template = "Instance %(instance_uuid)s is locked"


class InstanceUnknownCell(Conflict):
    template = "Cell is not known for instance %(instance_uuid)s"


class InstanceNotReady(Conflict):
    template = "Instance %(instance_id)s is not ready"


class ServiceUnavailable(Conflict):
    template = "Service is unavailable at this time."


class UnshelveInstanceInvalidState(Conflict):
    template = ('Specifying an availability zone or a host when unshelving server "%(instance_uuid)s" with status '
                '"%(state)s" is not supported. The server status must be SHELVED_OFFLOADED.')


class UnshelveHostNotInAZ(Conflict):
    template = 'Host "%(host)s" is not in the availability zone "%(availability_zone)s".'


class FlavorExists(Conflict):
    template = "Flavor with name %(name)s already exists."


class FlavorIdExists(Conflict):
    template = "Flavor with ID %(flavor_id)s already exists."


class FlavorAccessExists(Conflict):
    template = "Flavor access already exists for flavor %(flavor_id)s and project %(project_id)s combination."


class AggregateNameExists(Conflict):
    template = "Aggregate %(aggregate_name)s already exists."


class AggregateHostExists(Conflict):
    template = "Aggregate %(aggregate_id)s already has host %(host)s."


class ServiceInUse(Conflict):
    template = "Service of host %(host)s cannot be deleted: %(reason)s"


class Forbidden(NovasimException):
    template = "Forbidden"
    code = 403


class PolicyNotAuthorized(Forbidden):
    template = "Policy doesn't allow %(action)s to be performed."


class OverQuota(Forbidden):
    template = ("Quota exceeded for %(overs)s: Requested %(requested)s, but already used %(used)s "
                "of %(allowed)s %(overs)s")


class NoValidHost(NovasimException):
    """Its ``summary`` names hosts and numbers of them: it travels with the error, but is not for the server's owner."""
    template = "No valid host was found. %(reason)s"


class MaxRetriesExceeded(NoValidHost):
    template = "Exceeded maximum number of retries. %(reason)s"


class UnshelveException(NovasimException):
    template = "Error during unshelve instance %(instance_id)s: %(reason)s"


class ComputeResourcesUnavailable(NovasimException):
    template = "Insufficient compute resources: %(reason)s."
    code = 409


class GroupPolicyViolated(NovasimException):
    """A host that passed the scheduler does not fit the server's group any more: somebody else was faster."""
    template = "The %(policy)s policy of server group %(group_uuid)s does not allow host %(host)s."
    code = 409


class MigrationError(NovasimException):
    template = "Migration error: %(reason)s"


class UnableToMigrateToSelf(Invalid):
    template = "Unable to migrate instance (%(instance_id)s) to current host (%(host)s)."


class ComputeServiceUnavailable(Invalid):
    """A host that an operation needs is down; of a request that waits for that operation."""
    template = "Compute service of %(host)s is unavailable at this time."


class ComputeServiceInUse(Invalid):
    template = "Compute service of %(host)s is still in use."


class InvalidHypervisorType(Invalid):
    template = "The supplied hypervisor type of is invalid."


class DestinationHypervisorTooOld(Invalid):
    template = "The instance requires a newer hypervisor version than has been provided."


class InvalidLocalStorage(Invalid):
    template = "%(path)s is not on local storage: %(reason)s"


class InvalidSharedStorage(Invalid):
    template = "%(path)s is not on shared storage: %(reason)s"


class MigrationPreCheckError(Invalid):
    template = "Migration pre-check error: %(reason)s"


class InvalidMigrationState(Invalid):
    template = ("Migration %(migration_id)s state of instance %(instance_uuid)s is %(state)s. Cannot %(method)s while "
                "the migration is in this state.")


class UnexpectedTaskStateError(Conflict):
    """A compare-and-swap lost (spec 9.4): whoever gets this leaves the task_state alone."""
    template = ("Conflict updating instance %(instance_uuid)s. Expected: %(expected)s. "
                "Actual: %(actual)s")


class UnexpectedDeletingTaskStateError(UnexpectedTaskStateError):
    """The same, and the winner is a delete."""


class MigrationStatusConflict(Conflict):
    """A compare-and-swap on migration.status lost: a duplicate or late message, or a second request."""
    template = "Migration %(migration_id)s is %(actual)s, not %(expected)s."


class HypervisorError(NovasimException):
    """What a simulated hypervisor reports when an operation fails."""
    template = "Hypervisor %(host)s failed in %(operation)s: %(reason)s"


class InstanceFaultRollback(HypervisorError):
    """A failure before anything was touched: the server goes back to exactly what it was (spec 12.2 #37)."""


class GuestNotFound(HypervisorError):
    template = "Hypervisor %(host)s has no guest %(instance_uuid)s"


class LiveMigrationAborted(HypervisorError):
    """The guest stays where it was, and was not touched."""
    template = "Live migration of instance %(instance_uuid)s from host %(host)s was aborted: %(reason)s"


class FaultInjected(HypervisorError):
    """Raised on purpose by a rule or a stage."""
    template = "Injected fault at %(point)s"


class BuildAbortException(HypervisorError):
    template = "Build of instance %(instance_uuid)s aborted: %(reason)s"


class SchedulerHostFilterNotFound(NotFound):
    template = "Scheduler Host Filter %(filter_name)s could not be found."


class ComputeHostMetricNotFound(NotFound):
    template = "Metric %(name)s could not be found on the compute host node %(host)s.%(node)s."


class TraceError(NovasimException):
    template = "%(path)s: %(reason)s"
    code = 400
