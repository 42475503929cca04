/* Inlined: a row costs two hashes, and a call through the PLT costs as much as the hash. */
#define XXH_INLINE_ALL
#include <xxhash.h>

/* XXH_INLINE_ALL renames the functions by macros, which Swift does not see. */
static inline XXH128_hash_t cxxhash_128(const void *p, size_t n) { return XXH3_128bits(p, n); }
static inline unsigned long long cxxhash_64(const void *p, size_t n) { return XXH3_64bits(p, n); }
