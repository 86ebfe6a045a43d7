"""The nova-style command line.

This room stands outside the house: it sees the cluster as a user does, over HTTP and as a process that can be
started and stopped. It imports no other room, so everything it can do, any other client can do too.
"""
