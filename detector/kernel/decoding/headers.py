"""What the headers of a packet said so far: handed from one layer's function to the next.

In C it lives in registers: all that take a pointer to it are inlined into `decode`.
"""

import cython

Headers = cython.struct(
    p=cython.Py_ssize_t,  # where the next header starts; in the end, the payload
    end=cython.Py_ssize_t,  # of what was captured of the frame
    stop=cython.Py_ssize_t,  # of the IP packet by its own header; may lie behind `end`
    source_high=cython.ulonglong,  # 128-bit addresses, IPv4 mapped
    source_low=cython.ulonglong,
    destination_high=cython.ulonglong,
    destination_low=cython.ulonglong,
    source_port=cython.ulonglong,
    destination_port=cython.ulonglong,
    protocol=cython.int,  # number of what IP carries
    bits=cython.ulonglong,  # TCP flags
    sequence=cython.ulonglong,  # TCP
    left=cython.longlong,  # tunnels that may still be opened
    first=cython.int,  # whether the IP packet is the first fragment of a datagram
    start=cython.longlong,  # of a later fragment: where its data stand in the datagram
    ident=cython.longlong,  # likewise: what names the datagram
    entry=cython.Py_ssize_t,  # of the outermost first fragment in the table of fragments; -1 = none
    origin=cython.Py_ssize_t,  # where its data start; 0 = read is an IP packet in a tunnel in it
)
