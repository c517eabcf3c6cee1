# What this module calls of others, and what others call of it.
from detector.kernel.linklayers cimport unwrapped

cdef long long in_packet(
    unsigned char[::1] b, Py_ssize_t p, Py_ssize_t end, Py_ssize_t stop, int protocol, long long opened
) except -1 nogil
cdef long long in_datagram(
    unsigned char[::1] b, Py_ssize_t p, Py_ssize_t end, Py_ssize_t stop, int source, int destination,
    long long opened
) except -1 nogil
