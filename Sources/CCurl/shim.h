#include <curl/curl.h>

/* curl_easy_setopt is variadic. */
static inline CURLcode ccurl_set_string(CURL *h, CURLoption o, const char *v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode ccurl_set_long(CURL *h, CURLoption o, long v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode ccurl_set_pointer(CURL *h, CURLoption o, void *v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode ccurl_response_code(CURL *h, long *v) { return curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, v); }
