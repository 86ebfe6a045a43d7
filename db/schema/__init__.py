"""Alembic's revisions, from the first table on; ``novasim-manage db upgrade`` applies them."""
