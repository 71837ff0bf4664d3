"""The first shape of the directory."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

ATTRIBUTES = (
    "alias",
    "firstname",
    "lastname",
    "department",
    "company",
    "title",
    "office",
    "city",
    "stateorprovince",
    "postalcode",
    "country",
    "manager",
    "notes",
    *(f"customattribute{n}" for n in range(1, 16)),
)


def _octets() -> sa.types.TypeEngine[str]:
    return sa.String().with_variant(postgresql.VARCHAR(collation="C"), "postgresql")


def upgrade() -> None:
    _create_people()
    _create_groups()
    _create_organisation()


def _create_people() -> None:
    op.create_table(
        "address",
        sa.Column("key", _octets(), primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("owner", _octets(), nullable=False),
        sa.Index("address_owner", "owner"),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("address", _octets(), sa.ForeignKey("address.key"), nullable=False, unique=True),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.Column("display_name", sa.String, nullable=False),
        sa.Column("reply_to", sa.String, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("policy", sa.String, nullable=False),
        sa.Column("messages_per_minute", sa.Integer),
        sa.Column("connections_max", sa.Integer),
    )
    op.create_table(
        "account_app",
        sa.Column("account", _octets(), sa.ForeignKey("account.address"), primary_key=True),
        sa.Column("app", sa.String, primary_key=True),
    )
    op.create_table(
        "mailbox",
        sa.Column("address", _octets(), sa.ForeignKey("address.key"), primary_key=True),
        sa.Column("display_name", sa.String, nullable=False),
        sa.Column("hidden", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.String) for name in ATTRIBUTES),
    )


def _create_groups() -> None:
    op.create_table(
        "distribution_group",
        sa.Column("address", _octets(), sa.ForeignKey("address.key"), primary_key=True),
        sa.Column("display_name", sa.String, nullable=False),
        sa.Column("require_sender_authentication", sa.Boolean, nullable=False),
        sa.Column("hidden", sa.Boolean, nullable=False),
        sa.Column("report_to_originator", sa.Boolean, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
    )
    op.create_table(
        "group_list",
        sa.Column(
            "group_address",
            _octets(),
            sa.ForeignKey("distribution_group.address"),
            primary_key=True,
        ),
        sa.Column("role", sa.String, primary_key=True),
        sa.Column("address", _octets(), primary_key=True),
        sa.Index("group_list_address", "address"),
    )
    op.create_table(
        "member",
        sa.Column(
            "group_address",
            _octets(),
            sa.ForeignKey("distribution_group.address"),
            primary_key=True,
        ),
        sa.Column("address", _octets(), primary_key=True),
        sa.Index("member_address", "address"),
    )


def _create_organisation() -> None:
    organisation = op.create_table(
        "organisation",
        sa.Column(
            "id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True, autoincrement=False
        ),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("postmaster", sa.String, nullable=False),
        sa.Column("external_recipients_allowed", sa.Boolean, nullable=False),
    )
    op.create_table("accepted_domain", sa.Column("domain", _octets(), primary_key=True))
    revision_row = op.create_table(
        "revision",
        sa.Column(
            "id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True, autoincrement=False
        ),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("heads", sa.Integer, nullable=False),
        sa.Column("mailboxes", sa.Integer, nullable=False),
    )
    op.bulk_insert(
        organisation,
        [{"id": 1, "name": "", "postmaster": "", "external_recipients_allowed": False}],
    )
    op.bulk_insert(revision_row, [{"id": 1, "version": 1, "heads": 1, "mailboxes": 1}])
