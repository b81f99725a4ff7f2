/* Files put into the binary by common/embed.py. */
#pragma once

#include "base.h"

struct embed_file {
    const char *name; /* without folders */
    size_t len;
    const char *data; /* NUL-terminated beyond len */
};
