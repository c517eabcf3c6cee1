"""Dissectors: the payload of a connection -> facts | need more | not mine.

What they find are facts (which dialect, how many shares); whether a host mines is for
`findings` to judge.  In here: `lines`, `http`, `side` frame bytes into messages; one file a
family of dialects reads the messages (`registry` lists them); `conversation` joins both for
one connection, `dissection` for all.  Families know the shared files, never each other.
"""

from detector.dissectors.contract import Dissector, Envelope, Message, Payload, Reply
from detector.dissectors.dissection import Bounds, Decision, Dissection
from detector.dissectors.facts import merge_facts
from detector.dissectors.names import merge_names, without_lookups
from detector.dissectors.registry import DISSECTORS

__all__ = [
    "DISSECTORS",
    "Bounds",
    "Decision",
    "Dissection",
    "Dissector",
    "Envelope",
    "Message",
    "Payload",
    "Reply",
    "merge_facts",
    "merge_names",
    "without_lookups",
]
