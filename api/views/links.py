"""Links to resources, absolute and built from the request's own host."""

from __future__ import annotations

from novasim.api.wsgi import Request


def bookmark(request: Request, path: str) -> dict[str, str]:
    """The link without a version."""
    return {"rel": "bookmark", "href": f"{request.root}{path}"}


def both(request: Request, path: str) -> list[dict[str, str]]:
    """``self`` and ``bookmark``."""
    return [{"rel": "self", "href": f"{request.prefix}{path}"}, bookmark(request, path)]
