"""``novasim.testing``: clusters for the test suites of whoever writes a client of one. doc/testing.md shows how.

pytest loads this package wherever novasim is installed, so nothing of it imports the services before a test asks.
"""
