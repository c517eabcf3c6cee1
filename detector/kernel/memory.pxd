# Loading memory ahead of its use; only the compiled kernel asks for it.
cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define memory_prefetch(p) __builtin_prefetch(p)
    #else
    #define memory_prefetch(p) ((void)(p))
    #endif
    """
    void prefetch "memory_prefetch"(const void *p) noexcept nogil
