"""What stands in front of the application: middleware that others wrote and an installation may choose. None of it is
imported where it is not chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from novasim import exceptions
from novasim.api import auth

if TYPE_CHECKING:
    from novasim.api.app import Api


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
    if api.conf.api.enable_proxy_headers_parsing:
        from oslo_middleware import http_proxy_to_wsgi

        application = http_proxy_to_wsgi.HTTPProxyToWSGI(application, {"enable_proxy_headers_parsing": True})
    return application
