# cython: language_level=3, wraparound=False, cdivision=True, initializedcheck=False
"""The walk through a DNS answer: the name of its question and the addresses it tells.

Sources: RFC 1035 4.1 (messages, compressed names), RFC 3596 2.2 (AAAA).
"""

import cython

_ADDRESSES = cython.declare(cython.int, 8)  # of one answer that are kept
_RECORDS = cython.declare(cython.int, 64)  # of one answer that are looked at
_LONGEST_NAME = cython.declare(cython.int, 255)


@cython.cfunc
@cython.inline
@cython.exceptval(-1, check=False)
def _be16(b: cython.const[cython.uchar][::1], i: cython.Py_ssize_t) -> cython.int:
    return (b[i] << 8) | b[i + 1]


@cython.cfunc
@cython.exceptval(-2, check=False)
def _behind_name(
    b: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, n: cython.Py_ssize_t
) -> cython.Py_ssize_t:
    """The offset behind a name, compressed or not; no pointer is followed.  -1 where it is cut."""
    while at < n and b[at] != 0:
        if b[at] >= 192:
            return at + 2
        at += 1 + b[at]
    return at + 1 if at < n else -1


def answer(message: bytes) -> tuple | None:
    """(name in dots, addresses of 4 or 16 bytes, each once) of a response to one question.

    Addresses are those of all records, whatever alias each is of.  None for anything else, malformed or cut.
    """
    b: cython.const[cython.uchar][::1] = message
    n: cython.Py_ssize_t = len(message)
    at: cython.Py_ssize_t = 12
    size: cython.Py_ssize_t
    _i: cython.int
    kind: cython.int
    if n < 13 or not b[2] & 128 or b[2] & 120 or _be16(b, 4) != 1:  # a response, a plain query, one question
        return None
    name = bytearray(message[13:])
    while b[at] != 0:  # a question is not compressed
        size = b[at]
        if size > 63 or at + 1 + size >= n or at > 12 + _LONGEST_NAME:
            return None
        at += 1 + size
        name[at - 13] = 46
    del name[max(0, at - 13) :]
    at += 5
    addresses = []
    for _i in range(min(_be16(b, 6), _RECORDS)):
        at = _behind_name(b, at, n)
        if at < 0 or at + 10 > n:
            return None
        kind = _be16(b, at)
        size = _be16(b, at + 8)
        if (
            _be16(b, at + 2) == 1  # of the Internet
            and ((kind == 1 and size == 4) or (kind == 28 and size == 16))
            and at + 10 + size <= n
            and len(addresses) < _ADDRESSES
        ):
            found = message[at + 10 : at + 10 + size]
            if found not in addresses:
                addresses.append(found)
        at += 10 + size
    return bytes(name), addresses
