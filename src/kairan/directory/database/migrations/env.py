"""Alembic's entry: runs the scripts on the connection, and in the transaction, we were given."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite rolls back a CREATE TABLE as well; without this Alembic commits before us.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
