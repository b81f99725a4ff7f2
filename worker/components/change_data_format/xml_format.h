/* XML as values and back. Elements become members, doubled ones lists, attributes members with "@_"
 * before their name, and text beside them the member "#text". */
#pragma once

#include "components/component.h"

/* The document of an input as {"root": ...}. Texts that are plain decimal numbers become numbers
 * unless numbers_as_strings. Document types, and so all entities of a document's own, are refused.
 */
int xml_read(struct action_context *ctx, const char *key, struct json input,
             bool numbers_as_strings, struct json *ret, struct err *err) must_check;
/* What must hold before libxml2 may read the input, and the encoding that it is to take, whatever
 * the document declares. */
int xml_guard(struct action_context *ctx, const char *key, struct json input,
              const char **ret_encoding, struct err *err) must_check;
/* Whether no element has so many attributes that reading it takes long; of text in UTF-8. */
bool xml_attributes_fit(struct str text);
/* Text of an object, indented by two blanks, without an XML declaration. */
int xml_write(struct action_context *ctx, const char *key, struct json value, struct buf *b,
              struct err *err) must_check;
