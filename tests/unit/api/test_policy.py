"""Who may do what, by role and owner; and that each rule that is asked for is declared."""

import ast
import importlib.util
from pathlib import Path

import pytest

from novasim import config, exceptions, policy
from novasim.context import ADMIN_ROLES, RequestContext

OWN, OTHER = {"project_id": "p1", "user_id": "u"}, {"project_id": "p2", "user_id": "u"}


def context(*roles, project="p1", is_admin=False):
    return RequestContext(user_id="u", project_id=project, roles=roles, is_admin=is_admin)


@pytest.fixture
def rules():
    return policy.Policy(config.build([]))


@pytest.mark.parametrize(("roles", "is_admin", "read", "change", "migrate", "reset"), [
    (("reader",), False, True, False, False, False), (("member", "reader"), False, True, True, False, False),
    (("manager", "member", "reader"), False, True, True, True, False), (ADMIN_ROLES, True, True, True, True, True),
    ((), True, True, True, True, True), ((), False, False, False, False, False)])
def test_roles_in_the_own_project(rules, roles, is_admin, read, change, migrate, reset):
    asked = ("servers:show", "servers:resize", "os-migrate-server:migrate", "os-admin-actions:reset_state")
    caller = context(*roles, is_admin=is_admin)
    assert [rules.allows(caller, rule, OWN) for rule in asked] == [read, change, migrate, reset]


def test_other_projects_are_for_admins(rules):
    assert not rules.allows(context("manager", "member", "reader"), "servers:show", OTHER)
    assert rules.allows(context(*ADMIN_ROLES, is_admin=True), "servers:show", OTHER)


def test_without_a_target_the_caller_s_own_project_counts(rules):
    assert rules.allows(context("member"), "servers:create")


def test_refusal_names_the_rule(rules):
    with pytest.raises(exceptions.PolicyNotAuthorized) as caught:
        rules.authorize(context("member"), "os-services:list")
    assert caught.value.text == "Policy doesn't allow os_compute_api:os-services:list to be performed."


def test_a_policy_file_changes_rules(tmp_path):
    (tmp_path / "policy.yaml").write_text('"os_compute_api:servers:resize": "rule:admin_api"\n')
    rules = policy.Policy(config.build([], args=["--config-dir", str(tmp_path)]))
    assert not rules.allows(context("member"), "servers:resize", OWN)
    assert rules.allows(context("member"), "servers:delete", OWN)


def asked_rules():
    """Every text in the room that looks like a rule, where one is asked for."""
    room = Path(importlib.util.find_spec("novasim.api").origin).parent
    for path in room.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("authorize", "may"):
                yield from (argument.value for argument in node.args
                            if isinstance(argument, ast.Constant) and isinstance(argument.value, str))


def test_every_rule_asked_for_is_declared():
    from novasim.api.server_actions import ACTIONS
    declared = {rule.name.removeprefix("os_compute_api:") for rule in policy.list_rules()}
    asked = set(asked_rules()) | {action.rule for action in ACTIONS.values()}
    assert len(asked) > 30
    assert asked <= declared
