/* Writing drafts: shared by the mutations that import, create, change and fork integrations. */
#pragma once

#include "api/api_priv.h"

#include "definition/definition.h"

/* Parses a definition; what is wrong with it is told by `field`. catalog: NULL for what was checked
 * when it was stored. False with an error; *ret is then as it was. */
bool draft_parse(struct call *c, const char *field, struct str text, const struct catalog *catalog,
                 struct definition **ret);

/* component_use.c. Whose components a definition may use, beside the organization's own: the
 * customer's, or those of the customer whose the integration (any version) is already; nil =
 * nobody's. */
struct draft_owner {
    struct uuid customer, integration;
};
/* draft_parse with the catalog and the components of the organization; *ret stays NULL, and there
 * are errors, when it is refused. */
int draft_check(struct call *c, const char *field, struct str text, const struct draft_owner *owner,
                struct definition **ret, struct err *err) must_check;
/* Keeps which of the organization's components the draft c->id uses. */
int draft_put_components(struct call *c, const struct def_view *v, struct err *err) must_check;
/* Whether the trigger's code answers the sender: its answer is not known before it ran. */
int draft_trigger_replies(struct call *c, const struct def_step *trigger, bool *ret,
                          struct err *err) must_check;

/* Tells of problems in a text by their place, on a field: those that stop it, and warnings. */
void call_tell(struct call *c, const char *field, const struct err_list *errors);

struct draft_write {
    struct definition_emit_options replace;
    struct uuid customer;   /* owner of a new draft; nil = the organization */
    bool is_new;            /* c->id is not there yet */
    const char *name_field; /* the field of the input that gives the name */
};
/* Writes c->id as a draft of this definition, and brings its test instance up to it. */
int draft_write(struct call *c, const struct definition *d, const struct draft_write *w,
                struct err *err) must_check;

/* Columns of integration_lock. */
enum {
    VERSION_ID,
    VERSION_SEQUENCE,
    VERSION_NUMBER,
    VERSION_AVAILABLE,
    VERSION_DEFINITION,
    VERSION_CUSTOMER,
    VERSION_LABELS,
};
/* The row of any version that a field of the input names, locked; c->id is its id. An error when it
 * does not exist. */
int version_lock(struct call *c, const char *field, struct db_rows **ret,
                 struct err *err) must_check;
/* An optional text of at most max bytes, NUL-terminated; NULL when it is absent or refused. */
const char *input_text(struct call *c, const char *field, size_t max);
/* The field "name", which must be there; NULL when it was refused. */
const char *input_name(struct call *c);
/* Labels, lower-cased; NULL when the field is absent. */
const char *const *input_labels(struct call *c, size_t *ret_n);
/* One of the words of a list ended by NULL; as above. */
struct db_param input_word(struct call *c, const char *field, const char *const *words);
/* The customer that a field names; nil when it is absent. An error when it does not exist. */
int input_customer(struct call *c, struct uuid *ret, struct err *err) must_check;

/* media.c: what avatarUrl and the three fields of attachments ask, for the draft c->id. */
int integration_change_media(struct call *c, struct err *err) must_check;
int integration_fork_icon(struct call *c, const struct uuid *parent, struct err *err) must_check;

#define INTEGRATION_NAME_MAX        500
#define INTEGRATION_DESCRIPTION_MAX KIB(10)
#define INTEGRATION_CATEGORY_MAX    200
#define INTEGRATION_TEXT_MAX        MIB(1) /* documentation, overview */
