"""What migrate.py tells from the names of the files is what Alembic reads in them."""

from alembic.script import ScriptDirectory
from sqlalchemy import text

from kairan.directory.database.migrate import _config, shapes
from kairan.directory.store import Directory


def test_theshapes_are_alembics_revisions_and_the_last_is_its_head(empty_url):
    with Directory.open(empty_url) as directory, directory.reading() as connection:
        scripts = ScriptDirectory.from_config(_config(connection))
        written_down = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    assert shapes() == [script.revision for script in scripts.walk_revisions()][::-1]
    assert shapes()[-1] == scripts.get_current_head() == written_down
