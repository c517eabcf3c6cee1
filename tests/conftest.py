"""Every test keeps its caches in a folder of the run, never in the user's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINEWATCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
