"""Which word of the kernel's working tables holds what (rows themselves: `layout`).

The compiled modules have these numbers as C constants; `meter` reads the same ones, so
that each offset is written once.  All tables are flat arrays of 64-bit words.
"""

from typing import Final

# --- descriptor of a decoded packet: frames -> channels, unsigned words
A_HIGH: Final = 0  # a = the endpoint with the smaller (address, port); 128-bit addresses,
A_LOW: Final = 1  # IPv4 mapped (::ffff:a.b.c.d, RFC 4291 2.5.5.2)
B_HIGH: Final = 2
B_LOW: Final = 3
KEY: Final = 4  # port of a << 48 | port of b << 32 | IP protocol number
BITS: Final = 5  # FROM_B | TCP flags (FIN 1, SYN 2, RST 4, ACK 16)
TIME: Final = 6  # ns since the epoch, 1 .. 2**62
WIRE: Final = 7  # frame bytes on the wire
PAYLOAD: Final = 8  # transport payload by the IP header
OFFSET: Final = 9  # of the payload in the byte window
CAPTURED: Final = 10  # payload bytes that are in the byte window
SEQUENCE: Final = 11  # TCP
HASH: Final = 12  # filled in by channels; OTHER_PART = not ours
TOUCHED: Final = 13  # likewise: the connection, then the channel, whose memory is loaded ahead; slot + 1
DESCRIPTOR: Final = 14
FROM_B: Final = 256
MAPPED: Final = 0xFFFF << 32  # A_LOW or B_LOW of IPv4
LATEST: Final = 1 << 62  # TIME: room to add to without overflow, the year 2116
LATEST_S: Final = LATEST // 1_000_000_000
OTHER_PART: Final = 1 << 62
BATCH: Final = 1024  # descriptors a call
TOUCH: Final = 64  # of which so many have their memory loaded ahead

# --- state of the record walk (frames), signed words
FORMAT: Final = 0  # PCAP or PCAPNG
SWAPPED: Final = 1  # 1 = big endian
NS_PER_TICK: Final = 2  # pcap: 1000 or 1
INTERFACES: Final = 3  # filled entries of the interface table
STOP: Final = 4  # why the walk cannot go on: 0, or a STOP_*
STOP_VALUE: Final = 5  # the number at fault
LOST: Final = 6  # drops told by pcapng (interfaces)
BATCHED: Final = 7  # descriptors written by the last call
COUNTS: Final = 8  # then one word a COUNTED name
COUNTED: Final = (
    "packets",
    "decoded",
    "not_ip",
    "truncated_header",
    "bad_ip_header",
    "bad_transport_header",
    "fragment",
    "other_transport",
    "bad_record",
    "unknown_linktype",
    "encrypted_link",
    "tiny_fragment",
    "overlapping_fragment",
    "too_many_tunnels",
)
N_PACKETS: Final = COUNTS + COUNTED.index("packets")
N_DECODED: Final = COUNTS + COUNTED.index("decoded")
N_NOT_IP: Final = COUNTS + COUNTED.index("not_ip")
N_TRUNCATED: Final = COUNTS + COUNTED.index("truncated_header")
N_BAD_IP: Final = COUNTS + COUNTED.index("bad_ip_header")
N_BAD_TRANSPORT: Final = COUNTS + COUNTED.index("bad_transport_header")
N_FRAGMENT: Final = COUNTS + COUNTED.index("fragment")
N_OTHER: Final = COUNTS + COUNTED.index("other_transport")
N_BAD_RECORD: Final = COUNTS + COUNTED.index("bad_record")
N_UNKNOWN_LINK: Final = COUNTS + COUNTED.index("unknown_linktype")
N_ENCRYPTED: Final = COUNTS + COUNTED.index("encrypted_link")
N_TINY: Final = COUNTS + COUNTED.index("tiny_fragment")
N_OVERLAPPING: Final = COUNTS + COUNTED.index("overlapping_fragment")
N_DEEP: Final = COUNTS + COUNTED.index("too_many_tunnels")
LINKS: Final = 24  # then (link type, packets) of unknown link types
LINK_PAIRS: Final = 16
TUNNELS: Final = LINKS + 2 * LINK_PAIRS  # bits of the tunnels that are opened, as in settings.TUNNELS
TUNNEL_DEPTH: Final = TUNNELS + 1  # tunnels in one another that are opened
FRAGMENT_SEED: Final = TUNNELS + 2  # secret, so that no sender can choose where fragments collide
FRAGMENTS: Final = TUNNELS + 3  # then FRAGMENT_SETS * FRAGMENT_WAYS first fragments
FRAGMENT_SETS: Final = 512
FRAGMENT_WAYS: Final = 8
FRAGMENT_LIFE_NS: Final = 30_000_000_000  # as Linux keeps them (net.ipv4.ipfrag_time)
F_ID: Final = 4  # behind source and destination: what names the datagram; 0 = free
DATAGRAM: Final = 1 << 41  # no identification has this bit of F_ID
F_TIME: Final = 5  # ns, of the first fragment
F_ENDS: Final = 6  # .. 10: A_HIGH .. KEY of the descriptor; KEY 0 = the first one did not decode
F_BITS: Final = 11  # FROM_B or not
F_SEQUENCE: Final = 12  # TCP: number of byte 0 of the datagram; -1 = later ones carry no payload
F_PREFIX: Final = 13  # bytes that came without a hole from the beginning
F_ISLAND: Final = 14  # first byte << 32 | last + 1 of a stretch behind the hole
FRAGMENT: Final = 15
WALK: Final = FRAGMENTS + FRAGMENT_SETS * FRAGMENT_WAYS * FRAGMENT
PCAP: Final = 1
PCAPNG: Final = 2
STOP_LENGTH: Final = 1  # a record or block claims an impossible length
STOP_ORDER: Final = 2  # a section header without a byte-order magic
RECORD_LIMIT: Final = 64 << 20
INTERFACE: Final = (
    6  # words an interface: link type, ticks a second, offset ns, snap length, drops told twice
)
MAX_INTERFACES: Final = 1024

# --- state of the update (channels), signed words
STATUS: Final = 0
NEWEST: Final = 1  # newest packet time
N_EVENTS: Final = 2
N_PIECES: Final = 3
PIECE_FILL: Final = 4  # bytes of the piece buffer in use
CONNECTION_HIGH: Final = 5  # slots ever used
CONNECTION_FREE: Final = 6  # head of the free list, -1 = none
CONNECTION_LIVE: Final = 7
CHANNEL_HIGH: Final = 8
CHANNEL_FREE: Final = 9
CHANNEL_LIVE: Final = 10
ROW_HIGH: Final = 11
ROW_FREE: Final = 12
ROW_LIVE: Final = 13
WINDOW: Final = 14  # ns
SWEEP_AT: Final = 15  # ns: forget the idle when NEWEST gets here
SWEEP_COUNT: Final = 16  # packets since the last sweep
PAYLOAD_LIMIT: Final = 17  # bytes a connection, direction and window
MAX_CONNECTIONS: Final = 18
MAX_CHANNELS: Final = 19
MAX_ROWS: Final = 20
TURN_CONNECTION: Final = 21  # with STATUS TURN and FORGET
TURN_CLIENT_IS_A: Final = 22
FULL_HIGH: Final = 23  # full rows ever used
FULL_FREE: Final = 24  # head of their free list, -1 = none; linked by their first word
IDLE: Final = 25  # ns: silent for longer = forgotten
PART: Final = 26  # only channels of this part are metered ...
PARTS: Final = 27  # ... of so many
ELSEWHERE: Final = 28  # packets of other parts
HOLD_HEAD: Final = (
    29  # the oldest held segment and the next to be held, counted on; slot = number & HOLDS - 1
)
HOLD_TAIL: Final = 30
N_WAITING: Final = 31  # of N_PIECES, those that may wait
UPDATE: Final = 32
DONE: Final = 0
NEED_ROWS: Final = 1
NEED_CONNECTIONS: Final = 2
NEED_CHANNELS: Final = 3
NEED_EVENTS: Final = 4  # the event or piece buffer must be emptied
TURN: Final = 5  # a SYN contradicts who was held to be the client
SWEEP: Final = 6
FORGET: Final = 7  # TURN_CONNECTION was silent for longer than IDLE: the packet begins another

# --- connection
C_A_HIGH: Final = 0  # .. C_KEY: as in the descriptor
C_KEY: Final = 4
C_CHANNEL: Final = 5  # slot | CLIENT_IS_A .. SPOKE; on the free list: the next free slot
C_LAST: Final = 6  # newest packet, ns; -1 = free
C_START: Final = 7  # open message: first segment, ns; 0 = none open
C_END: Final = 8  # open message: last segment, ns
C_LENGTH: Final = 9  # open message: row << 40 | length << 1 | from_b
C_NEXT: Final = 10  # next expected sequence number: of a | of b << 32
C_LINKS: Final = 11  # open messages of the channel: previous | next << 32, slot + 1 each
C_TLS: Final = 12  # a, then b: TLS_* fields
C_COUNTS: Final = (
    14  # packets | scanned a << 32, b << 40 | opening a << 48, b << 52 | HEADED | TOLD | SETTLED
)
C_QUOTA: Final = 15  # payload handed out: a | b << 24 | low bits of the window's number << 48
CONNECTION: Final = 16
CLIENT_IS_A: Final = 1 << 32
SEEN: Final = 2 << 32  # next sequence number known: of a; << 1 of b
LOSS: Final = 8 << 32  # bytes lost since the last piece: of a; << 1 of b
FLAGGED: Final = 32 << 32  # the keyword scan hit
IGNORED: Final = 64 << 32  # the dissectors do not want it
WAS_RESET: Final = 128 << 32
SPOKE: Final = 256 << 32  # payload seen: of a; << 1 of b
HEADED: Final = 1 << 56  # a head is kept: of a; << 1 of b
TOLD: Final = 1 << 58  # has told the names it has: a; << 1 b
SETTLED: Final = 1 << 60  # the dissectors have said all that they will decide
HELD: Final = 42  # from this bit on: first held segment of a, slot + 1; HELD_BITS further of b
HELD_BITS: Final = 11
HELD_MASK: Final = 0x7FF

# --- channel
H_CLIENT_HIGH: Final = 0
H_CLIENT_LOW: Final = 1
H_SERVER_HIGH: Final = 2
H_SERVER_LOW: Final = 3
H_KEY: Final = 4  # server's port << 32 | IP protocol number
H_BASIS: Final = 5
H_ROW: Final = 6  # newest open row + 1, 0 = none
H_OPEN: Final = 7  # open messages: first | last << 32, connection slot + 1 each
H_CONNECTIONS: Final = 8  # live ones
H_LAST: Final = 9  # newest packet, ns; -1 = free
H_NEXT: Final = 10  # on the free list: the next free slot
H_UNDECIDED: Final = 11  # payload was copied that something may be decided on
CHANNEL: Final = 16

# --- an open row, in cache lines of 8 words: what packets change, and the first messages.
# A row of few messages is this and nothing else: `summaries.finish` makes the row of `layout` out of it
# when it leaves.  The one that outgrows R_EVENTS gets a full row beside it.
R_CHANNEL: Final = 0  # slot; -1 = free
R_NEXT: Final = 1  # the channel's next row + 1; on the free list: the next free slot
R_OPENER: Final = 2  # connection slot + 1 whose opening lengths the row keeps
R_FULL: Final = 3  # full row + 1; 0 = none yet
R_WINDOW: Final = 4  # start, ns
R_FIRST: Final = 5  # packet, ns
R_LAST: Final = 6
R_MESSAGES: Final = 7  # in R_EVENTS, while there is no full row
R_UP: Final = 8  # layout.PACKETS .. KEEPALIVES of up
R_CONNECTIONS: Final = 13
R_RESETS: Final = 14
R_OPENING_NS: Final = 15
R_DOWN: Final = 16  # and of down
R_TLS_RECORDS: Final = 21
R_PORTS: Final = 22  # layout.PORT of up, and of down
R_OPENING: Final = 24  # layout.OPENINGS lengths of up, and of down
R_EVENTS: Final = 32  # layout.HEAD_EVENTS pairs: time, direction << 32 | length
ROW: Final = 48

# --- TCP segments that came before what precedes them: a ring in order of arrival
S_NEXT: Final = 0  # the direction's next one by sequence, slot + 1
S_WHOSE: Final = 1  # connection slot << 1 | from_b; -1 = gone
S_SINCE: Final = 2  # NEWEST when it came
S_TIME: Final = 3
S_ROW: Final = 4
S_SEQUENCE: Final = 5
S_LENGTH: Final = 6
S_CAPTURED: Final = 7  # bytes at slot * HOLD_BYTES
HOLD: Final = 8
HOLDS: Final = 1024
HOLD_BYTES: Final = 2048
HELD_EACH: Final = 8  # a direction
HOLD_AHEAD: Final = 1 << 16  # bytes beyond the expected sequence number
HOLD_NS: Final = 1_000_000_000  # the first retransmission time-out, RFC 6298 2.1

# --- message events: channels -> summaries
E_ROW: Final = 0
E_TIME: Final = 1
E_WHAT: Final = 2  # direction << 32 | length, direction 0 = up
EVENT: Final = 3
MAX_EVENTS: Final = 1 << 15

# --- pieces of payload for the dissectors
P_CONNECTION: Final = 0
P_TIME: Final = 1
P_WHERE: Final = 2  # offset << 32 | length in the piece buffer
P_BITS: Final = 3  # from_a | gap << 1 | opening << 2
PIECE: Final = 4
MAX_PIECES: Final = 1024
PIECE_BYTES: Final = 1 << 20
HEADS: Final = 1024
"""Behind the pieces: heads of directions that may become a dialogue, whose words may be cut anywhere.

Each has one place, by its connection's slot and side (2 * slot + from_b modulo HEADS), and a piece's
words there: whose it is, and its bytes so far.
"""
HEAD_BYTES: Final = 1024
LONGEST_WORD: Final = 16  # bytes of a keyword at most
TIME_LIMIT: Final = (1 << 63) - 1
FREE: Final = (1 << 64) - 1  # C_LAST or H_LAST of a free slot

# --- limits of the update
SCAN_PACKETS: Final = 8  # keywords are looked for in the first payload packets of a direction
SCAN_BYTES: Final = 512  # of each
PAIR_MASK: Final = 0x1FFF  # of the hash of two neighbours
SPREAD: Final = 0x9E3779B1  # multiplier of the hash of an anchor; its upper 12 bits of 32 count
DNS: Final = 53  # port
DNS_ANSWERS: Final = 256  # read of a row
QUIC_BYTES: Final = 5
REQUESTS: Final = 6  # packets up of a row before requests of HTTP are read, and while they are
STALE: Final = 1 << 24
"""A segment this far below the expected sequence number starts a new count: no window is so large."""
LONGEST_RECORD: Final = 16640  # 2**14 + 256, RFC 8446 5.2
ROOM_EVENTS: Final = 17_000  # 65535 bytes of TLS records of 1 byte, and all that may be held of a connection
ROOM_BYTES: Final = 65_536 + 17 * 2048 + 2 * 1024  # two heads besides
ROOM_PIECES: Final = 20
PIECE_LIMIT: Final = 65_536
FEW: Final = 8  # packets below which a connection is the first to be forgotten
CHAIN: Final = 16  # open rows of a channel that are looked through
EXPIRE: Final = 8  # open messages of a channel that are looked through

# --- a TLS word: bytes left of the record | held header bytes << 16 | their number << 48 | state
TLS_UNKNOWN: Final = 0
TLS_ON: Final = 1 << 62
TLS_OFF: Final = 2 << 62
TLS_STATE: Final = 3 << 62
TLS_INSIDE: Final = 0xFFFF | 7 << 48  # none of these bits: at the start of a record

# --- arithmetic; words of ones are unsigned in C
MASK31: Final = (1 << 31) - 1
MASK32: Final = (1 << 32) - 1
MASK40: Final = (1 << 40) - 1
MASK64: Final = (1 << 64) - 1
HALF32: Final = 1 << 31
WHOLE32: Final = 1 << 32
TURNED: Final = 1 << 32  # the direction bit of an event
MIX: Final = 0xD6E8FEB86659FD93  # rrmxmx's multiplier
GOLDEN: Final = 0x9E3779B97F4A7C15
ODD: Final = 0xC2B2AE3D27D4EB4F
