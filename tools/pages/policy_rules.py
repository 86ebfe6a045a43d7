"""The sample of the policy file: every rule with its default."""

from __future__ import annotations

import textwrap

from oslo_policy import policy as oslo_policy

from novasim import policy
from pages.configuration import WIDTH
from pages.markdown import NOTICE


def _rule(rule: oslo_policy.RuleDefault) -> str:
    operations = [f"{operation['method']} {operation['path']}" for operation in getattr(rule, "operations", None) or []]
    comments = [line for text in (rule.description, *operations) for line in textwrap.wrap(text, WIDTH)]
    return "\n".join([*(f"# {line}" for line in comments), f'#"{rule.name}": "{rule.check_str}"'])


def page() -> str:
    """etc/novasim/policy.yaml.sample."""
    head = (f"# Who may do what, with the defaults.\n# {NOTICE}\n"
            "# Put what you change into a file and name it with [oslo_policy] policy_file.")
    return "\n\n".join([head, *(_rule(rule) for rule in policy.list_rules())]) + "\n"
