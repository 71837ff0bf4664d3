"""Rules of lists: moderation, reports to owners, headers, sizes, send windows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """No group has any of them, as before."""
    for name in (
        "report_to_manager",
        "moderated",
        "bypass_nested_moderation",
        "list_headers",
    ):
        column = sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())
        op.add_column("distribution_group", column)
    for name in ("reply_to", "unsubscribe", "send_window"):
        text = sa.Column(name, sa.String, nullable=False, server_default="")
        op.add_column("distribution_group", text)
    op.add_column("distribution_group", sa.Column("message_octets_max", sa.BigInteger))
    address = sa.Column("moderation_address", sa.String, nullable=False, server_default="")
    op.add_column("organisation", address)
    octets = sa.String().with_variant(postgresql.VARCHAR(collation="C"), "postgresql")
    op.create_table(
        "moderation",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("message_id", sa.String, nullable=False),
        sa.Column("arrived", sa.Double, nullable=False),
        sa.Column("group_address", octets, nullable=False),
        sa.Column("sender", sa.String, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("moderators", sa.String, nullable=False),
        sa.Column("secret", sa.String, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("asked", sa.Boolean, nullable=False),
        sa.Column("decision", sa.String, nullable=False),
        sa.Column("decided_by", sa.String, nullable=False),
        sa.Column("decided", sa.BigInteger, nullable=False),
        sa.Column("decided_version", sa.BigInteger, nullable=False),
    )
    op.create_index("moderation_message", "moderation", ["message_id"])
    op.create_index("moderation_decided", "moderation", ["decided_version"])
