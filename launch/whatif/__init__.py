"""What another policy would have done: the scheduler's own pipeline in virtual time, without services or database.

It stands in this room because it puts the parts of others together. The command line starts it as a process, as it
does a cluster, and hands in what it knows of: arrivals of a trace, or facts of a running cluster.
"""
