"""What a login rests on: versions of credentials, networks, withdrawn keys; and who asked for codes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """From anywhere, without limits of its own, as before."""
    op.add_column(
        "account",
        sa.Column("credential_version", sa.Integer, nullable=False, server_default="0"),
    )
    op.add_column("account", sa.Column("networks", sa.String, nullable=False, server_default=""))
    op.add_column("account", sa.Column("recipients_per_minute", sa.Integer))
    op.add_column("device_login", sa.Column("source", sa.String, nullable=False, server_default=""))
    op.create_table(
        "withdrawn_key",
        sa.Column("kid", sa.String, primary_key=True),
        sa.Column("withdrawn", sa.BigInteger, nullable=False),
    )
