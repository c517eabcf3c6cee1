"""Every test keeps its caches in a folder of the run, never in the user's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

# A property may be slow on a busy machine: that is no finding.  Speed is told by `make bench`.
settings.register_profile("minewatch", deadline=None)
settings.load_profile("minewatch")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINEWATCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are no names: gzip writes the time into them, and two workers would not agree."""
    return argname if isinstance(val, bytes) else None
