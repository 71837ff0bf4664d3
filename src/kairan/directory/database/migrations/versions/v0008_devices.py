"""Printers and the like: as which account each sends, with which password, and when it was last heard of."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """There is none yet: networks of devices in the configuration stay as they are."""
    octets = sa.String().with_variant(postgresql.VARCHAR(collation="C"), "postgresql")
    op.create_table(
        "device",
        sa.Column("name", octets, primary_key=True),
        sa.Column("account", octets, sa.ForeignKey("account.address"), nullable=False),
        sa.Column("place", sa.String, nullable=False),
        sa.Column("networks", sa.String, nullable=False),
        sa.Column("login", octets, unique=True),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("credential_version", sa.Integer, nullable=False),
    )
    op.create_index("device_account", "device", ["account"])
    op.create_table(
        "device_sighting",
        sa.Column("device", octets, sa.ForeignKey("device.name"), primary_key=True),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.Column("client", sa.String, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
        sa.Column("refusal", sa.String, nullable=False),
    )
