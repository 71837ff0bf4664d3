"""A content in a file, piece by piece: its own head first, where it was given another."""

from collections.abc import Iterator

from kairan.mail.envelope import ContentFile


def pieces_of(content: ContentFile, octets: int) -> Iterator[bytes]:
    """Blocks: for a thread.  Raises OSError, with the first piece where the file is gone."""
    with content.path.open("rb") as file:
        if content.head:
            yield content.head
        file.seek(content.skipped)
        while piece := file.read(octets):
            yield piece
