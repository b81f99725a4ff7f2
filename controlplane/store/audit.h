/* The audit log: who did what to which object. An entry is added in the transaction of what it
 * tells of, as its last statement: the chain of the organization is locked until the end. */
#pragma once

#include "db.h"

struct audit_entry {
    struct uuid organization;
    const char *actor_type; /* user, token, embedded, command, system */
    struct uuid actor;      /* user; nil = none */
    const char *actor_name; /* NULL = the user's address */
    struct uuid token;      /* API token; nil = none */
    const char *action;     /* "instance.deployed" */
    struct str object_type;
    struct uuid object; /* nil = none */
    struct str object_name;
    const struct str *fields; /* names of what was given, never values */
    size_t n_fields;
    struct str address; /* of the sender */
};
int audit_add(struct db *db, const struct audit_entry *e, struct err *err) must_check;

#define AUDIT_HASH 32
/* Where a chain that was read so far stands. */
struct audit_chain {
    struct uuid organization;
    int64_t position;
    uint8_t hash[AUDIT_HASH];
    size_t hash_len; /* 0 before the first entry */
    bool expected;   /* the entry that was asked for has been seen */
};
struct audit_expectation { /* an entry as it was noted down once */
    int64_t position;      /* 0 = none */
    uint8_t hash[AUDIT_HASH];
};
/* Reads the chain of an organization to its end and computes every hash anew. -EBADMSG
 * ("audit.broken") names the first entry that does not fit. To be called in a transaction that sees
 * one state. */
int audit_verify(struct db *db, const struct db_rows *heads, size_t row,
                 const struct audit_expectation *expect, struct audit_chain *ret,
                 struct err *err) must_check;
