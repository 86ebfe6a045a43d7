"""The surface of Identity v3, as one table: URL -> method -> (handler, who may)."""

from __future__ import annotations

import functools
from typing import Any

from novasim.api import routes
from novasim.api.identity import access, application_credentials, auth_tokens, catalog, resources, role_assignments
from novasim.api.identity.resources import Kind
from novasim.db import identity

Entry = tuple[Any, access.Rule | None]


def _resource(kind: Kind, may_show: access.Rule) -> dict[str, dict[str, Entry]]:
    def of(function: Any) -> Any:
        return functools.partial(function, kind)

    return {
        f"/{kind.many}": {"GET": (of(resources.index), access.admin), "POST": (of(resources.create), access.admin)},
        f"/{kind.many}/{{{kind.key}}}": {
            "GET": (of(resources.show), may_show), "PATCH": (of(resources.update), access.admin),
            "DELETE": (of(resources.delete), access.admin)}}


def _assignments(target: str, path: str) -> dict[str, dict[str, Entry]]:
    def of(function: Any) -> Any:
        return functools.partial(function, target)

    return {
        f"{path}/users/{{user_id}}/roles": {"GET": (of(role_assignments.index_roles), access.admin)},
        f"{path}/users/{{user_id}}/roles/{{role_id}}": {
            "GET": (of(role_assignments.check), access.admin), "PUT": (of(role_assignments.assign), access.admin),
            "DELETE": (of(role_assignments.unassign), access.admin)}}


ROUTES: dict[str, dict[str, Entry]] = {
    "/auth/tokens": {
        "POST": (auth_tokens.create, None), "GET": (auth_tokens.show, access.anybody),
        "DELETE": (auth_tokens.delete, access.anybody)},
    "/auth/catalog": {"GET": (auth_tokens.show_catalog, access.anybody)},
    "/auth/projects": {"GET": (auth_tokens.index_projects, access.anybody)},
    "/auth/domains": {"GET": (auth_tokens.index_domains, access.anybody)},
    "/auth/system": {"GET": (auth_tokens.show_system, access.anybody)},
    **_resource(resources.PROJECTS, access.of_project),
    **_resource(resources.DOMAINS, access.of_domain),
    **_resource(resources.USERS, access.of_user),
    **_resource(resources.ROLES, access.admin),
    "/users/{user_id}/password": {"POST": (resources.change_password, None)},
    "/users/{user_id}/projects": {"GET": (auth_tokens.index_projects, access.of_user)},
    "/users/{user_id}/application_credentials": {
        "GET": (application_credentials.index, access.of_user),
        "POST": (application_credentials.create, access.self_only)},
    "/users/{user_id}/application_credentials/{credential_id}": {
        "GET": (application_credentials.show, access.of_user),
        "DELETE": (application_credentials.delete, access.of_user)},
    **_assignments(identity.PROJECT, "/projects/{project_id}"),
    **_assignments(identity.DOMAIN, "/domains/{domain_id}"),
    **_assignments(identity.SYSTEM, "/system"),
    "/role_assignments": {"GET": (role_assignments.index, access.admin)},
    **{f"/{many}": {"GET": (functools.partial(catalog.index, many), access.admin)} for many in catalog.LISTS},
    **{f"/{many}/{{id}}": {"GET": (functools.partial(catalog.show, many), access.admin)} for many in catalog.LISTS},
}
TREE = routes.tree(ROUTES)
