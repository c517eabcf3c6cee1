# What `channels` calls of `slots` in C.
cdef unsigned long long hash_ends(
    unsigned long long a0,
    unsigned long long a1,
    unsigned long long b0,
    unsigned long long b1,
    unsigned long long key,
    unsigned long long seed,
) noexcept nogil
cdef int insert(unsigned long long[::1] table, unsigned long long h, Py_ssize_t slot) except -1 nogil
