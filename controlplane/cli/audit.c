/* leat audit verify: walks the chain of the audit log on a database directly and names the first
 * entry that does not fit. Works while the platform runs. */
#include "audit.h"

#include "cli/command.h"
#include "config.h"
#include "enc.h"

#define USAGE                                                                                      \
    "leat audit verify [OPTION...]\n\n"                                                            \
    "Prints the last entry of each organization as POSITION:HASH. Whoever may write to the\n"      \
    "database could make the whole chain anew: keep what is printed elsewhere, and give it back\n" \
    "with --expect later."

struct audit_config {
    const char *postgres, *organization, *expect;
};
const struct config_option audit_options[] = {
    {"postgres", CONFIG_STR, offsetof(struct audit_config, postgres), NULL,
     "connection URL of the database, as its owner", 0, 0, false},
    {"organization", CONFIG_STR, offsetof(struct audit_config, organization), "",
     "name or id of the only one to look at; empty = all", 0, 0, false},
    {"expect", CONFIG_STR, offsetof(struct audit_config, expect), "",
     "POSITION:HASH as it was printed before, of the one organization", 0, 0, false},
    {0},
};

static int read_expectation(const char *text, struct audit_expectation *ret, struct err *err)
{
    struct str s = str_of(text);
    ptrdiff_t colon = str_find(s, STR(":"), 0);
    size_t len = 0;
    *ret = (struct audit_expectation){0};
    if (s.len == 0) {
        return 0;
    }
    if (colon < 1 || !str_to_i64(str_n(s.ptr, (size_t)colon), &ret->position) ||
        ret->position < 1 ||
        !enc_hex_decode(str_n(s.ptr + colon + 1, s.len - (size_t)colon - 1), ret->hash,
                        sizeof(ret->hash), &len) ||
        len != sizeof(ret->hash)) {
        return err_set(err, -EINVAL, "audit.expect",
                       "--expect is POSITION:HASH, as `leat audit verify` prints it");
    }
    return 0;
}

static void print_end(struct str name, const struct audit_chain *c)
{
    char id[UUID_TEXT_LEN + 1];
    uuid_format(&c->organization, id);
    printf("%s %.*s: ok, ends at %lld:", id, (int)name.len, name.ptr, (long long)c->position);
    for (size_t i = 0; i < c->hash_len; i++) {
        printf("%02x", c->hash[i]);
    }
    printf("\n");
}

static int verify_all(struct db *db, const struct audit_config *config,
                      const struct audit_expectation *expect, struct err *err)
{
    AUTO(db_rows_free) struct db_rows *heads = NULL;
    int first = 0;
    int r = db_exec(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
    r = r ? r
          : db_run(db, QUERY_AUDIT_HEADS, &heads, err,
                   config->organization[0] ? DB_TEXT(config->organization) : DB_NULL);
    if (r != 0) {
        return r;
    }
    if (expect->position > 0 && db_rows_n(heads) != 1) {
        return err_set(err, -EINVAL, "audit.expect",
                       "--expect is about one organization: name it with --organization");
    }
    if (config->organization[0] && db_rows_n(heads) == 0) {
        return err_set(err, -ENOENT, "audit.organization",
                       "the organization \"%s\" is not there, or has no entries",
                       config->organization);
    }
    for (size_t i = 0; i < db_rows_n(heads); i++) {
        struct audit_chain chain;
        struct err why = {0};
        struct str name = db_str(heads, i, 1);
        r = audit_verify(db, heads, i, expect, &chain, &why);
        if (r == 0) {
            print_end(name, &chain);
            continue;
        }
        fprintf(stderr, "leat: %.*s: %s\n", (int)name.len, name.ptr, why.message);
        first = first ? first : r;
    }
    db_rollback(db);
    return first ? err_set(err, first, "audit.broken", "the audit log is not as it was written")
                 : 0;
}

int command_audit(int argc, char **argv)
{
    AUTO(db_close) struct db *db = NULL;
    struct audit_config config;
    struct audit_expectation expect;
    struct err err;
    int r = config_load(audit_options, &config, argc, argv, USAGE, &err);
    if (r != 0) {
        return r > 0 ? 0 : command_failed(&err);
    }
    r = read_expectation(config.expect, &expect, &err);
    if (r == 0 && (!config.postgres || !config.postgres[0])) {
        r = err_set(&err, -EINVAL, "postgres.missing",
                    "--postgres is missing: the connection URL of the database");
    }
    r = r ? r : db_open(config.postgres, DB_OWNER, "leat", &db, &err);
    r = r ? r : verify_all(db, &config, &expect, &err);
    return r == 0 ? 0 : command_failed(&err);
}
