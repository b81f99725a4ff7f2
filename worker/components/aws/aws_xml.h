/* XML of the AWS services as values and back, by tables that say what the elements mean. */
#pragma once

#include "components/component.h"

enum aws_xml_kind {
    AWS_XML_TEXT,
    AWS_XML_NUMBER,
    AWS_XML_BOOL,
    AWS_XML_LIST,  /* repeated in its parent: one array there */
    AWS_XML_ITEMS, /* its children are the items of an array */
    AWS_XML_MAP,   /* its children are <entry><key/><value/></entry> of an object */
};
/* One element; rows are tried in order, elements without a row are texts or objects. */
struct aws_xml_rule {
    const char *element;
    const char *as; /* name of the member; NULL = the element's */
    enum aws_xml_kind kind;
};
#define AWS_XML_MAX_BYTES MIB(8) /* 1,000 keys of 1,024 bytes, encoded, are 4 */

/* The root element's name and content. Attributes and namespaces are dropped; an element without
 * children is its text, untrimmed. -EBADMSG ("aws.reply") for what is no XML, has a document type
 * or is nested too deeply. */
int aws_xml_read(struct action_context *ctx, struct str text, const struct aws_xml_rule *rules,
                 struct str *ret_root, struct json *ret, struct err *err) must_check;
/* Appends <root>...</root> of an object; members by their `as`. -EINVAL without words when a text
 * holds what XML cannot; `full` of the buffer is the caller's. */
int aws_xml_write(struct action_context *ctx, struct buf *b, const struct aws_xml_rule *rules,
                  struct str root, struct json value) must_check;
