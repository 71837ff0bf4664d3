"""The controls that stand before a password: switches and authentication policies."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Everything allowed, as before."""
    op.create_table(
        "authentication_policy",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("allow_basic_auth_smtp", sa.Boolean, nullable=False),
    )
    for switch in ("security_defaults", "smtp_client_authentication_disabled"):
        off = sa.Column(switch, sa.Boolean, nullable=False, server_default=sa.false())
        op.add_column("organisation", off)
    none = sa.Column("default_policy", sa.String, nullable=False, server_default="")
    op.add_column("organisation", none)
    op.add_column("account", sa.Column("smtp_client_authentication_disabled", sa.Boolean))
