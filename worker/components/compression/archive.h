/* ZIP archives of values: nothing is read from or written to a file by its name. */
#pragma once

#include "components/component.h"

#define ARCHIVE_MAX_ENTRIES 10000
#define ARCHIVE_NAME_MAX    KIB(4)

/* Of all files together, and of the archive: 500 MB, or 64 MB when values stay in memory. */
size_t archive_max_bytes(struct action_context *ctx);
struct archive_file {
    struct str name, data;
};
/* The bytes of an archive with these files, in the arena or, when large, the run's spills.
 * Names must be valid (archive_name_ok). */
int archive_write(struct action_context *ctx, const char *key, const struct archive_file *files,
                  size_t n, struct str *ret, struct err *err) must_check;
/* 1 to ARCHIVE_NAME_MAX bytes of UTF-8 without NUL. */
bool archive_name_ok(struct str name);
/* The files of an archive, in the arena or, when large, the run's spills; folders are left out.
 * Names stay as the archive has them,
 * ".." and leading slashes included: they are only names here. Fails when it is damaged, encrypted
 * or compressed in an unknown way, has too many entries, or holds more than it may, which its
 * directory says before anything is decompressed. */
int archive_read(struct action_context *ctx, const char *key, struct str bytes,
                 struct archive_file **ret_files, size_t *ret_n, struct err *err) must_check;
