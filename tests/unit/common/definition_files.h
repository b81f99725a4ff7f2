/* Test-only: reading fixture files, and parsing with readable failures. */
#pragma once

#include "definition/definition.h"

static char *file_read(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        return NULL;
    }
    char *data = NULL;
    size_t len = 0, got;
    do {
        data = mem_realloc(data, len + 65536 + 1);
        got = fread(data + len, 1, 65536, f);
        len += got;
    } while (got > 0);
    fclose(f);
    data[len] = '\0';
    *ret_len = len;
    return data;
}

static unused char *fixture_read(const char *name, size_t *ret_len)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/tests/fixtures/definitions/%s", TEST_SOURCE_ROOT, name);
    char *data = file_read(path, ret_len);
    assert_non_null(data);
    return data;
}

static unused struct definition *parse_ok(struct str text)
{
    struct err_list *errors = mem_new(struct err_list);
    struct definition *d = NULL;
    int rc = definition_parse(text, NULL, &d, errors);
    for (int i = 0; rc < 0 && i < errors->n; i++) {
        print_error("%d:%d %s: %s\n", errors->items[i].line, errors->items[i].column,
                    errors->items[i].field, errors->items[i].message);
    }
    assert_int_equal(rc, 0);
    mem_free(errors);
    return d;
}
