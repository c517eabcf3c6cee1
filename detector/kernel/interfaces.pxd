# What other compiled modules call.

cdef int described(
    unsigned char[::1] b, Py_ssize_t o, Py_ssize_t length, long long[::1] state, long long[::1] interfaces
) except -1 nogil
cdef int dropped(
    long long[::1] state, long long[::1] interfaces, Py_ssize_t i, long long total, long long more
) except -1 nogil
cdef int statistics(
    unsigned char[::1] b, Py_ssize_t o, Py_ssize_t length, long long[::1] state, long long[::1] interfaces
) except -1 nogil
cdef long long drops_before(
    unsigned char[::1] b, Py_ssize_t q, Py_ssize_t stop, int swapped
) except -2 nogil
