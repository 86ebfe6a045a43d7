"""The version of the product, in one place: setup.cfg, the CLI and the User-Agent read it from here."""

__version__ = "0.1.0"
# What a service says of its generation in services.version. Raised when agents learn messages that those of the
# release before do not understand; rpc/compute.py says what each generation understands.
SERVICE_VERSION = 2
