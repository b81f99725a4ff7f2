/* XML of AWS: it is refused with words, or becomes a value that can be written, and what was
 * written is read again. The first byte chooses whether its elements have a meaning. */
#include "action_harness.h"
#include "components/aws/aws_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct aws_xml_rule own_rules[] = {
    {"List", "Lists", AWS_XML_LIST}, {"Items", NULL, AWS_XML_ITEMS}, {"Map", NULL, AWS_XML_MAP},
    {"N", "Number", AWS_XML_NUMBER}, {"Bool", NULL, AWS_XML_BOOL},   {0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > KIB(64)) {
        return 0;
    }
    AUTO(arena_free) struct arena *a = arena_new(0, MIB(256));
    struct action_context ctx = {.arena = a};
    const struct aws_xml_rule *rules = data[0] & 1 ? own_rules : NULL;
    struct str root, text = str_n((const char *)data + 1, size - 1);
    struct json value, again;
    struct err err;
    err_clear(&err);
    if (aws_xml_read(&ctx, text, rules, &root, &value, &err) < 0) {
        ASSERT(err.code[0] && err.message[0]);
        return 0;
    }
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, 0);
    if (aws_xml_write(&ctx, &b, rules, root, value) == 0) {
        ASSERT(aws_xml_read(&ctx, buf_str(&b), rules, &root, &again, &err) == 0);
    }
    return 0;
}
