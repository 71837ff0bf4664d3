"""The secret that opens keys in the database."""

import pytest

SECRET = "the same thirty-two characters on every node".replace(" ", "-")


@pytest.fixture
def secret_file(tmp_path):
    file = tmp_path / "issuer.secret"
    file.write_text(f"{SECRET}\n")
    return file
