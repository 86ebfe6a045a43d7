"""Chooses the host of a server, and can say why (pipeline.py tells how).

It looks at columns of numbers kept current from the database (hosts.py), never at the database host by host,
and it owns nothing: the claim on the chosen host decides, and one that fails comes back as a request that
names the host as tried.
"""
