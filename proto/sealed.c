/* Sealing of bus messages: the subject is the associated data, so that a reply sealed for one
 * subject does not open as that of another. Any thread; no state. Refuses what is over the bound of
 * a message before it opens it. */
#include "sealed.h"

#include "subjects.h"

void sealed_write(const struct secret_key *bus_key, const char *subject, struct str plain,
                  struct buf *to)
{
    secret_seal(bus_key, plain, str_of(subject), to);
}

int sealed_read(struct arena *a, const struct secret_key *bus_key, const char *subject,
                struct str sealed, struct str *ret_plain, struct err *err)
{
    if (sealed.len > MESSAGE_MAX_BYTES || sealed.len + KIB(1) > arena_room(a)) {
        return err_set(err, -EINVAL, "wire.too_large", "A sealed message of %zu bytes is refused.",
                       sealed.len);
    }
    return secret_open(a, bus_key, sealed, str_of(subject), ret_plain, err);
}
