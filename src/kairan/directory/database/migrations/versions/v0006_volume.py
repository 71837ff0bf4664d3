"""How much accounts usually send, and which of them are held because they sent far more."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Nobody is held, and nobody has a history."""
    for name in ("held_since", "released_until"):
        op.add_column("account", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    octets = sa.String().with_variant(postgresql.VARCHAR(collation="C"), "postgresql")
    op.create_table(
        "account_volume",
        sa.Column("account", octets, sa.ForeignKey("account.address"), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("recipients", sa.BigInteger, nullable=False),
    )
