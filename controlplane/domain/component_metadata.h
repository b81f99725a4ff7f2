/* What a publisher says of a component's actions, triggers, data sources and connections, checked
 * and brought into the form that the component table keeps and the API shows. Pure. */
#pragma once

#include "json.h"

#define COMPONENT_KEY_MAX      100
#define COMPONENT_METADATA_MAX MIB(4) /* as JSON text */

/* 1 to 100 letters, digits, "-" and "_". */
bool component_key_valid(struct str key);
/* input: a PublishComponentInput. 0 and {actions, connections}; else -EINVAL and what is wrong,
 * each with its place ("triggers[0].inputs[2].key") in err.field. */
int component_metadata(struct arena *a, struct json input, struct json *ret,
                       struct err_list *errors) must_check;
