"""All identities of a configuration by their names, each made when it is asked for first."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kairan.relay.tokens.identity import Identity, identity_of
from kairan.relay.tokens.settings import IdentitySettings


class Identities(Mapping[str, Identity]):
    """Routes that name the same identity share its token.  What a token takes to be fetched (msal, a
    fifth of a second to import) is for those who have such a route.
    """

    def __init__(self, settings: Sequence[IdentitySettings], cache_folder: Path) -> None:
        self._settings = {one.name: one for one in settings}
        self._cache_folder = cache_folder
        self._made: dict[str, Identity] = {}

    def __getitem__(self, name: str) -> Identity:
        if name not in self._made:
            settings = self._settings[name]
            self._made[name] = identity_of(settings, cache_folder=self._cache_folder)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)
