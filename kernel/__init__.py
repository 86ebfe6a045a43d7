"""novasim: an OpenStack-style compute control plane in which only the hypervisors are simulated.

This package root is mapped from the folder ``kernel/`` and holds the words that all rooms share, nothing else.
"""
