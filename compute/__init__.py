"""The compute agents: what happens on the hosts. Many agents share a process, a listener and one timer."""
