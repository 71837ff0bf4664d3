"""Applications: registered clients of the token issuer, their secrets, and device logins."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "app",
        sa.Column("client_id", sa.String, primary_key=True),
        sa.Column("object_id", sa.String, nullable=False, unique=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("permissions", sa.String, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
    )
    op.create_table(
        "app_secret",
        sa.Column("hash", sa.String, primary_key=True),
        sa.Column("client_id", sa.String, sa.ForeignKey("app.client_id"), nullable=False),
        sa.Column("expires", sa.BigInteger),
        sa.Index("app_secret_client_id", "client_id"),
    )
    op.create_table(
        "device_login",
        sa.Column("device_hash", sa.String, primary_key=True),
        sa.Column("user_code", sa.String, nullable=False, unique=True),
        sa.Column("client_id", sa.String, sa.ForeignKey("app.client_id"), nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("account", sa.String, nullable=False),
    )
