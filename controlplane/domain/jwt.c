/* Owns taking a signed token apart. Pure, any thread. The way of signing is ours to say and never
 * the token's: anything but RS256 is refused, and so are extensions that the token calls critical.
 * It does not look at the claims (domain/embedded_claims) nor at the signature
 * (domain/signing_key). */
#include "domain/jwt.h"

#include "enc.h"

static bool is_base64url(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
        if (!ok) {
            return false;
        }
    }
    return s.len > 0 && s.len % 4 != 1;
}

/* The three parts; false unless there are exactly three, each of base64url without padding. */
static bool split(struct str token, struct str parts[3])
{
    size_t n = 0, from = 0;
    for (size_t i = 0; i <= token.len; i++) {
        if (i < token.len && token.ptr[i] != '.') {
            continue;
        }
        if (n == 3) {
            return false;
        }
        parts[n++] = str_n(token.ptr + from, i - from);
        from = i + 1;
    }
    return n == 3 && is_base64url(parts[0]) && is_base64url(parts[1]) && is_base64url(parts[2]);
}

bool jwt_looks_like(struct str token)
{
    struct str parts[3];
    return split(token, parts);
}

static bool decode(struct arena *a, struct str text, struct str *ret)
{
    uint8_t *bytes = arena_alloc(a, text.len);
    size_t len;
    if (!enc_base64_decode(text, bytes, text.len, &len)) {
        return false;
    }
    *ret = str_n((const char *)bytes, len);
    return true;
}

static bool read_object(struct arena *a, struct str text, struct json *ret)
{
    struct str plain;
    return decode(a, text, &plain) && str_utf8_valid(plain) &&
           json_parse(a, plain, ret, NULL) == 0 && ret->type == JSON_OBJECT;
}

int jwt_parse(struct arena *a, struct str token, struct jwt *ret, struct err *err)
{
    struct str parts[3];
    struct json header;
    struct jwt made = {0};
    if (token.len > JWT_MAX_BYTES) {
        return err_set(err, -EINVAL, "jwt.too_large", "The token is larger than %zu bytes.",
                       (size_t)JWT_MAX_BYTES);
    }
    if (!split(token, parts) || !read_object(a, parts[0], &header)) {
        return err_set(err, -EINVAL, "jwt.malformed", "The token is not a signed JSON Web Token.");
    }
    if (!str_eq(json_as_str(json_get(header, STR("alg"))), STR("RS256"))) {
        return err_set(err, -EINVAL, "jwt.algorithm",
                       "The token must be signed with the algorithm RS256.");
    }
    struct json type = json_get(header, STR("typ"));
    if (type.type != JSON_UNDEFINED && !str_eq_ci(json_as_str(type), STR("JWT"))) {
        return err_set(err, -EINVAL, "jwt.type", "The token's type (typ) must be JWT.");
    }
    if (json_get(header, STR("crit")).type != JSON_UNDEFINED) {
        return err_set(err, -EINVAL, "jwt.critical",
                       "The token's header names critical extensions; none are known.");
    }
    made.signed_part = str_n(parts[0].ptr, parts[0].len + 1 + parts[1].len);
    if (!read_object(a, parts[1], &made.claims) || !decode(a, parts[2], &made.signature)) {
        return err_set(err, -EINVAL, "jwt.malformed", "The token is not a signed JSON Web Token.");
    }
    *ret = made;
    return 0;
}
