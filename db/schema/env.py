"""What alembic runs for each command: it is handed a connection and reads no ini file."""

from alembic import context

from novasim.db.identity_models import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
