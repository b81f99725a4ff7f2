/* Any bytes may be refused, but what is accepted is written as a text that is accepted again and
 * then written the same. */
#include "definition/definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct err_list errors;
    AUTO(definition_unref) struct definition *d = NULL;
    memset(&errors, 0, sizeof(errors));
    if (definition_parse(str_n((const char *)data, size), NULL, &d, &errors) < 0) {
        ASSERT(errors.n > 0);
        return 0;
    }
    AUTO(buf_done) struct buf first;
    AUTO(buf_done) struct buf second;
    buf_init(&first, DEFINITION_MAX_BYTES);
    buf_init(&second, DEFINITION_MAX_BYTES);
    definition_emit(d, NULL, &first);
    if (!first.full) {
        AUTO(definition_unref) struct definition *again = NULL;
        memset(&errors, 0, sizeof(errors));
        ASSERT(definition_parse(buf_str(&first), NULL, &again, &errors) == 0);
        definition_emit(again, NULL, &second);
        ASSERT(str_eq(buf_str(&first), buf_str(&second)));
    }
    return 0;
}
