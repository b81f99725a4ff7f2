/* Which files of a server are new or changed since a trigger looked last. */
#pragma once

#include "components/component.h"

#define REMOTE_CHANGES_MAX 100000 /* files that are watched */

struct remote_changes {
    struct action_context *ctx;
    struct json_builder files; /* [path, size, modified] each */
};
void remote_changes_start(struct remote_changes *c, struct action_context *ctx);
/* A file that is there. The path must last as long as the run; modified_ms is since the epoch, 0 =
 * not known. */
int remote_changes_add(struct remote_changes *c, struct str path, double size, double modified_ms,
                       struct err *err) must_check;
/* Compares with what there was, keeps what there is, and makes the result: the payload whose body's
 * data is {newFiles, modifiedFiles}, of {path, size, modifiedAt}. The first time all are new. */
int remote_changes_finish(struct remote_changes *c, struct action_result *ret,
                          struct err *err) must_check;

#define REMOTE_CHANGES_EXAMPLE                                                                     \
    "{\"body\": {\"data\": {\"newFiles\": [{\"path\": \"/in/orders.csv\", \"size\": 24576, "       \
    "\"modifiedAt\": 1767323045000}], \"modifiedFiles\": []}}}"
