/* The catalog of native components as data: what the control plane checks definitions with, what
 * the API serves and what the documentation pages are made from. */
#pragma once

#include "components/component.h"

/* Appends {"components": [...]}: the JSON that catalog_parse reads. */
void catalog_dump(struct buf *b);
/* Appends one documentation page of a component. */
void catalog_dump_markdown(struct buf *b, const struct component *c);
/* Writes DIR/<component key>.md for every component and DIR/README.md, which lists them. */
int catalog_dump_pages(const char *dir, struct err *err) must_check;
