"""Accepted domains whose mailboxes are at another server's."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """None is: whom the directory does not know does not exist, as before."""
    column = sa.Column("is_relayed", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("accepted_domain", column)
