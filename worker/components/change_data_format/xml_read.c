/* Owns reading XML with libxml2: no network, no entities beyond the five of XML, no document types,
 * bounded size and depth. Called on the slot's thread. */
#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <pthread.h>

#include "components/change_data_format/grouping.h"
#include "components/change_data_format/xml_format.h"
#include "expr/value.h"

#define XML_MAX_BYTES MIB(16)
#define XML_MAX_DEPTH 150
#define XML_GROWTH    64 /* bytes of values for one byte of text: "<a></a>" is a builder's start */

static pthread_once_t xml_once = PTHREAD_ONCE_INIT;

static void refuse_document_type(void *arg, const xmlChar *name, const xmlChar *public_id,
                                 const xmlChar *system_id)
{
    xmlParserCtxt *parser = arg;
    *(bool *)parser->_private = true;
    xmlStopParser(parser);
}

/* libxml2 writes some of its errors to stderr, whatever its options say. */
static void on_error(void *arg, xmlError *error)
{
    (void)arg;
    (void)error; /* kept in the parser as well */
}

struct reader {
    struct arena *arena;
    bool numbers_as_strings;
};

static struct str copy(struct arena *a, const xmlChar *text)
{
    const char *s = (const char *)text;
    return s ? str_of(arena_strdup(a, s)) : STR("");
}

/* "prefix:name", as in the document. */
static struct str name_of(struct arena *a, const xmlNs *ns, const xmlChar *name)
{
    if (ns && ns->prefix) {
        return str_of(arena_printf(a, "%s:%s", (const char *)ns->prefix, (const char *)name));
    }
    return copy(a, name);
}

/* -?digits[.digits], without needless zeros and short enough to come out again as it was. */
static bool is_plain_number(struct str s)
{
    size_t i = s.len && s.ptr[0] == '-' ? 1 : 0, whole = 0, decimals = 0;
    bool zero = i < s.len && s.ptr[i] == '0';
    while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9') {
        i++;
        whole++;
    }
    if (i < s.len && s.ptr[i] == '.') {
        for (i++; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++) {
            decimals++;
        }
        if (decimals == 0) {
            return false;
        }
    }
    return i == s.len && whole > 0 && (whole == 1 || !zero) && whole + decimals <= 15;
}

static struct json scalar(const struct reader *r, struct str text)
{
    struct str trimmed = str_trim(text);
    if (!r->numbers_as_strings) {
        if (is_plain_number(trimmed)) {
            return json_num(value_to_number(json_str(trimmed)));
        }
        if (str_eq(trimmed, STR("true")) || str_eq(trimmed, STR("false"))) {
            return json_bool(trimmed.len == 4);
        }
    }
    return json_str(trimmed);
}

static int read_element(const struct reader *r, xmlNode *element, unsigned depth, struct json *ret);

static void add_attributes(const struct reader *r, const xmlNode *element,
                           struct json_builder *object)
{
    for (const xmlNs *ns = element->nsDef; ns; ns = ns->next) {
        const char *prefix = (const char *)ns->prefix;
        const char *key =
            arena_printf(r->arena, "@_xmlns%s%s", prefix ? ":" : "", prefix ? prefix : "");
        json_set(object, str_of(key), json_str(copy(r->arena, ns->href)));
    }
    for (xmlAttr *attr = element->properties; attr; attr = attr->next) {
        struct str name = name_of(r->arena, attr->ns, attr->name);
        const char *key = arena_printf(r->arena, "@_%.*s", (int)name.len, name.ptr);
        xmlChar *value = xmlNodeListGetString(element->doc, attr->children, 1);
        json_set(object, str_of(key), scalar(r, copy(r->arena, value)));
        xmlFree(value);
    }
}

static int add_children(const struct reader *r, xmlNode *element, unsigned depth,
                        struct json_builder *object)
{
    size_t n = 0;
    for (xmlNode *node = element->children; node; node = node->next) {
        n += node->type == XML_ELEMENT_NODE ? 1 : 0;
    }
    struct named_value *children = mem_array(n, sizeof(*children));
    int rc = 0;
    n = 0;
    for (xmlNode *node = element->children; rc == 0 && node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE) {
            children[n].name = name_of(r->arena, node->ns, node->name);
            rc = read_element(r, node, depth + 1, &children[n].value);
            n++;
        }
    }
    if (rc == 0) {
        grouping_append(object, children, n);
    }
    mem_free(children);
    return rc;
}

static struct str text_of(const struct reader *r, const xmlNode *element)
{
    AUTO(buf_done) struct buf b = {0};
    buf_init(&b, XML_MAX_BYTES);
    for (const xmlNode *node = element->children; node; node = node->next) {
        if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) {
            buf_adds(&b, node->content ? (const char *)node->content : "");
        }
    }
    return str_n(arena_strndup(r->arena, b.len ? b.data : "", b.len), b.len);
}

static int read_element(const struct reader *r, xmlNode *element, unsigned depth, struct json *ret)
{
    if (depth > XML_MAX_DEPTH) {
        return -E2BIG;
    }
    struct json_builder object;
    json_build_object(&object, r->arena);
    add_attributes(r, element, &object);
    int rc = add_children(r, element, depth, &object);
    if (rc < 0) {
        return rc;
    }
    struct str text = text_of(r, element);
    if (object.len == 0) {
        *ret = scalar(r, text);
        return 0;
    }
    if (str_trim(text).len) {
        json_append(&object, STR("#text"), scalar(r, text));
    }
    *ret = json_built(&object);
    return 0;
}

static int explain(struct action_context *ctx, const char *key, const xmlParserCtxt *parser,
                   bool has_type, struct err *err)
{
    if (has_type) {
        return action_input_error(ctx, key, err,
                                  "has a document type (DOCTYPE), which is not accepted. Remove "
                                  "it before this step.");
    }
    const xmlError *e = &parser->lastError;
    int len = e->message ? (int)strcspn(e->message, "\n") : 0;
    return action_input_error(ctx, key, err, "is not well-formed XML: line %d: %.*s.", e->line,
                              MIN(len, 200), e->message ? e->message : "");
}

int xml_read(struct action_context *ctx, const char *key, struct json input,
             bool numbers_as_strings, struct json *ret, struct err *err)
{
    (void)pthread_once(&xml_once, xmlInitParser);
    struct str text = json_as_str(input);
    if (text.len > XML_MAX_BYTES) {
        return action_input_error(ctx, key, err, "is larger than 16 MB.");
    }
    const char *encoding = NULL;
    int rc = action_room(ctx, text.len * XML_GROWTH + KIB(64), err);
    if (rc == 0) {
        rc = xml_guard(ctx, key, input, &encoding, err);
    }
    if (rc < 0) {
        return rc;
    }
    bool has_type = false;
    xmlSetStructuredErrorFunc(NULL, on_error); /* of this thread */
    xmlParserCtxt *parser = xmlNewParserCtxt();
    ASSERT(parser);
    parser->_private = &has_type;
    parser->sax->internalSubset = refuse_document_type;
    xmlDoc *doc = xmlCtxtReadMemory(parser, text.ptr, (int)text.len, NULL, encoding,
                                    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    if (!root || has_type) {
        rc = explain(ctx, key, parser, has_type, err);
    } else {
        struct reader r = {action_arena(ctx), numbers_as_strings};
        struct json_member *member = arena_new_of(r.arena, struct json_member);
        member->key = name_of(r.arena, root->ns, root->name);
        rc = read_element(&r, root, 0, &member->value);
        *ret = json_object(member, 1);
        if (rc == -E2BIG) {
            rc = action_input_error(ctx, key, err, "is nested deeper than %d elements.",
                                    XML_MAX_DEPTH);
        }
    }
    xmlFreeDoc(doc);
    xmlFreeParserCtxt(parser);
    return rc;
}
