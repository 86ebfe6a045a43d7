"""Hypervisors: the protocol an agent speaks, and the one implementation, which only simulates."""
