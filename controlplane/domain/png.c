/* Owns the check of icons: signature, the chain of chunks from header to end, and what the header
 * says. Any thread. It refuses whatever does not end where its last chunk ends, so that nothing can
 * be appended to an image. */
#include "domain/png.h"

#define CHUNK_OVERHEAD 12 /* length, type, checksum */
#define HEADER_LEN     13

static uint32_t number_at(struct str s, size_t at)
{
    const unsigned char *p = (const unsigned char *)s.ptr + at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int broken(struct err *err)
{
    return err_set(err, -EINVAL, "png.broken", "The PNG is damaged or not complete.");
}

/* The depths that each colour type allows, as bits. */
static bool is_known_color(unsigned depth, unsigned type)
{
    static const unsigned depths[] = {
        [0] = 1 | 2 | 4 | 8 | 16, [2] = 8 | 16, [3] = 1 | 2 | 4 | 8, [4] = 8 | 16, [6] = 8 | 16};
    bool is_power = depth != 0 && (depth & (depth - 1)) == 0;
    return type < ARRAY_LEN(depths) && is_power && (depths[type] & depth) != 0;
}

static int check_header(struct str header, struct err *err)
{
    uint32_t width = number_at(header, 0), height = number_at(header, 4);
    const unsigned char *rest = (const unsigned char *)header.ptr + 8;
    if (!is_known_color(rest[0], rest[1]) || rest[2] != 0 || rest[3] != 0 || rest[4] > 1) {
        return broken(err);
    }
    if (width != height) {
        return err_set(err, -EINVAL, "png.square", "The icon must be square; this one has %u x %u.",
                       width, height);
    }
    if (width < PNG_MIN_SIDE || width > PNG_MAX_SIDE) {
        return err_set(err, -EINVAL, "png.side",
                       "An icon has %d to %d pixels a side; this one has %u. It looks best from "
                       "400.",
                       PNG_MIN_SIDE, PNG_MAX_SIDE, width);
    }
    return 0;
}

int png_check(struct str bytes, struct err *err)
{
    static const char signature[] = "\x89PNG\r\n\x1a\n";
    struct str start = str_n(signature, sizeof(signature) - 1);
    bool has_image = false;
    if (bytes.len > PNG_MAX_BYTES) {
        return err_set(err, -EINVAL, "png.large", "The icon is larger than 2 MB.");
    }
    if (!str_starts(bytes, start)) {
        return err_set(err, -EINVAL, "png.type", "The icon must be a PNG file.");
    }
    size_t at = start.len;
    while (bytes.len - at >= CHUNK_OVERHEAD) {
        uint32_t len = number_at(bytes, at);
        struct str type = str_n(bytes.ptr + at + 4, 4);
        bool is_header = at == start.len;
        if (len > bytes.len - at - CHUNK_OVERHEAD ||
            is_header != (str_eq(type, STR("IHDR")) && len == HEADER_LEN)) {
            return broken(err);
        }
        int rc = is_header ? check_header(str_n(bytes.ptr + at + 8, len), err) : 0;
        if (rc != 0) {
            return rc;
        }
        has_image = has_image || str_eq(type, STR("IDAT"));
        at += CHUNK_OVERHEAD + len;
        if (str_eq(type, STR("IEND"))) {
            return has_image && at == bytes.len ? 0 : broken(err);
        }
    }
    return broken(err);
}
