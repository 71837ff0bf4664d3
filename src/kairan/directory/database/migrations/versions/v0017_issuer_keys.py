"""Keys of the issuer that several nodes share."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "issuer_key",
        sa.Column("kid", sa.String, primary_key=True),
        sa.Column("begins", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.String, nullable=False),
    )
