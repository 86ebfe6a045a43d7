"""The built-in identity service, the part of Identity v3 that clients and an administrator of this cluster need: who
asks, in which project, with which roles. Chosen by ``[api] auth_strategy = identity``.
"""
