#ifndef PARTOO_CPCRE2_SHIM_H
#define PARTOO_CPCRE2_SHIM_H

// The 8-bit library; its functions are macros that Swift cannot see, so they are wrapped under plain names.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

static inline pcre2_code_8 *partoo_pcre2_compile(const uint8_t *pattern, size_t length, int *error, size_t *offset) {
    // A callout before each item, since nothing else tells how much work a match is.
    const uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_AUTO_CALLOUT;
    return pcre2_compile_8(pattern, length, options, error, offset, NULL);
}

#endif
