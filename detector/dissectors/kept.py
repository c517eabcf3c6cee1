"""What was found of channels and windows, until it is fetched: bounded, merged where found twice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, KeysView
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """One thing a (channel, window), joined by `merge` (earlier, later); the oldest channels go first."""

    def __init__(self, most: int, merge: Callable[[T | None, T | None], T | None]) -> None:
        """`most`: pairs that are held."""
        self._most = most
        self._merge = merge
        self._found: OrderedDict[int, dict[int, T]] = OrderedDict()  # by channel, then window
        self._pairs = 0

    def channels(self) -> KeysView[int]:
        """Channels of which something is held, as they are now."""
        return self._found.keys()

    def add(self, channel: int, window_ns: int, found: T) -> None:
        """Something more was found."""
        windows = self._found.get(channel)
        if windows is None:
            windows = self._found[channel] = {}
        if window_ns in windows:
            windows[window_ns] = self._merge(windows[window_ns], found) or found
            return
        windows[window_ns] = found
        self._pairs += 1
        while self._pairs > self._most:
            oldest, windows = next(iter(self._found.items()))
            self.take(oldest, next(iter(windows)))

    def take(self, channel: int, window_ns: int) -> T | None:
        """What was found on a channel in the window that starts at `window_ns`; forgotten thereby."""
        windows = self._found.get(channel)
        if windows is None:
            return None
        found = windows.pop(window_ns, None)
        self._pairs -= found is not None
        if not windows:
            del self._found[channel]
        return found

    def join(self, old: int, new: int) -> None:
        """Channel `old` became part of `new`: so does what was found on it, as the earlier."""
        for window_ns, earlier in self._found.pop(old, {}).items():
            self._pairs -= 1
            later = self.take(new, window_ns)
            self.add(new, window_ns, self._merge(earlier, later) or earlier)
