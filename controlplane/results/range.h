/* The Range header of a download (RFC 9110): one range of bytes. */
#pragma once

#include "str.h"

enum range_kind {
    RANGE_WHOLE,     /* no header, or one that is to be ignored */
    RANGE_PART,      /* [*ret_from, *ret_to) */
    RANGE_IMPOSSIBLE /* nothing of it is there: 416 */
};
enum range_kind range_parse(struct str header, uint64_t size, uint64_t *ret_from, uint64_t *ret_to);
