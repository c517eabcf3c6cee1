# What only the compiled kernel asks of memory: loading it ahead of its use, and copying.
cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define memory_prefetch(p) __builtin_prefetch(p)
    #else
    #define memory_prefetch(p) ((void)(p))
    #endif
    """
    void prefetch "memory_prefetch"(const void *p) noexcept nogil

cdef extern from "string.h" nogil:
    void *copy "memcpy"(void *to, const void *source, size_t n)
