# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""The clear part of a TLS handshake: records of one side -> messages, and what stands where in hellos.

Versions up to 1.2 hello and show the server's certificate in the clear, 1.3 only the hellos.
Nothing after the handshake is looked at; SSL 2 is not read.  What it means: `dissectors.hello`.

Sources: RFC 8446 4, 4.1.2, 4.1.3, 4.2 and 5.1, RFC 6066 3 (server name), RFC 7301 3.1 (ALPN),
RFC 8701 2 (GREASE).
"""

import cython

_HANDSHAKE = cython.declare(cython.int, 22)
_SERVER_NAME = cython.declare(cython.int, 0)
_ALGORITHMS = cython.declare(cython.int, 13)
_ALPN = cython.declare(cython.int, 16)
_VERSIONS = cython.declare(cython.int, 43)


@cython.cfunc
@cython.inline
@cython.exceptval(-1, check=False)
def _be16(b: cython.const[cython.uchar][::1], i: cython.Py_ssize_t) -> cython.int:
    return (b[i] << 8) | b[i + 1]


@cython.cfunc
@cython.inline
@cython.exceptval(-2, check=False)
def _behind(
    b: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, width: cython.int, end: cython.Py_ssize_t
) -> cython.Py_ssize_t:
    """Offset behind a vector whose length has `width` bytes, 1 or 2; -1 where it does not end by `end`."""
    if at + width > end:
        return -1
    at += width + (b[at] if width == 1 else _be16(b, at))
    return at if at <= end else -1


@cython.cfunc
@cython.inline
@cython.exceptval(-1, check=False)
def _is_grease(number: cython.int) -> cython.int:
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


@cython.cfunc
@cython.exceptval(-1, check=False)
def _newest(b: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
    """The highest 16-bit number in b[at:end] that is no GREASE; 0 where there is none."""
    newest: cython.int = 0
    number: cython.int
    while at + 2 <= end:
        number = _be16(b, at)
        if number > newest and not _is_grease(number):
            newest = number
        at += 2
    return newest


@cython.cfunc
@cython.exceptval(-2, check=False)
def _extensions(
    b: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, n: cython.Py_ssize_t
) -> cython.Py_ssize_t:
    """Offset behind the list of extensions at `at` of n bytes, which may be left out; -1 where it is cut."""
    return at if at == n else _behind(b, at, 2, n)


@cython.cclass
class Flight:
    """One side's handshake messages, in whatever pieces its bytes come."""

    LIMIT = 16_384
    """Bytes read of a side: hellos have up to 2 kB, chains of certificates 3 to 6."""

    over = cython.declare(cython.bint, visibility="readonly")
    """Nothing more is to be read."""
    _header: bytes  # the beginning of a record's header
    _messages: bytes  # content of the records, from the message at hand on
    _left: cython.Py_ssize_t  # bytes of the record at hand that have not come
    _seen: cython.Py_ssize_t

    def __init__(self) -> None:
        self.over = False
        self._header = self._messages = b""
        self._left = self._seen = 0

    @property
    def waits(self) -> bool:
        """Whether it is in the middle of something."""
        return not self.over and (len(self._header) > 0 or len(self._messages) > 0 or self._left > 0)

    def feed(self, data: bytes) -> list:
        """(type, body) of each message that `data` completes, in order.  Never raises."""
        if self.over:
            return []
        self._seen += len(data)
        self._take(self._header + data if self._header else data)
        found = self._complete()
        if self._seen > Flight.LIMIT:
            self.over = True
        if self.over:
            self._header = self._messages = b""
        return found

    @cython.cfunc
    def _take(self, data: bytes):
        """Joins the content of handshake records; the first record of another type is the end."""
        b: cython.const[cython.uchar][::1] = data
        n: cython.Py_ssize_t = len(data)
        at: cython.Py_ssize_t = 0
        taken: cython.Py_ssize_t
        while at < n:
            if self._left > 0:
                taken = self._left if self._left < n - at else n - at
                self._messages += data[at : at + taken]
                self._left -= taken
                at += taken
                continue
            if b[at] != _HANDSHAKE or (at + 1 < n and b[at + 1] != 3):
                self.over = True
                return
            if at + 5 > n:
                break
            self._left = _be16(b, at + 3)
            at += 5
        self._header = data[at:]

    @cython.cfunc
    def _complete(self):
        """The whole messages, taken out: type, three bytes of length, body."""
        joined: bytes = self._messages
        b: cython.const[cython.uchar][::1] = joined
        n: cython.Py_ssize_t = len(joined)
        at: cython.Py_ssize_t = 0
        end: cython.Py_ssize_t
        found = []
        while at + 4 <= n:
            end = at + 4 + (b[at + 1] << 16) + _be16(b, at + 2)
            if end > n:
                break
            found.append((b[at], joined[at + 4 : end]))
            at = end
        if at > 0:
            self._messages = joined[at:]
        return found


def client_hello(body: bytes) -> tuple | None:
    """What a ClientHello offers; None where it is malformed or cut.

    The server's name, and (newest version, whether there is a name, first protocol, cipher suites, sorted
    types of extensions without GREASE, signature algorithms): as they stand in it, empty where left out.
    """
    b: cython.const[cython.uchar][::1] = body
    n: cython.Py_ssize_t = len(body)
    ciphers_at: cython.Py_ssize_t
    ciphers_end: cython.Py_ssize_t
    at: cython.Py_ssize_t
    end: cython.Py_ssize_t
    stop: cython.Py_ssize_t  # of one extension
    last: cython.Py_ssize_t  # of its first vector
    kind: cython.int
    version: cython.int
    named: cython.int = 0
    if n < 35:
        return None
    version = _newest(b, 0, 2)
    ciphers_at = 35 + b[34]  # behind version, random and session id
    ciphers_end = _behind(b, ciphers_at, 2, n)
    at = _behind(b, ciphers_end, 1, n) if ciphers_end > 0 else -1
    end = _extensions(b, at, n) if at > 0 else -1
    if end < 0:
        return None
    name = protocol = algorithms = b""
    kinds = set()
    at += 2
    while at < end:
        if at + 4 > end:
            return None
        kind = _be16(b, at)
        stop = at + 4 + _be16(b, at + 2)
        if stop > end:
            return None
        at += 4
        if not _is_grease(kind):
            kinds.add(kind)
        if kind == _SERVER_NAME:
            named = 1
            if stop - at >= 5 and b[at + 2] == 0:  # the first name of the list, of a host
                last = _behind(b, at + 3, 2, stop)
                if last < 0:
                    return None
                name = body[at + 5 : last]
        elif kind == _ALGORITHMS:
            last = _behind(b, at, 2, stop)
            if last < 0:
                return None
            algorithms = body[at + 2 : last]
        elif kind == _ALPN:
            if stop - at > 2:
                last = _behind(b, at + 2, 1, stop)
                if last < 0:
                    return None
                protocol = body[at + 3 : last]
        elif kind == _VERSIONS:
            last = _behind(b, at, 1, stop)
            if last < 0:
                return None
            version = _newest(b, at + 1, last)
        at = stop
    offer = (
        version,
        named != 0,
        protocol,
        body[ciphers_at + 2 : ciphers_end],
        tuple(sorted(kinds)),
        algorithms,
    )
    return name, offer


def chosen_version(body: bytes) -> cython.int:
    """The version that a ServerHello chose; -1 where it is malformed or cut."""
    b: cython.const[cython.uchar][::1] = body
    n: cython.Py_ssize_t = len(body)
    at: cython.Py_ssize_t
    end: cython.Py_ssize_t
    stop: cython.Py_ssize_t
    version: cython.int
    if n < 35:
        return -1
    version = _be16(b, 0)
    at = 35 + b[34] + 3  # behind session id, cipher suite and compression
    end = _extensions(b, at, n) if at <= n else -1
    if end < 0:
        return -1
    at += 2
    while at < end:
        stop = at + 4 + _be16(b, at + 2) if at + 4 <= end else end + 1
        if stop > end:
            return -1
        if _be16(b, at) == _VERSIONS and stop - at == 6:
            version = _be16(b, at + 4)
        at = stop
    return version
