"""What is kept of directory sources beside the mailboxes they brought."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """No source was ever read."""
    octets = sa.String().with_variant(postgresql.VARCHAR(collation="C"), "postgresql")
    op.create_table(
        "directory_source",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("tried", sa.BigInteger, nullable=False),
        sa.Column("succeeded", sa.BigInteger, nullable=False),
        sa.Column("whole", sa.BigInteger, nullable=False),
        sa.Column("problem", sa.String, nullable=False),
        sa.Column("mark", sa.String, nullable=False),
        sa.Column("left_out", sa.Integer, nullable=False),
    )
    op.create_table(
        "source_group",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("source_id", sa.String, primary_key=True),
        sa.Column("address", octets, nullable=False),
    )
    op.create_index("source_group_address", "source_group", ["address"])
    op.create_table(
        "source_leaver",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("source_id", sa.String, primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "former_address",
        sa.Column("key", octets, primary_key=True),
        sa.Column("owner", octets, nullable=False),
    )
    op.create_index("former_address_owner", "former_address", ["owner"])
