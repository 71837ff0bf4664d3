"""What another directory pushes by SCIM, and the tokens with which it may."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    octets = sa.String().with_variant(postgresql.VARCHAR(collation="C"), "postgresql")
    op.create_table(
        "scim_token",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "scim_resource",
        sa.Column("id", octets, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("external_id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("folded_name", octets, nullable=False),
        sa.Column("address", octets, nullable=False),
        sa.Column("former", sa.String, nullable=False),
        sa.Column("document", sa.String, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
    )
    op.create_index("scim_resource_name", "scim_resource", ["folded_name", "kind"])
    op.create_index("scim_resource_external_id", "scim_resource", ["external_id"])
    op.create_index("scim_resource_address", "scim_resource", ["address"])
    op.create_table(
        "scim_email",
        sa.Column("resource_id", octets, sa.ForeignKey("scim_resource.id"), primary_key=True),
        sa.Column("type", sa.String, primary_key=True),
        sa.Column("address", octets, primary_key=True),
    )
    op.create_index("scim_email_address", "scim_email", ["address"])
    op.create_table(
        "scim_member",
        sa.Column("group_id", octets, sa.ForeignKey("scim_resource.id"), primary_key=True),
        sa.Column("member_id", octets, sa.ForeignKey("scim_resource.id"), primary_key=True),
    )
    op.create_index("scim_member_member", "scim_member", ["member_id"])
