"""The surface of Identity v3, as one table: URL -> method -> (handler, who may)."""

from __future__ import annotations

import functools
from typing import Any

from novasim.api import routes
from novasim.api.answers import answers
from novasim.api.identity import access, application_credentials, auth_tokens, catalog, resources, role_assignments
from novasim.api.identity.resources import Kind
from novasim.api.query import Parameter
from novasim.db import identity

Entry = tuple[Any, access.Rule | None]


def _resource(kind: Kind, may_show: access.Rule) -> dict[str, dict[str, Entry]]:
    def of(function: Any) -> Any:
        return functools.partial(function, kind)

    one, (creates, changes) = {kind.one: kind.shape}, kind.bodies
    index = answers(kind.shapes, query=kind.filters, about=f"List {kind.many}")(of(resources.index))
    create = answers(one, 201, (409,), creates, about=f"Create a {kind.one}")(of(resources.create))
    show = answers(one, about=f"Show a {kind.one}")(of(resources.show))
    update = answers(one, 200, (409,), changes, about=f"Change a {kind.one}")(of(resources.update))
    delete = answers(None, 204, about=f"Delete a {kind.one}")(of(resources.delete))
    return {
        f"/{kind.many}": {"GET": (index, access.admin), "POST": (create, access.admin)},
        f"/{kind.many}/{{{kind.key}}}": {
            "GET": (show, may_show), "PATCH": (update, access.admin), "DELETE": (delete, access.admin)}}


def _assignments(target: str, path: str) -> dict[str, dict[str, Entry]]:
    def of(function: Any) -> Any:
        return functools.partial(function, target)

    return {
        f"{path}/users/{{user_id}}/roles": {"GET": (of(role_assignments.index_roles), access.admin)},
        f"{path}/users/{{user_id}}/roles/{{role_id}}": {
            "GET": (of(role_assignments.check), access.admin), "PUT": (of(role_assignments.assign), access.admin),
            "DELETE": (of(role_assignments.unassign), access.admin)}}


def _list(many: str) -> dict[str, dict[str, Entry]]:
    one, _, names = catalog.LISTS[many]
    shape = catalog.SHAPES[many]
    index = answers(resources.listed_shape(many, shape), query=dict.fromkeys(names, Parameter()), about=f"List {many}")(
        functools.partial(catalog.index, many))
    show = answers({one: shape}, about=f"Show one of the {many}")(functools.partial(catalog.show, many))
    return {f"/{many}": {"GET": (index, access.admin)}, f"/{many}/{{id}}": {"GET": (show, access.admin)}}


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
    **{path: entry for many in catalog.LISTS for path, entry in _list(many).items()},
}
TREE = routes.tree(ROUTES)
