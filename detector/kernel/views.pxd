# The working tables, see views.py.
cdef class Views:
    cdef public unsigned long long seed
    cdef public unsigned long long[::1] batch
    cdef public long long[::1] state
    cdef public unsigned long long[::1] connections
    cdef public unsigned long long[::1] connection_table
    cdef public unsigned long long[::1] channels
    cdef public unsigned long long[::1] channel_table
    cdef public long long[::1] rows
    cdef public long long[::1] wide
    cdef public unsigned int[::1] narrow
    cdef public long long[::1] events
    cdef public long long[::1] pieces
    cdef public unsigned char[::1] copied
    cdef public long long[::1] connection_generations
    cdef public long long[::1] channel_generations
    cdef public long long[::1] holds
    cdef public unsigned char[::1] held
    cdef public unsigned char[::1] services
    cdef public unsigned char[::1] pairs
    cdef public unsigned char[::1] anchors
    cdef public unsigned char[::1] words
    cdef public long long[::1] starts
