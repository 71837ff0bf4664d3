"""Which addresses somebody had before stands with the address itself; who hears of a moderator's no."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_address = sa.table("address", sa.column("key"), sa.column("owner"), sa.column("is_former"))
_former = sa.table("former_address", sa.column("key"), sa.column("owner"))
_pushed = sa.table("scim_resource", sa.column("address"), sa.column("former"))


def upgrade() -> None:
    """What LDAP's sources kept in a table and SCIM in its resources; what is nobody's alias any more,
    or somebody else's address by now, was forgotten to be forgotten.
    """
    column = sa.Column("is_former", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("address", column)
    connection = op.get_bind()
    kept = [tuple(row) for row in connection.execute(sa.select(_former.c.key, _former.c.owner))]
    pushed = sa.select(_pushed.c.former, _pushed.c.address).where(_pushed.c.former != "")
    for former, owner in connection.execute(pushed).all():
        kept += [(key, owner) for key in former.split()]
    for key, owner in kept:
        its = (_address.c.key == key, _address.c.owner == owner, _address.c.key != owner)
        connection.execute(sa.update(_address).where(*its).values(is_former=True))
    op.drop_table("former_address")
    op.drop_column("scim_resource", "former")
    notifications = sa.Column(
        "moderation_notifications", sa.String, nullable=False, server_default="always"
    )
    op.add_column("distribution_group", notifications)
