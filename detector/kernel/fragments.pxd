# What other compiled modules call.

cdef Py_ssize_t entered(
    long long[::1] state, unsigned long long a0, unsigned long long a1, unsigned long long b0,
    unsigned long long b1, long long ident, unsigned long long ts, long long length
) except -1 nogil
cdef int filled(
    long long[::1] state, Py_ssize_t e, unsigned long long[::1] batch, Py_ssize_t k, Py_ssize_t shift
) except -1 nogil
cdef long long later(
    long long[::1] state, unsigned long long a0, unsigned long long a1, unsigned long long b0,
    unsigned long long b1, long long ident, long long start, long long length, Py_ssize_t p,
    long long captured, long long wire, unsigned long long ts, unsigned long long[::1] batch, Py_ssize_t k
) except -1 nogil
