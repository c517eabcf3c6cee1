"""Numbers that say what follows a header: ethertypes, and two of ours for what has none.

`positions` packs them beside an offset.  Compiled modules have them as C constants.
"""

from typing import Final

IPV4: Final = 0x0800
IPV6: Final = 0x86DD
MPLS: Final = 0x8847
PPPOE: Final = 0x8864
PPP: Final = 0x880B
BRIDGED: Final = 0x6558  # transparent Ethernet bridging, RFC 1701
LLC: Final = 4  # below 1536, where 802.3 has lengths
NOT_IP: Final = 1
