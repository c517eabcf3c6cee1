"""How many kinds of client speak from one address: what a NAT gateway cannot hide of those behind it.

Kinds are families of operating systems, by the user agents of HTTP in the clear: one machine runs one,
seldom two (Maier, Schneider, Feldmann: NAT usage in residential broadband networks, PAM 2011; their other
sign, the TTL, is in no window).  A user agent may be forged: a kind moves no score and no verdict.
"""

from __future__ import annotations

from typing import Final

SYSTEMS: Final = (  # the first that matches counts: what runs on another system names both
    ("console", ("PlayStation", "Xbox", "Nintendo")),
    ("television", ("SmartTV", "SMART-TV", "Tizen", "Web0S", "AppleTV", "BRAVIA")),
    ("Android", ("Android", "Dalvik/")),
    ("iOS", ("iPhone", "iPad", "iPod")),
    ("ChromeOS", ("CrOS ",)),
    ("Windows", ("Windows NT", "Microsoft NCSI", "Microsoft-CryptoAPI", "Windows-Update-Agent")),
    ("macOS", ("Macintosh", "Mac OS X")),
    ("Linux", ("X11; Linux", "X11; Ubuntu", "Debian APT", "Ubuntu APT", "libdnf", "pacman/")),
)
MANY: Final = 3
"""Kinds that no one machine is: a virtual machine beside its host makes two."""


def system(agent: str) -> str | None:
    """The family of operating systems that a user agent names; None where it names none that is known."""
    return next((name for name, words in SYSTEMS if any(word in agent for word in words)), None)
