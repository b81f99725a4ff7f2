/* Compressed data and archives: they are refused, or hold what can be compressed again and comes
 * out the same. The first byte chooses the action. */
#include "action_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define C (&component_zip)

static void stream(struct arena *a, struct json bytes, bool gzip, const char *format)
{
    struct json_member in[] = {{gzip ? STR("gzipFileData") : STR("deflatedData"), bytes},
                               {STR("contentType"), json_cstr("text/plain")},
                               {STR("format"), json_cstr(format)},
                               {{0}, {0}}};
    struct json first, packed, second;
    if (harness_run(C, gzip ? "decompressGzip" : "decompressDeflate", a, in, &first) < 0) {
        return;
    }
    struct json_member out[] = {{STR("fileData"), first},
                                {STR("level"), json_num(1)},
                                {STR("format"), json_cstr(format)},
                                {{0}, {0}}};
    ASSERT(harness_run(C, gzip ? "compressGzip" : "compressDeflate", a, out, &packed) == 0);
    in[0].value = packed;
    ASSERT(harness_run(C, gzip ? "decompressGzip" : "decompressDeflate", a, in, &second) == 0);
    ASSERT(json_equal(first, second));
}

static void archive(struct arena *a, struct json bytes)
{
    struct json_member in[] = {{STR("zipFileData"), bytes}, {{0}, {0}}};
    struct json first, packed, second;
    if (harness_run(C, "unzip", a, in, &first) < 0) {
        return;
    }
    struct json_member out[] = {{STR("files"), first}, {{0}, {0}}};
    if (harness_run(C, "zip", a, out, &packed) < 0) {
        return; /* names that stand twice or are none */
    }
    in[0].value = packed;
    ASSERT(harness_run(C, "unzip", a, in, &second) == 0);
    ASSERT(second.len <= first.len); /* names that end with a slash become folders */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > KIB(64)) {
        return 0;
    }
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(512));
    struct json bytes = json_binary(str_n((const char *)data + 1, size - 1));
    switch (data[0] % 4) {
    case 0:
        stream(a, bytes, true, "zlib");
        break;
    case 1:
        stream(a, bytes, false, "zlib");
        break;
    case 2:
        stream(a, bytes, false, "raw");
        break;
    case 3:
        archive(a, bytes);
        break;
    }
    return 0;
}
