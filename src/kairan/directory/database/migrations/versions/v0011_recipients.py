"""What recipients are and where they come from; groups whose members follow from a filter; leases."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Mailboxes that are there were put in by hand, are mailboxes of people, and are in use."""
    octets = sa.String().with_variant(postgresql.VARCHAR(collation="C"), "postgresql")
    op.add_column(
        "mailbox",
        sa.Column("recipient_type", sa.String, nullable=False, server_default="UserMailbox"),
    )
    op.add_column(
        "mailbox", sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true())
    )
    op.add_column("mailbox", sa.Column("disabled_since", sa.BigInteger))
    op.add_column("mailbox", sa.Column("source", sa.String, nullable=False, server_default=""))
    op.add_column("mailbox", sa.Column("source_id", sa.String, nullable=False, server_default=""))
    op.create_index("mailbox_source", "mailbox", ["source", "source_id"])
    op.create_table(
        "dynamic_group",
        sa.Column("address", octets, sa.ForeignKey("distribution_group.address"), primary_key=True),
        sa.Column("filter", sa.String, nullable=False),
        sa.Column("included_recipients", sa.String, nullable=False),
        sa.Column("conditions", sa.String, nullable=False),
        sa.Column("refresh_seconds", sa.Integer),
        sa.Column("refreshed", sa.BigInteger, nullable=False),
        sa.Column("kept_since", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "group_refresh",
        sa.Column(
            "group_address", octets, sa.ForeignKey("dynamic_group.address"), primary_key=True
        ),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("is_kept", sa.Boolean, nullable=False),
        sa.Column("members", sa.Integer, nullable=False),
        sa.Column("added", sa.Integer, nullable=False),
        sa.Column("removed", sa.Integer, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("some_added", sa.String, nullable=False),
        sa.Column("some_removed", sa.String, nullable=False),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )
