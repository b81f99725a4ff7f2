/* YAML as values and back: one document, the core schema of YAML 1.2. */
#pragma once

#include "components/component.h"

/* Mappings become objects, sequences lists, plain scalars what the core schema says (a number that
 * is infinite or none becomes null), aliases the values of their anchors. Bounded as
 * definition/yaml.h says. The words of a refusal name line and column. */
int yaml_format_read(struct action_context *ctx, const char *key, struct json input,
                     struct json *ret, struct err *err) must_check;
/* Block style, indented by two blanks; texts are quoted where another reader, of YAML 1.1 too,
 * could take them for something else. */
int yaml_format_write(struct action_context *ctx, const char *key, struct json value, struct buf *b,
                      struct err *err) must_check;
