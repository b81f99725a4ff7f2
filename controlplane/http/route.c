/* Finds a request's route in a table of a dozen lines, by exact path or prefix. Any thread. */
#include "http/route.h"

static const struct {
    struct str name;
    unsigned bit;
} methods[] = {
    {STR("GET"), METHOD_GET},         {STR("POST"), METHOD_POST},     {STR("PUT"), METHOD_PUT},
    {STR("PATCH"), METHOD_PATCH},     {STR("DELETE"), METHOD_DELETE}, {STR("HEAD"), METHOD_HEAD},
    {STR("OPTIONS"), METHOD_OPTIONS},
};

unsigned route_method(struct str method)
{
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (str_eq(method, methods[i].name)) {
            return methods[i].bit;
        }
    }
    return 0;
}

void route_methods_write(unsigned bits, struct buf *to)
{
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (bits & methods[i].bit) {
            buf_adds(to, to->len ? ", " : "");
            buf_add_str(to, methods[i].name);
        }
    }
}

const struct route *route_find(const struct route *routes, struct str method, struct str path,
                               unsigned *ret_allowed)
{
    unsigned bit = route_method(method);
    *ret_allowed = 0;
    for (const struct route *r = routes; r->path; r++) {
        struct str at = str_of(r->path);
        if (r->prefix ? str_starts(path, at) : str_eq(path, at)) {
            if (r->methods & bit) {
                return r;
            }
            *ret_allowed |= r->methods;
        }
    }
    return NULL;
}
