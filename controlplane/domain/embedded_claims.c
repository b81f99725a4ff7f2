/* Owns the rules of an embedded token's claims. Pure, any thread. It refuses tokens that live long,
 * claims of another kind and texts that are no names; it does not know whether the signature, the
 * organization or the customer exist. */
#include "domain/embedded_claims.h"

#include <math.h>

#define LAST_SECOND 99999999999.0 /* of any time claim: the year 5138 */

static int refuse(struct err *err, const char *claim, const char *words)
{
    return err_field(err, -EINVAL, "embedded.claim", claim, "The claim %s %s.", claim, words);
}

static int read_text(struct json claims, const char *claim, bool required, struct str *ret,
                     struct err *err)
{
    struct json v = json_get(claims, str_of(claim));
    *ret = str_n("", 0);
    if (json_is_nullish(v) && !required) {
        return 0;
    }
    if (json_is_nullish(v)) {
        return refuse(err, claim, "is missing");
    }
    if (v.type != JSON_STRING) {
        return refuse(err, claim, "must be a string");
    }
    struct str s = json_as_str(v);
    if (s.len > EMBEDDED_TEXT_MAX) {
        return refuse(err, claim, "is too long: 255 bytes at most");
    }
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f) {
            return refuse(err, claim, "must not hold control characters");
        }
    }
    if (required && str_trim(s).len == 0) {
        return refuse(err, claim, "must not be empty");
    }
    *ret = s;
    return 0;
}

/* Whole seconds; a fraction is cut. Absent and not required: *ret stays. */
static int read_time(struct json claims, const char *claim, bool required, int64_t *ret,
                     struct err *err)
{
    struct json v = json_get(claims, str_of(claim));
    if (json_is_nullish(v)) {
        return required ? refuse(err, claim, "is missing") : 0;
    }
    if (v.type != JSON_NUMBER || !(v.num >= 0 && v.num <= LAST_SECOND)) {
        return refuse(err, claim, "must be a time in seconds since 1970");
    }
    *ret = (int64_t)v.num;
    return 0;
}

static int check_times(struct json claims, int64_t now, int64_t *ret_expires, struct err *err)
{
    int64_t issued = 0, expires = 0, begins = 0;
    int r = read_time(claims, "iat", true, &issued, err);
    r = r == 0 ? read_time(claims, "exp", true, &expires, err) : r;
    r = r == 0 ? read_time(claims, "nbf", false, &begins, err) : r;
    if (r != 0) {
        return r;
    }
    if (expires <= issued) {
        return refuse(err, "exp", "must be later than iat");
    }
    if (expires - issued > EMBEDDED_MAX_LIFE_S) {
        return refuse(err, "exp", "is too far from iat: a token lives 24 hours at most");
    }
    if (now >= expires + EMBEDDED_LEEWAY_S) {
        return refuse(err, "exp", "is over: the token has expired");
    }
    if (issued > now + EMBEDDED_LEEWAY_S) {
        return refuse(err, "iat", "lies in the future");
    }
    if (begins > now + EMBEDDED_LEEWAY_S) {
        return refuse(err, "nbf", "lies in the future");
    }
    *ret_expires = expires;
    return 0;
}

static int read_role(struct json claims, const char **ret, struct err *err)
{
    struct str role;
    int r = read_text(claims, "role", false, &role, err);
    if (r != 0) {
        return r;
    }
    bool user = str_eq_ci(role, STR("user"));
    if (role.len > 0 && !user && !str_eq_ci(role, STR("admin"))) {
        return refuse(err, "role", "must be admin or user");
    }
    *ret = user ? "marketplace_user" : "marketplace_admin";
    return 0;
}

static int read_limit(struct json claims, int *ret, struct err *err)
{
    struct json v = json_get(claims, STR("concurrent_execution_limit"));
    if (json_is_nullish(v)) {
        return 0;
    }
    if (v.type != JSON_NUMBER || !(v.num >= 1 && v.num <= EMBEDDED_MAX_LIMIT) ||
        v.num != floor(v.num)) {
        return refuse(err, "concurrent_execution_limit", "must be a whole number, 1 to 10,000");
    }
    *ret = (int)v.num;
    return 0;
}

int embedded_claims_read(struct json claims, int64_t now_s, struct embedded_claims *ret,
                         struct err *err)
{
    struct embedded_claims made = {0};
    struct str organization;
    int r = check_times(claims, now_s, &made.expires_s, err);
    r = r == 0 ? read_text(claims, "sub", true, &made.subject, err) : r;
    r = r == 0 ? read_text(claims, "organization", true, &organization, err) : r;
    if (r == 0 && !global_id_parse(organization, "Organization", &made.organization)) {
        r = refuse(err, "organization", "must be the id of an organization");
    }
    r = r == 0 ? read_text(claims, "customer", true, &made.customer, err) : r;
    r = r == 0 ? read_text(claims, "external_id", false, &made.external_id, err) : r;
    r = r == 0 ? read_text(claims, "name", false, &made.name, err) : r;
    r = r == 0 ? read_text(claims, "customer_name", false, &made.customer_name, err) : r;
    r = r == 0 ? read_role(claims, &made.role, err) : r;
    r = r == 0 ? read_limit(claims, &made.concurrency_limit, err) : r;
    if (r == 0) {
        made.name = str_trim(made.name);
        made.customer_name = str_trim(made.customer_name);
        *ret = made;
    }
    return r;
}
