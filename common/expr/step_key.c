/* Owns the making of step keys. It is not a camel-case routine of the usual kind: words end only
 * at characters outside ASCII letters and digits, never at a change of case or at a digit. Names
 * are bounded by the definition; any thread. */
#include "expr/step_key.h"

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static char to_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

char *step_key_make(struct arena *a, struct str name)
{
    char *key = arena_alloc(a, name.len + 1);
    size_t n = 0;
    bool in_word = false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!is_word(c)) {
            in_word = false;
            continue;
        }
        key[n] = in_word || n == 0 ? to_lower(c) : to_upper(c);
        n++;
        in_word = true;
    }
    key[n] = '\0';
    return key;
}
