"""Bodies of fault rules; what a rule says is checked by what reads it (sim/fault_rules.py)."""

from novasim.api.schemas import Schema, closed

CREATE = Schema(closed({"fault": {"type": "object"}}, "fault"))
