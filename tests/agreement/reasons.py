"""Why minewatch and tshark may differ on a frame: each reason a predicate on what tshark says of it.

A difference in a direction of a flow is explained when frames with a reason, sent by the
same address, are as many and as large as it is.  Everything else is a mistake of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.agreement.tshark import Frame

_OPENED_PORTS = {4789, 8472, 4790, 6081, 2152, 3544, 1701}
_CARRIERS = {"vxlan", "geneve", "gtp", "teredo", "l2tp"}
_NOT_OPENED = {
    "capwap.data", "lisp", "sflow", "openflow", "nsh", "macsec", "pim", "esp", "openflow_v1", "openflow_v4",
    "icap", "batadv", "aruba_erm", "ipcomp", "l2tpv3", "lwapp", "cldap", "tzsp", "mip", "udpencap",
}  # fmt: skip
_LINKS = {"arcnet", "juniper", "user_dlt", "ipoib", "can", "wpan", "ipnet", "atm", "pktap", "clip"}


class Reason(NamedTuple):
    """Why the two count a frame differently."""

    why: str
    holds: Callable[[Frame], bool]


def _fragment(frame: Frame) -> bool:
    return any(layer.network and (layer.network.offset or layer.network.more) for layer in frame.layers)


def _carries_other(frame: Frame) -> bool:
    """An IP header further inside than the last TCP or UDP header, or none behind a tunnel's own header."""
    last = max((i for i, layer in enumerate(frame.layers) if layer.transport), default=-1)
    return last >= 0 and any(layer.name in {"ip", "ipv6"} for layer in frame.layers[last + 1 :])


def _not_opened(frame: Frame) -> bool:
    return bool(_NOT_OPENED & set(frame.path))


def _unusual_tunnel(frame: Frame) -> bool:
    """A tunnel towards a port that is not its own, with reserved bits, or of a protocol inside GRE."""
    kinds = {"0x0800", "0x86dd", "0x6558", "0x88be", "0x22eb", "0x880b"}
    gre = frame.odd.get("gre.proto", "").split(",")
    if any(kind and kind not in kinds for kind in gre) or frame.odd.get("vxlan.flags", "0x0800") != "0x0800":
        return True
    names = [layer.name for layer in frame.layers]
    for i, layer in enumerate(frame.layers[:-1]):
        if layer.transport and layer.transport.protocol == 17:
            opened = layer.transport.destination_port in _OPENED_PORTS
            nameless = names[i + 1] in {
                "ip",
                "ipv6",
                "eth",
            }  # VXLAN-GPE without the bit that says what it holds
            if nameless or (names[i + 1] in _CARRIERS and not opened):
                return True
    return False


def _unknown_port(frame: Frame) -> bool:
    """A tunnel by its port that tshark 4.0 does not know: it stays a datagram to it."""
    layer = frame.transport
    return bool(layer and layer.transport and layer.transport.destination_port in {8472, 4790})


def _no_length(frame: Frame) -> bool:
    """Segmentation offload: a length of 0, or 16 bits that do not hold it (RFC 2675, BIG TCP)."""
    if frame.wire > 65_535 + 100:
        return True
    return any(layer.network is not None and layer.network.length == 0 for layer in frame.layers)


def _two_lengths(frame: Frame) -> bool:
    """UDP says another length than the IP header, which is the one that is counted."""
    layer = frame.transport
    if layer is None or layer.transport is None or layer.network is None or layer.transport.protocol != 17:
        return False
    return layer.network.length - layer.network.header - 8 != layer.transport.payload


def _beyond(frame: Frame) -> bool:
    """The IP header claims more than the frame had on the wire: tshark cuts, minewatch believes it."""
    return any(layer.network is not None and layer.network.length > frame.wire for layer in frame.layers)


def _cut(frame: Frame) -> bool:
    """The capture ends inside of a header: tshark tells its protocol, and no ports or not all of it."""
    layer = frame.transport
    if layer is None or layer.transport is None or layer.network is None:
        return frame.path[-1] in {"ip", "ipv6", "tcp", "udp"} and not _fragment(frame)
    return frame.captured < layer.network.header + 20 + (14 if frame.path[0] == "eth" else 0)


def _bad_header(frame: Frame) -> bool:
    """A TCP header whose length is below 20 bytes, or runs out of the packet; or an IP header that does."""
    layer = frame.transport
    if layer is None or layer.transport is None or layer.network is None:
        return False
    header, network = layer.transport.header, layer.network
    room = network.length - network.header
    return header < 20 if layer.transport.protocol == 6 else room < 8


def _bad_transport(frame: Frame) -> bool:
    layer = frame.transport
    if layer is None or layer.transport is None or layer.network is None:
        return False
    return bool(layer.network.length) and layer.transport.header > layer.network.length - layer.network.header


def _source_route(frame: Frame) -> bool:
    """IP options: tshark tells the last hop of a source route as the destination."""
    return any(layer.name == "ip" and layer.network and layer.network.header > 20 for layer in frame.layers)


def _link(frame: Frame) -> bool:
    return frame.path[0] in _LINKS


def _link_lies(frame: Frame) -> bool:
    """The link header says one thing and the packet another; tshark guesses."""
    return bool(frame.odd.get("null.type")) or frame.path[:2] == ("ip", "ipv6")


REASONS = {
    "fragment": Reason("Later fragments are counted to the channel of the first; tshark (told not "
                       "to reassemble) leaves them out.", _fragment),
    "tunnel of something else": Reason("A tunnel is opened, and what is in it is neither TCP nor UDP: "
                                       "tshark's innermost transport is the tunnel's own.", _carries_other),
    "tunnel not opened": Reason("tshark opens a protocol that minewatch leaves closed.", _not_opened),
    "unusual tunnel": Reason("The tunnel's port is the source, reserved bits are set, or GRE carries a "
                             "protocol that is no network's.", _unusual_tunnel),
    "tunnel port": Reason("minewatch opens VXLAN at 8472 and 4790; tshark 4.0 does not.", _unknown_port),
    "two lengths": Reason("UDP says another length than IP: minewatch goes by IP.", _two_lengths),
    "beyond the frame": Reason("The IP header claims more than the frame had: minewatch goes by IP, tshark "
                               "cuts.", _beyond),
    "cut": Reason("The capture ends inside of a header.", _cut),
    "bad header": Reason("A header length that cannot be; tshark shows the ports all the same.",
                         lambda frame: _bad_header(frame) or _bad_transport(frame)),
    "no length": Reason("Segmentation offload left a length of 0; tshark 4.0 stops there.", _no_length),
    "source route": Reason("tshark tells the end of a source route as the destination.", _source_route),
    "link type": Reason("A link type that minewatch does not decode (and counts as such).", _link),
    "link header": Reason("The link header contradicts its link type, and tshark guesses.", _link_lies),
}  # fmt: skip


def reasons(frame: Frame) -> set[str]:
    """The reasons that hold for a frame."""
    return {name for name, reason in REASONS.items() if reason.holds(frame)}
