# What other compiled modules call.

cdef long long opened(
    unsigned char[::1] b, Py_ssize_t p, Py_ssize_t end, long long link, int big
) except -1 nogil
cdef long long unwrapped(
    unsigned char[::1] b, Py_ssize_t p, Py_ssize_t end, int ether
) except -1 nogil
