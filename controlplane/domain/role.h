/* Who may do what: the roles of users of the organization and of its customers, each on a scale of
 * its own, what they are allowed, and which of them may be given by whom. Pure. */
#pragma once

#include "str.h"

enum { /* levels in the organization */
       ROLE_GUEST = 1,
       ROLE_RESTRICTED_INTEGRATOR,
       ROLE_INTEGRATOR,
       ROLE_ADMIN,
       ROLE_OWNER,
};
enum { /* levels in a customer */
       ROLE_MARKETPLACE_USER = 1,
       ROLE_CUSTOMER_MEMBER,
       ROLE_MARKETPLACE_ADMIN,
       ROLE_CUSTOMER_ADMIN,
};
struct role {
    const char *name;
    int level; /* higher may do all that lower may */
    bool of_customer;
    bool embedded_only; /* comes in through the vendor's own application, never by a token */
    const char *description;
};
extern const struct role roles[]; /* of the organization, then of customers, highest first; {0} */

const struct role *role_find(struct str name);           /* NULL = no such role */
const struct role *role_at(bool of_customer, int level); /* NULL = no such role */
/* Names of what the role allows, lowest first; at most max. */
size_t role_permissions(const struct role *r, const char **ret, size_t max);

/* Whether somebody may give a role, and change or delete users who have it: never a higher one. */
bool role_may_manage(const struct role *by, const struct role *of);

/* One address: name@host of at most 254 bytes, without blanks. */
bool email_valid(struct str s);
/* Digits with the usual signs between them, at most 40 bytes; empty is fine. */
bool phone_valid(struct str s);
