"""The data that ships with novasim: host profiles, stages of the simulated work, and the files of a deployment.

Why this is a package: a wheel installs packages only. What the services read at run time must travel in one and be
found with ``importlib.resources``, wherever it was installed.
"""
