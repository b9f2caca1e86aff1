#ifndef PARTOO_CCURL_SHIM_H
#define PARTOO_CCURL_SHIM_H

// Swift calls no variadic C function: one wrapper for each type of argument. No logic here.
#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

static inline CURLcode partoo_easy_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode partoo_easy_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode partoo_easy_set_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode partoo_easy_set_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}
static inline CURLcode partoo_easy_set_data(CURL *handle, CURLoption option, curl_write_callback function) {
    return curl_easy_setopt(handle, option, function);
}
static inline CURLcode partoo_easy_set_open_socket(CURL *handle, curl_opensocket_callback function) {
    return curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, function);
}
static inline CURLcode partoo_easy_set_ssl_context(CURL *handle, curl_ssl_ctx_callback function) {
    return curl_easy_setopt(handle, CURLOPT_SSL_CTX_FUNCTION, function);
}
static inline CURLcode partoo_easy_set_prerequest(CURL *handle, curl_prereq_callback function) {
    return curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, function);
}
static inline CURLcode partoo_easy_get_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode partoo_easy_get_offset(CURL *handle, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode partoo_easy_get_string(CURL *handle, CURLINFO info, const char **value) {
    return curl_easy_getinfo(handle, info, value);
}
static inline CURLcode partoo_easy_get_session(CURL *handle, const struct curl_tlssessioninfo **value) {
    return curl_easy_getinfo(handle, CURLINFO_TLS_SSL_PTR, value);
}
static inline CURLMcode partoo_multi_set_long(CURLM *handle, CURLMoption option, long value) {
    return curl_multi_setopt(handle, option, value);
}
static inline CURLMcode partoo_multi_set_pointer(CURLM *handle, CURLMoption option, void *value) {
    return curl_multi_setopt(handle, option, value);
}
static inline CURLMcode partoo_multi_set_socket(CURLM *handle, curl_socket_callback function) {
    return curl_multi_setopt(handle, CURLMOPT_SOCKETFUNCTION, function);
}
static inline CURLMcode partoo_multi_set_timer(CURLM *handle, curl_multi_timer_callback function) {
    return curl_multi_setopt(handle, CURLMOPT_TIMERFUNCTION, function);
}
static inline CURLcode partoo_message_result(const CURLMsg *message) { return message->data.result; }

// Macros of OpenSSL.
static inline int partoo_chain_count(const STACK_OF(X509) *chain) { return sk_X509_num(chain); }
static inline X509 *partoo_chain_item(const STACK_OF(X509) *chain, int index) { return sk_X509_value(chain, index); }
static inline int partoo_ssl_without_atexit(void) { return OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL); }

#endif
