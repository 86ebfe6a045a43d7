"""The version of the product, in one place: setup.cfg, the CLI and the User-Agent read it from here."""

__version__ = "0.1.0"
