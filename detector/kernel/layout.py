"""The row of a channel window: which word holds what.

A row is `WIDE` signed 64-bit words and `NARROW` unsigned 32-bit words.  Two blocks of
the same shape, one a direction, follow the header, so that turning a channel round is
an exchange of two blocks.  The kernel fills rows, `windows` merges them, `features`
reads them; nobody else needs to know the offsets.

Times are nanoseconds since the epoch; 0 stands for "none yet" (no capture holds 1970).
A *message* is what an application sent in one go: a run of segments of one connection
in one direction with less than `COALESCE_NS` between them, or one TLS record of
application data where TLS framing is readable, or one datagram.
"""

from typing import Final

COALESCE_NS: Final = 2_000_000
"""Segments of one direction closer than this are one message (behaviour spike, method 1)."""
PROMPT_NS: Final = 2_000_000_000
"""A message with none of the other direction in this time before it is a push; an answer
later than this is no reply."""
ANSWER_NS: Final = 500_000_000
"""A push with a message of the other direction within this time counts as answered."""
BIN_NS: Final = 10_000_000_000
"""Width of a bin of the busy bitmap: 30 bins in the default window of 300 s."""
SHORT_REPLY: Final = 120
"""Replies below this many bytes are short (acknowledgements)."""

# Families of columns that a source may or may not know (bits of KNOWN).
KNOWS_COUNTS: Final = 1  # packets, bytes, first and last
KNOWS_PAYLOAD: Final = 2  # payload bytes, retransmissions, connections
KNOWS_MESSAGES: Final = 4  # everything counted in messages
KNOWS_ALL: Final = 7

# --- header, wide words
WINDOW_NS: Final = 0  # start of the window, multiple of its length
FIRST_NS: Final = 1  # first packet
LAST_NS: Final = 2  # last packet
CONNECTIONS: Final = 3  # connections opened (SYN without ACK seen)
RESETS: Final = 4  # connections reset
KNOWN: Final = 5  # KNOWS_* bits
OPENING_NS: Final = 6  # SYN of the connection whose opening lengths are kept; 0 = none seen
TLS_RECORDS: Final = 7  # messages that were TLS records of application data
HEADER: Final = 8

# --- a direction's wide words, relative to UP or DOWN
PACKETS: Final = 0
BYTES: Final = 1  # frame bytes on the wire
PAYLOAD_BYTES: Final = 2  # transport payload by the headers, also where the capture is cut
RETRANSMITTED: Final = 3  # packets that carried only bytes already seen
KEEPALIVES: Final = 4  # TCP keepalive probes (at most one byte below the next expected)
MESSAGES: Final = 5
MESSAGE_BYTES: Final = 6
FIRST_MESSAGE_NS: Final = 7
LAST_MESSAGE_NS: Final = 8
LONGEST_GAP_NS: Final = 9  # between two messages of this direction
PUSHES: Final = 10  # messages that nothing of the other side prompted
PUSHES_ANSWERED: Final = 11
FIRST_PUSH_NS: Final = 12
LAST_PUSH_NS: Final = 13
REPLIED: Final = 14  # messages of this direction that the other side replied to
REPLIED_BYTES: Final = 15  # bytes of those messages
REPLY_BYTES: Final = 16  # bytes of the replies they got
SHORT_REPLIES: Final = 17  # replies they got below SHORT_REPLY bytes
PENDING_NS: Final = 18  # the newest message of this direction, while nobody replied; else 0
PENDING_LENGTH: Final = 19
BUSY_BINS: Final = 20  # bitmap of 10-second bins of this window with a message
BUSY_BEFORE: Final = 21  # busy bins of the earlier windows rolled up in this row
LENGTHS_DROPPED: Final = 22  # error bound of LENGTHS (Misra-Gries decrements)
PUSH_LENGTHS_DROPPED: Final = 23
REPLY_LENGTHS_DROPPED: Final = 24
SHORTEST: Final = 25  # message, 0 = none
LONGEST: Final = 26
PORT: Final = 27  # the sender's port on the connection of the row's first packet
OPENING: Final = 28  # first OPENINGS message lengths of the kept opening
OPENINGS: Final = 4
DIRECTION: Final = OPENING + OPENINGS

UP: Final = HEADER  # client to server
DOWN: Final = UP + DIRECTION  # server to client
EVENTS: Final = DOWN + DIRECTION
"""Events: pairs of words (time, direction << 32 | length), direction 0 = up."""
HEAD_EVENTS: Final = 8  # the first messages of the row
TAIL_EVENTS: Final = 8  # the last messages, oldest first, packed to the end of what is filled
HEAD: Final = EVENTS
TAIL: Final = HEAD + 2 * HEAD_EVENTS
WIDE: Final = TAIL + 2 * TAIL_EVENTS

# --- a direction's narrow words, relative to NARROW_UP or NARROW_DOWN
LENGTH_BINS: Final = 32  # two an octave: [1, 1.5), [1.5, 2), ... 64 KiB and above in the last
GAP_BINS: Final = 24  # one an octave of 2**20 ns (1.05 ms): below that in bin 0
DELAY_BINS: Final = 12  # the same octaves, up to PROMPT_NS
COMMON_LENGTHS: Final = 12  # (length, count) pairs, heavy hitters
COMMON_PUSHES: Final = 6
COMMON_REPLIES: Final = 6
LENGTH_HISTOGRAM: Final = 0
GAP_HISTOGRAM: Final = LENGTH_HISTOGRAM + LENGTH_BINS  # between messages of this direction
PUSH_GAP_HISTOGRAM: Final = GAP_HISTOGRAM + GAP_BINS
REPLY_DELAY_HISTOGRAM: Final = PUSH_GAP_HISTOGRAM + GAP_BINS  # to replies that this side got
LENGTHS: Final = REPLY_DELAY_HISTOGRAM + DELAY_BINS
PUSH_LENGTHS: Final = LENGTHS + 2 * COMMON_LENGTHS
REPLY_LENGTHS: Final = PUSH_LENGTHS + 2 * COMMON_PUSHES  # of replies that this side got
NARROW_DIRECTION: Final = REPLY_LENGTHS + 2 * COMMON_REPLIES

NARROW_UP: Final = 0
NARROW_DOWN: Final = NARROW_DIRECTION
NARROW: Final = 2 * NARROW_DIRECTION
