/* Owns the actions on compressed data: ZIP archives, gzip, and deflate. Pure, on the slot's thread,
 * over values only. Files ({data, contentType}) stand for their data; results are such files. */
#include "components/compression/archive.h"
#include "components/compression/streams.h"
#include "components/registry.h"
#include "components/remote_file.h"
#include "expr/value.h"

static const char *const formats[] = {"zlib", "raw", NULL};

#define FILE_INPUT(k, word, about)                                                                 \
    {                                                                                              \
        .key = k, .label = word, .type = CATALOG_TEXT, .comments = about                           \
    }
#define PACKED_INPUT(k, word, about)                                                               \
    {                                                                                              \
        .key = k, .label = word, .type = CATALOG_TEXT, .required = true, .comments = about         \
    }
#define LEVEL_INPUT                                                                                \
    {                                                                                              \
        .key = "level", .label = "Level", .type = CATALOG_NUMBER, .fallback = "6",                 \
        .comments = "1 is fastest, 9 makes the smallest result.",                                  \
    }
#define FORMAT_INPUT                                                                               \
    {                                                                                              \
        .key = "format", .label = "Format", .type = CATALOG_STRING, .fallback = "zlib",            \
        .choices = formats,                                                                        \
        .comments = "zlib has a header and a checksum, as HTTP's deflate; raw has neither.",       \
    }
#define DATA_TYPE_INPUT                                                                            \
    {                                                                                              \
        .key = "contentType", .label = "Content Type", .type = CATALOG_STRING,                     \
        .fallback = "application/octet-stream", .comments = "The content type of what comes out.", \
        .example = "text/csv",                                                                     \
    }
static const struct action_input gzip_inputs[] = {
    FILE_INPUT("fileData", "File Data", "The text or file to compress."),
    LEVEL_INPUT,
    {0},
};
static const struct action_input gunzip_inputs[] = {
    PACKED_INPUT("gzipFileData", "Gzip File Data", "The gzip file to decompress."),
    DATA_TYPE_INPUT,
    {0},
};
static const struct action_input deflate_inputs[] = {
    FILE_INPUT("fileData", "File Data", "The text or file to compress."),
    FORMAT_INPUT,
    LEVEL_INPUT,
    {0},
};
static const struct action_input inflate_inputs[] = {
    PACKED_INPUT("deflatedData", "Deflated Data", "The compressed data to decompress."),
    FORMAT_INPUT,
    DATA_TYPE_INPUT,
    {0},
};
static const struct action_input zip_inputs[] = {
    {
        .key = "files",
        .label = "Files",
        .type = CATALOG_JSON,
        .required = true,
        .comments = "An object with the names of the files as keys and their contents as values, "
                    "or a list of {name, data}.",
        .example = "{\"report.csv\": \"name,city\", \"notes/a.txt\": \"Hello\"}",
    },
    {0},
};
static const struct action_input unzip_inputs[] = {
    PACKED_INPUT("zipFileData", "Zip File Data", "The ZIP archive to read."),
    {0},
};

static int give_file(struct action_context *ctx, struct str bytes, const char *type,
                     struct action_result *ret, struct err *err)
{
    int rc = action_room(ctx, KIB(1), err);
    if (rc < 0) {
        return rc;
    }
    struct json_builder file;
    json_build_object(&file, action_arena(ctx));
    json_append(&file, STR("data"), json_binary(bytes));
    json_append(&file, STR("contentType"), json_cstr(type));
    ret->data = json_built(&file);
    ret->content_type = type;
    return 0;
}

/* --- streams --------------------------------------------------------------------------------- */

static int read_format(struct action_context *ctx, enum stream_format *ret, struct err *err)
{
    struct str text;
    int rc = action_input_text(ctx, "format", &text, err);
    if (rc < 0) {
        return rc;
    }
    text = str_trim(text);
    if (!str_eq_ci(text, STR("zlib")) && !str_eq_ci(text, STR("raw"))) {
        return action_input_error(ctx, "format", err, "must be zlib or raw.");
    }
    *ret = str_eq_ci(text, STR("raw")) ? STREAM_RAW : STREAM_ZLIB;
    return 0;
}

static int compress_as(struct action_context *ctx, enum stream_format format, const char *type,
                       struct action_result *ret, struct err *err)
{
    struct str bytes, packed;
    int64_t level;
    int rc = action_input_text(ctx, "fileData", &bytes, err);
    if (rc == 0) {
        rc = action_input_int(ctx, "level", 1, 9, &level, err);
    }
    if (rc == 0) {
        rc = stream_compress(ctx, "fileData", format, (int)level, bytes, &packed, err);
    }
    return rc < 0 ? rc : give_file(ctx, packed, type, ret, err);
}

static int decompress_as(struct action_context *ctx, const char *key, enum stream_format format,
                         struct action_result *ret, struct err *err)
{
    struct str packed, bytes, type;
    int rc = action_input_text(ctx, key, &packed, err);
    if (rc == 0) {
        rc = action_input_text(ctx, "contentType", &type, err);
    }
    if (rc == 0) {
        rc = stream_decompress(ctx, key, format, packed, &bytes, err);
    }
    if (rc == 0) {
        rc = action_room(ctx, type.len + 32, err);
    }
    if (rc < 0) {
        return rc;
    }
    return give_file(ctx, bytes, arena_strndup(action_arena(ctx), type.ptr, type.len), ret, err);
}

static int compress_gzip(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return compress_as(ctx, STREAM_GZIP, "application/gzip", ret, err);
}

static int decompress_gzip(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    return decompress_as(ctx, "gzipFileData", STREAM_GZIP, ret, err);
}

static int compress_deflate(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    enum stream_format format = STREAM_ZLIB;
    int rc = read_format(ctx, &format, err);
    return rc < 0 ? rc
                  : compress_as(ctx, format,
                                format == STREAM_ZLIB ? "application/zlib"
                                                      : "application/octet-stream",
                                ret, err);
}

static int decompress_deflate(struct action_context *ctx, struct action_result *ret,
                              struct err *err)
{
    enum stream_format format = STREAM_ZLIB;
    int rc = read_format(ctx, &format, err);
    return rc < 0 ? rc : decompress_as(ctx, "deflatedData", format, ret, err);
}

/* --- archives -------------------------------------------------------------------------------- */

/* Text, bytes, a file, or any other value as JSON. */
static struct str content_of(struct action_context *ctx, struct json v)
{
    if (v.type == JSON_OBJECT && json_get(v, STR("contentType")).type == JSON_STRING &&
        json_get(v, STR("data")).type != JSON_UNDEFINED) {
        v = json_get(v, STR("data"));
    }
    if (v.type == JSON_BINARY || v.type == JSON_STRING) {
        return json_as_str(v);
    }
    return json_is_nullish(v) ? STR("") : value_to_text(action_arena(ctx), v);
}

static int named_file(struct action_context *ctx, struct str name, struct json content,
                      size_t *total, struct archive_file *ret, struct err *err)
{
    if (!archive_name_ok(name)) {
        return action_input_error(ctx, "files", err,
                                  "\"%.*s\" cannot be the name of a file: a name is text of 1 to "
                                  "%zu bytes.",
                                  (int)MIN(name.len, (size_t)60), name.ptr,
                                  (size_t)ARCHIVE_NAME_MAX);
    }
    struct str data = content_of(ctx, content);
    *total += data.len;
    if (*total > archive_max_bytes(ctx)) {
        return action_input_error(ctx, "files", err, "are larger than %zu MB together.",
                                  archive_max_bytes(ctx) / MIB(1));
    }
    *ret = (struct archive_file){name, data};
    return 0;
}

/* An item {name, data} of a list. */
static int listed_file(struct action_context *ctx, struct json item, uint32_t i, size_t *total,
                       struct archive_file *ret, struct err *err)
{
    struct json name = json_get(item, STR("name"));
    if (name.type != JSON_STRING || json_get(item, STR("data")).type == JSON_UNDEFINED) {
        return action_input_error(ctx, "files", err, "item %u must be {name, data}.", i + 1);
    }
    return named_file(ctx, json_as_str(name), json_get(item, STR("data")), total, ret, err);
}

static int read_files(struct action_context *ctx, struct json v, struct archive_file *files,
                      struct err *err)
{
    size_t total = 0;
    int rc = 0;
    for (uint32_t i = 0; i < v.len && rc == 0; i++) {
        if (v.type == JSON_ARRAY) {
            rc = listed_file(ctx, v.items[i], i, &total, &files[i], err);
        } else {
            rc = named_file(ctx, v.members[i].key, v.members[i].value, &total, &files[i], err);
        }
    }
    return rc;
}

static int zip(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct json v;
    struct str bytes;
    int rc = action_input_value(ctx, "files", &v, err);
    if (rc < 0) {
        return rc;
    }
    v = v.type == JSON_STRING ? value_parse_json(action_arena(ctx), v) : v;
    if ((v.type != JSON_OBJECT && v.type != JSON_ARRAY) || v.len == 0) {
        return action_input_error(ctx, "files", err,
                                  "must be an object of names and contents, or a list of {name, "
                                  "data}, with at least one file.");
    }
    if (v.len > ARCHIVE_MAX_ENTRIES) {
        return action_input_error(ctx, "files", err, "are more than %d.", ARCHIVE_MAX_ENTRIES);
    }
    struct archive_file *files = mem_array(v.len, sizeof(*files));
    rc = read_files(ctx, v, files, err);
    if (rc == 0) {
        rc = archive_write(ctx, "files", files, v.len, &bytes, err);
    }
    mem_free(files);
    return rc < 0 ? rc : give_file(ctx, bytes, "application/zip", ret, err);
}

static int unzip(struct action_context *ctx, struct action_result *ret, struct err *err)
{
    struct str bytes;
    struct archive_file *files;
    size_t n;
    int rc = action_input_text(ctx, "zipFileData", &bytes, err);
    if (rc == 0) {
        rc = archive_read(ctx, "zipFileData", bytes, &files, &n, err);
    }
    if (rc == 0) {
        rc = action_room(ctx, n * (sizeof(struct json) + 3 * sizeof(struct json_member)) + 64, err);
    }
    if (rc < 0) {
        return rc;
    }
    struct arena *a = action_arena(ctx);
    struct json *items = arena_array(a, n, sizeof(*items) + 3 * sizeof(struct json_member));
    struct json_member *members = (struct json_member *)(void *)(items + n);
    for (size_t i = 0; i < n; i++) {
        members[0] = (struct json_member){STR("name"), json_str(files[i].name)};
        members[1] = (struct json_member){STR("data"), json_binary(files[i].data)};
        members[2] =
            (struct json_member){STR("contentType"), json_cstr(remote_file_type(files[i].name))};
        items[i] = json_object(members, 3);
        members += 3;
    }
    ret->data = json_array(items, n);
    return 0;
}

static const struct action actions[] = {
    {
        .key = "compressDeflate",
        .label = "Compress Deflate",
        .description = "Compresses a text or file with deflate.",
        .inputs = deflate_inputs,
        .example = "{\"data\": \"eJzLSM3JyQcABiwCFQ==\", \"contentType\": \"application/zlib\"}",
        .perform = compress_deflate,
    },
    {
        .key = "compressGzip",
        .label = "Compress Gzip",
        .description = "Compresses a text or file with gzip.",
        .inputs = gzip_inputs,
        .example = "{\"data\": \"H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==\", \"contentType\": "
                   "\"application/gzip\"}",
        .perform = compress_gzip,
    },
    {
        .key = "decompressDeflate",
        .label = "Decompress Deflate",
        .description = "Decompresses deflated data, at most 500 MB of it.",
        .inputs = inflate_inputs,
        .example = "{\"data\": \"aGVsbG8=\", \"contentType\": \"text/plain\"}",
        .perform = decompress_deflate,
    },
    {
        .key = "decompressGzip",
        .label = "Decompress Gzip",
        .description = "Decompresses a gzip file, at most 500 MB of it.",
        .inputs = gunzip_inputs,
        .example = "{\"data\": \"aGVsbG8=\", \"contentType\": \"text/plain\"}",
        .perform = decompress_gzip,
    },
    {
        .key = "unzip",
        .label = "Unzip",
        .description = "Reads the files of a ZIP archive: at most 10000, of 500 MB together. Names "
                       "are as the archive has them; folders are left out.",
        .inputs = unzip_inputs,
        .example = "[{\"name\": \"notes/a.txt\", \"data\": \"SGVsbG8=\", \"contentType\": "
                   "\"text/plain\"}]",
        .perform = unzip,
    },
    {
        .key = "zip",
        .label = "Zip",
        .description = "Puts files into a ZIP archive.",
        .inputs = zip_inputs,
        .example = "{\"data\": \"UEsDBBQAAAAAAA==\", \"contentType\": \"application/zip\"}",
        .perform = zip,
    },
    {0},
};

const struct component component_zip = {
    .key = "zip",
    .label = "Zip and Compression",
    .description = "Compresses and decompresses data and ZIP archives.",
    .category = "Data",
    .version = 1,
    .actions = actions,
};
