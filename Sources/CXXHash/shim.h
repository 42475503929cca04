/* Inlined: a row costs two hashes, and a call through the PLT costs as much as the hash. */
#define XXH_INLINE_ALL
#include <xxhash.h>

/* XXH_INLINE_ALL renames the functions by macros, which Swift does not see. */
static inline XXH128_hash_t cxxhash_128(const void *p, size_t n) { return XXH3_128bits(p, n); }
static inline unsigned long long cxxhash_64(const void *p, size_t n) { return XXH3_64bits(p, n); }

/* A hash of bytes that come in pieces; the state is large and aligned, so it is made here. */
static inline void *cxxhash_new(void) {
    XXH3_state_t *state = XXH3_createState();
    if (state) XXH3_128bits_reset(state);
    return state;
}
static inline void cxxhash_update(void *state, const void *p, size_t n) { XXH3_128bits_update((XXH3_state_t *)state, p, n); }
static inline XXH128_hash_t cxxhash_finish(void *state) { return XXH3_128bits_digest((XXH3_state_t *)state); }
/* The same in 64 bits. */
static inline void *cxxhash_new_64(void) {
    XXH3_state_t *state = XXH3_createState();
    if (state) XXH3_64bits_reset(state);
    return state;
}
static inline void cxxhash_update_64(void *state, const void *p, size_t n) { XXH3_64bits_update((XXH3_state_t *)state, p, n); }
static inline unsigned long long cxxhash_finish_64(void *state) { return XXH3_64bits_digest((XXH3_state_t *)state); }
static inline void cxxhash_free(void *state) { XXH3_freeState((XXH3_state_t *)state); }
