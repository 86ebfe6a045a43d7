"""Every rule, for every role, at home and elsewhere: nobody writes with the right to read, nobody reaches out."""

import pytest
from oslo_config import cfg

from novasim import policy
from novasim.api.identity.tokens import with_implied
from novasim.context import RequestContext

HOME, AWAY = ({"project_id": project, "user_id": "owner"} for project in ("home", "away"))
RULES = {rule.name.removeprefix("os_compute_api:"): rule for rule in policy.list_rules()
         if rule.name.startswith("os_compute_api:")}
# What anybody may ask that has a token: nothing of it belongs to a project.
OPEN = {"limits", "os-availability-zone:list", "os-flavor-extra-specs:index", "os-quota-sets:defaults"}
# What a manager may do in its project and a member may not.
OF_MANAGERS = {"os-migrate-server:migrate", "os-migrate-server:migrate_live"}


@pytest.fixture(scope="module")
def rules():
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    return policy.Policy(conf)


def asking(*roles):
    names = with_implied(roles)
    return RequestContext(user_id="somebody", project_id="home", roles=names, is_admin="admin" in names)


def writes(name):
    return any(operation["method"] != "GET" for operation in RULES[name].operations)


@pytest.mark.parametrize("name", list(RULES))
def test_every_rule(rules, name):
    can = {(role, where["project_id"]): rules.allows(asking(*([role] if role else [])), name, where)
           for role in ("admin", "manager", "member", "reader", "service", None) for where in (HOME, AWAY)}
    assert can["admin", "home"]
    assert can["admin", "away"]
    for role in ("manager", "member", "reader", "service", None):
        assert can[role, "away"] == (name in OPEN), "nobody but an admin acts on another project"
        # Who may do more may do all that who may do less does.
        assert not can[role, "home"] or can["manager", "home"] or role == "service"
    assert not (writes(name) and (can["reader", "home"] or can["service", "home"] or can[None, "home"]))
    assert (can[None, "home"] or can["service", "home"]) == (name in OPEN)
    assert (can["manager", "home"] and not can["member", "home"]) == (name in OF_MANAGERS)
    assert not can["reader", "home"] or can["member", "home"]


def test_the_open_rules_are_all_there():
    assert RULES.keys() >= OPEN | OF_MANAGERS
