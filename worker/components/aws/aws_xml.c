/* Owns the XML of S3, SNS and STS: reading with libxml2 (no network, no entities of a document's
 * own, bounded size and depth) and writing the few documents that requests carry. Called on the
 * slot's thread. It refuses document types. */
#include "components/aws/aws_xml.h"

#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <pthread.h>

#include "components/change_data_format/xml_format.h"
#include "expr/value.h"

#define MAX_DEPTH 30
/* Bytes of values for one byte of text: "<a/>" is a member and its name, and the result of an
 * action is made of a copy of the members. */
#define GROWTH 80

static pthread_once_t xml_once = PTHREAD_ONCE_INIT;

static const struct aws_xml_rule *rule_of(const struct aws_xml_rule *rules, const char *element)
{
    for (const struct aws_xml_rule *r = rules; r && r->element; r++) {
        if (strcmp(r->element, element) == 0) {
            return r;
        }
    }
    return NULL;
}

/* --- reading -------------------------------------------------------------------------------------
 */

static void refuse_document_type(void *arg, const xmlChar *name, const xmlChar *public_id,
                                 const xmlChar *system_id)
{
    xmlParserCtxt *parser = arg;
    *(bool *)parser->_private = true;
    xmlStopParser(parser);
}

static struct str text_of(struct arena *a, const xmlNode *element)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, AWS_XML_MAX_BYTES);
    for (const xmlNode *node = element->children; node; node = node->next) {
        if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) {
            buf_adds(&b, node->content ? (const char *)node->content : "");
        }
    }
    return str_n(arena_strndup(a, b.len ? b.data : "", b.len), b.len);
}

static const xmlNode *first_element(const xmlNode *node)
{
    while (node && node->type != XML_ELEMENT_NODE) {
        node = node->next;
    }
    return node;
}

static struct json scalar(struct str text, enum aws_xml_kind kind)
{
    int64_t n;
    if (kind == AWS_XML_BOOL) {
        return json_bool(str_eq_ci(str_trim(text), STR("true")));
    }
    if (kind == AWS_XML_NUMBER && str_to_i64(str_trim(text), &n)) {
        return json_num((double)n);
    }
    return json_str(text);
}

static int read_element(struct arena *a, const struct aws_xml_rule *rules, const xmlNode *element,
                        enum aws_xml_kind kind, unsigned depth, struct json *ret);

static int read_items(struct arena *a, const struct aws_xml_rule *rules, const xmlNode *element,
                      unsigned depth, struct json *ret)
{
    struct json_builder items;
    json_build_array(&items, a);
    for (const xmlNode *node = first_element(element->children); node;
         node = first_element(node->next)) {
        struct json item;
        int rc = read_element(a, rules, node, AWS_XML_TEXT, depth + 1, &item);
        if (rc < 0) {
            return rc;
        }
        json_push(&items, item);
    }
    *ret = json_built(&items);
    return 0;
}

static void read_map(struct arena *a, const xmlNode *element, struct json *ret)
{
    struct json_builder map;
    json_build_object(&map, a);
    for (const xmlNode *entry = first_element(element->children); entry;
         entry = first_element(entry->next)) {
        const xmlNode *key = first_element(entry->children);
        const xmlNode *value = key ? first_element(key->next) : NULL;
        if (value) {
            json_set(&map, text_of(a, key), json_str(text_of(a, value)));
        }
    }
    *ret = json_built(&map);
}

/* The items so far of a repeated element, gathered where the first one stood. */
static int add_to_list(struct arena *a, const struct aws_xml_rule *rules, const xmlNode *first,
                       unsigned depth, struct json *ret)
{
    struct json_builder items;
    json_build_array(&items, a);
    for (const xmlNode *node = first; node; node = first_element(node->next)) {
        struct json item;
        if (!xmlStrEqual(node->name, first->name)) {
            continue;
        }
        int rc = read_element(a, rules, node, AWS_XML_TEXT, depth + 1, &item);
        if (rc < 0) {
            return rc;
        }
        json_push(&items, item);
    }
    *ret = json_built(&items);
    return 0;
}

static int read_members(struct arena *a, const struct aws_xml_rule *rules, const xmlNode *element,
                        unsigned depth, struct json *ret)
{
    struct json_builder object;
    json_build_object(&object, a);
    for (const xmlNode *node = first_element(element->children); node;
         node = first_element(node->next)) {
        const char *name = (const char *)node->name;
        const struct aws_xml_rule *rule = rule_of(rules, name);
        struct str key = str_of(arena_strdup(a, rule && rule->as ? rule->as : name));
        struct json value;
        int rc;
        if (rule && rule->kind == AWS_XML_LIST) {
            if (json_get(json_built(&object), key).type == JSON_ARRAY) {
                continue;
            }
            rc = add_to_list(a, rules, node, depth, &value);
        } else {
            rc = read_element(a, rules, node, rule ? rule->kind : AWS_XML_TEXT, depth + 1, &value);
        }
        if (rc < 0) {
            return rc;
        }
        json_set(&object, key, value);
    }
    *ret = json_built(&object);
    return 0;
}

static int read_element(struct arena *a, const struct aws_xml_rule *rules, const xmlNode *element,
                        enum aws_xml_kind kind, unsigned depth, struct json *ret)
{
    if (depth > MAX_DEPTH) {
        return -E2BIG;
    }
    if (kind == AWS_XML_ITEMS) {
        return read_items(a, rules, element, depth, ret);
    }
    if (kind == AWS_XML_MAP) {
        read_map(a, element, ret);
        return 0;
    }
    if (first_element(element->children)) {
        return read_members(a, rules, element, depth, ret);
    }
    *ret = scalar(text_of(a, element), kind);
    return 0;
}

int aws_xml_read(struct action_context *ctx, struct str text, const struct aws_xml_rule *rules,
                 struct str *ret_root, struct json *ret, struct err *err)
{
    (void)pthread_once(&xml_once, xmlInitParser);
    if (text.len > AWS_XML_MAX_BYTES) {
        return err_set(err, -EBADMSG, "aws.reply", "The answer is larger than 8 MB.");
    }
    if (!xml_attributes_fit(text)) {
        return err_set(err, -EBADMSG, "aws.reply",
                       "The answer has an element of very many attributes.");
    }
    int rc = action_room(ctx, text.len * GROWTH + KIB(64), err);
    if (rc < 0) {
        return rc;
    }
    struct arena *a = action_arena(ctx);
    bool has_type = false;
    xmlParserCtxt *parser = xmlNewParserCtxt();
    ASSERT(parser);
    parser->_private = &has_type;
    parser->sax->internalSubset = refuse_document_type;
    xmlDoc *doc = xmlCtxtReadMemory(parser, text.ptr, (int)text.len, NULL, "UTF-8",
                                    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    const xmlNode *root = doc && !has_type ? xmlDocGetRootElement(doc) : NULL;
    rc = root ? read_element(a, rules, root, AWS_XML_TEXT, 0, ret) : -EBADMSG;
    if (rc == 0) {
        *ret_root = str_of(arena_strdup(a, (const char *)root->name));
    } else {
        rc = err_set(err, -EBADMSG, "aws.reply", "The answer is not the XML it should be.");
    }
    xmlFreeDoc(doc);
    xmlFreeParserCtxt(parser);
    return rc;
}

/* --- writing -------------------------------------------------------------------------------------
 */

static bool add_text(struct buf *b, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '&') {
            buf_adds(b, "&amp;");
        } else if (c == '<') {
            buf_adds(b, "&lt;");
        } else if (c == '>') {
            buf_adds(b, "&gt;");
        } else if (c == '\r' || c == '\n' || c == '\t') {
            buf_addf(b, "&#%d;", c);
        } else if (c < ' ') {
            return false;
        } else {
            buf_addc(b, (char)c);
        }
    }
    return str_utf8_valid(text);
}

static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))) {
            return false;
        }
    }
    return name.len > 0;
}

static const struct aws_xml_rule *rule_as(const struct aws_xml_rule *rules, struct str member)
{
    for (const struct aws_xml_rule *r = rules; r && r->element; r++) {
        if (str_eq(str_of(r->as ? r->as : r->element), member)) {
            return r;
        }
    }
    return NULL;
}

static int write_value(struct action_context *ctx, struct buf *b, const struct aws_xml_rule *rules,
                       struct str name, struct json value, unsigned depth);

static int write_member(struct action_context *ctx, struct buf *b, const struct aws_xml_rule *rules,
                        const struct json_member *m, unsigned depth)
{
    const struct aws_xml_rule *rule = rule_as(rules, m->key);
    struct str name = rule ? str_of(rule->element) : m->key;
    if (m->value.type != JSON_ARRAY) {
        return write_value(ctx, b, rules, name, m->value, depth);
    }
    for (uint32_t i = 0; i < m->value.len; i++) {
        int rc = write_value(ctx, b, rules, name, m->value.items[i], depth);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int write_value(struct action_context *ctx, struct buf *b, const struct aws_xml_rule *rules,
                       struct str name, struct json value, unsigned depth)
{
    if (value.type == JSON_UNDEFINED || value.type == JSON_NULL) {
        return 0;
    }
    if (depth > MAX_DEPTH || !is_name(name) || value.type == JSON_ARRAY) {
        return -EINVAL;
    }
    buf_addf(b, "<%.*s>", (int)name.len, name.ptr);
    if (value.type == JSON_OBJECT) {
        for (uint32_t i = 0; i < value.len; i++) {
            int rc = write_member(ctx, b, rules, &value.members[i], depth + 1);
            if (rc < 0) {
                return rc;
            }
        }
    } else if (!add_text(b, value_to_text(action_arena(ctx), value))) {
        return -EINVAL;
    }
    buf_addf(b, "</%.*s>", (int)name.len, name.ptr);
    return 0;
}

int aws_xml_write(struct action_context *ctx, struct buf *b, const struct aws_xml_rule *rules,
                  struct str root, struct json value)
{
    return write_value(ctx, b, rules, root, value, 0);
}
