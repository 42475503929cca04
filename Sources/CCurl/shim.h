#include <curl/curl.h>

/* libcurl is not linked but loaded when it is used: every start of the tool would pay for it (4 ms).
   curl_easy_setopt and curl_easy_getinfo are variadic: they can be called right only from C, through the pointers that
   dlsym gives. */
typedef CURLcode (*ccurl_setopt)(CURL *, CURLoption, ...);
typedef CURLcode (*ccurl_getinfo)(CURL *, CURLINFO, ...);

static inline CURLcode ccurl_set_string(void *f, CURL *h, CURLoption o, const char *v) {
    return ((ccurl_setopt)f)(h, o, v);
}
static inline CURLcode ccurl_set_long(void *f, CURL *h, CURLoption o, long v) { return ((ccurl_setopt)f)(h, o, v); }
static inline CURLcode ccurl_set_pointer(void *f, CURL *h, CURLoption o, const void *v) {
    return ((ccurl_setopt)f)(h, o, v);
}
static inline size_t ccurl_ignore(char *bytes, size_t size, size_t count, void *context) { return size * count; }
/* Without this, libcurl writes the response to stdout. */
static inline CURLcode ccurl_ignore_response(void *f, CURL *h) {
    return ((ccurl_setopt)f)(h, CURLOPT_WRITEFUNCTION, ccurl_ignore);
}
static inline CURLcode ccurl_response_code(void *f, CURL *h, long *v) {
    return ((ccurl_getinfo)f)(h, CURLINFO_RESPONSE_CODE, v);
}
