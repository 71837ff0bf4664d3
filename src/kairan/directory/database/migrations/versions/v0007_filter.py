"""Two properties that recipient filters compare as a number and as a date."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Of mailboxes that are there it is not known since when."""
    op.add_column("mailbox", sa.Column("country_code", sa.Integer))
    op.add_column("mailbox", sa.Column("when_created", sa.BigInteger))
