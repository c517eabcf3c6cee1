"""argparse with manners: examples in the help, the nearest option in an error."""

from __future__ import annotations

import argparse
import difflib
import ipaddress
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, NoReturn

from detector.settings import Settings
from detector.text import grouped


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'score'?`, or nothing when nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


class Parser(argparse.ArgumentParser):
    """The parser of one command.  Options are not abbreviated: scripts outlive new options."""

    run: Callable[[argparse.Namespace], int]

    def __init__(self, **options: Any) -> None:
        """As ArgumentParser; the epilog is printed as it stands."""
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As ArgumentParser, with options between the positional arguments allowed.

        Behind `--` all are names: argparse would still take `-x.pcap` for an option, `./-x.pcap` not.
        """
        words = list(sys.argv[1:] if args is None else args)
        at = words.index("--") if "--" in words else len(words)
        words[at + 1 :] = [f"./{word}" if word[:1] == "-" != word else word for word in words[at + 1 :]]
        parsed, unknown = self.parse_known_intermixed_args(words, namespace)
        if unknown:
            word = unknown[0].partition("=")[0]
            hint = nearest(word, self._option_string_actions) if word.startswith("-") else ""
            self.error(f"unknown option {word}{hint}" if word.startswith("-") else f"too much: {word!r}")
        return parsed

    def error(self, message: str) -> NoReturn:
        """One line and where to look; status 2."""
        self.exit(2, f"{self.prog}: {message}\nsee {self.prog} --help\n")


def whole(least: int, most: int) -> Callable[[str], int]:
    """What takes a whole number in this range, and says so of any other word."""

    def number(word: str) -> int:
        try:
            value = int(word)
        except ValueError:  # also of more digits than Python reads
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError(
                f"{word!r:.40} is no whole number from {grouped(least)} to {grouped(most)}"
            )
        return value

    return number


def network(word: str) -> str:
    """An IPv4 or IPv6 network, as text."""
    try:
        return str(ipaddress.ip_network(word, strict=False))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{word!r:.80} is no network, such as 10.0.0.0/8") from error


def add_privacy(add: Callable[..., argparse.Action]) -> None:
    """Options of how identifiers are told."""
    add("--show-identifiers", action="store_true", help="wallets and workers in the clear")
    add_site_key(add)
    told = "hosts, meters and organisations under pseudonyms of that key; prefixes of addresses are preserved"
    add("--pseudonymise", action="store_true", help=told)


def add_site_key(add: Callable[..., argparse.Action]) -> None:
    """The option of the key that hashes are made with."""
    told = "secret that hashes of wallets and workers are made with (HMAC-SHA256)"
    add("--site-key", metavar="FILE", help=told)


def with_privacy(chosen: Settings, args: argparse.Namespace) -> Settings:
    """The settings with what `add_privacy` took."""
    privacy = replace(
        chosen.privacy,
        site_key=args.site_key or chosen.privacy.site_key,
        pseudonymise=args.pseudonymise or chosen.privacy.pseudonymise,
    )
    shown = args.show_identifiers or chosen.findings.show_identifiers
    return replace(chosen, privacy=privacy, findings=replace(chosen.findings, show_identifiers=shown))


def add_power(add: Callable[..., argparse.Action]) -> None:
    """Options of power readings."""
    add(
        "--power",
        nargs="+",
        action="extend",
        default=[],
        metavar="SOURCE",
        help="power readings: files, or servers (docs/power-sources.md)",
    )
    add("--power-unit", metavar="UNIT", help="unit of the readings, where the file does not say")
    add("--power-timezone", metavar="ZONE", help="zone of times that have none, such as Europe/Oslo")
