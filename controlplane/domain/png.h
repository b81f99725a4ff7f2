/* Whether bytes are a PNG that may be an icon: its parts and header, without unpacking it. Pure. */
#pragma once

#include "err.h"
#include "str.h"

#define PNG_MAX_BYTES MIB(2)
#define PNG_MIN_SIDE  32
#define PNG_MAX_SIDE  4096

/* A square PNG within these bounds; -EINVAL, and the words say what is wrong with it. */
int png_check(struct str bytes, struct err *err) must_check;
