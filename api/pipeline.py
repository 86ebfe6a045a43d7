"""What stands in front of the application: middleware that others wrote and an installation may choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oslo_config import cfg
from oslo_middleware import http_proxy_to_wsgi

from novasim import exceptions
from novasim.api import auth

if TYPE_CHECKING:
    from novasim.api.app import Api


def register_options(conf: cfg.ConfigOpts) -> None:
    """Options of the middleware, so that they can be set like any other."""
    conf.register_opts(http_proxy_to_wsgi.OPTS, group="oslo_middleware")


def build(api: Api) -> Any:
    """The application behind its middleware, as a WSGI callable.

    :raises ConfigurationError: when a Keystone is to be asked and its middleware is not installed
    """
    application: Any = api.application
    if api.conf.api.auth_strategy == auth.KEYSTONE:
        try:
            from keystonemiddleware import auth_token
        except ImportError as error:
            raise exceptions.ConfigurationError(
                reason="[api] auth_strategy is keystone, and keystonemiddleware is not installed. "
                       "Install novasim[keystone]") from error
        # Version documents need no token, so the decision is ours.
        application = auth_token.AuthProtocol(application, {
            "oslo_config_config": api.conf, "delay_auth_decision": True})
    if api.conf.oslo_middleware.enable_proxy_headers_parsing:
        application = http_proxy_to_wsgi.HTTPProxyToWSGI(application, api.conf)
    return application
