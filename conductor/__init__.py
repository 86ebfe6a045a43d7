"""The orchestrator: it asks the scheduler for hosts, hands over to agents, and ends what cannot go on."""
