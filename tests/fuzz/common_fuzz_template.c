/* Templates: what is not a placeholder comes out as it went in. */
#include "expr/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_free) struct arena *a = arena_new(0, 0);
    AUTO(buf_done) struct buf whole;
    struct str text = str_n((const char *)data, size);
    struct template *t;
    buf_init(&whole, 0);
    if (template_compile(a, text, &t, NULL) < 0) {
        return 0;
    }
    for (size_t i = 0; i < t->n_parts; i++) {
        const struct template_part *part = &t->parts[i];
        ASSERT((part->type == TEMPLATE_REFERENCE) == (part->path != NULL));
        if (part->type != TEMPLATE_TEXT) {
            buf_adds(&whole, part->type == TEMPLATE_CONFIG_VAR ? "{{#" : "{{$");
        }
        buf_add_str(&whole, part->text);
        if (part->type != TEMPLATE_TEXT) {
            buf_adds(&whole, "}}");
        }
    }
    ASSERT(str_eq(buf_str(&whole), text));
    return 0;
}
