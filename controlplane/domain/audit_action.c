/* Owns the words of the audit log: object.done, made from verb and object of a mutation's name, so
 * that a new mutation has one as soon as it is there. Called on lane threads. */
#include "domain/audit_action.h"

#include <ctype.h>

static const struct {
    const char *verb, *done;
} irregular[] = {{"set", "set"},         {"reset", "reset"}, {"send", "sent"},   {"make", "made"},
                 {"cancel", "canceled"}, {"run", "run"},     {"stop", "stopped"}};

/* Names that would not say what it is. */
static const struct {
    const char *mutation, *action, *object; /* action NULL: it changes nothing */
} known[] = {
    {"createCustomerUser", "user.created", "User"},
    {"createOrganizationUser", "user.created", "User"},
    {"clearAllFifoData", "fifo_queue.cleared", "InstanceFlowConfig"},
    {"clearFifoWorkingSet", "fifo_working_set.cleared", "InstanceFlowConfig"},
    {"removeFifoQueueItems", "fifo_queue_items.removed", "InstanceFlowConfig"},
    {"updateIntegrationVersionAvailability", "integration.availability_updated", "Integration"},
    {"updateIntegrationMarketplaceConfiguration", "integration.marketplace_updated", "Integration"},
    {"validateIntegrationSchema", NULL, NULL},
};

static void add(char *to, size_t *len, char c)
{
    if (*len + 1 < AUDIT_ACTION_MAX) {
        to[(*len)++] = c;
        to[*len] = '\0';
    }
}

static void adds(char *to, size_t *len, const char *s)
{
    while (*s) {
        add(to, len, *s++);
    }
}

static void add_snake(char *to, size_t *len, struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        bool inside = i + 1 < name.len && islower((unsigned char)name.ptr[i + 1]);
        bool after = i > 0 && !isupper((unsigned char)name.ptr[i - 1]);
        if (i > 0 && isupper(c) && (inside || after)) {
            add(to, len, '_');
        }
        add(to, len, (char)tolower(c));
    }
}

static void add_done(char *to, size_t *len, struct str verb)
{
    for (size_t i = 0; i < ARRAY_LEN(irregular); i++) {
        if (str_eq(verb, str_of(irregular[i].verb))) {
            adds(to, len, irregular[i].done);
            return;
        }
    }
    char last = verb.ptr[verb.len - 1];
    bool turns = last == 'y' && verb.len > 1 && !strchr("aeiou", verb.ptr[verb.len - 2]);
    for (size_t i = 0; i + (turns ? 1 : 0) < verb.len; i++) {
        add(to, len, verb.ptr[i]);
    }
    adds(to, len, turns ? "ied" : last == 'e' ? "d" : "ed");
}

bool audit_action(struct str mutation, char ret_action[AUDIT_ACTION_MAX], struct str *ret_object)
{
    size_t len = 0, at = 0;
    ret_action[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_eq(mutation, str_of(known[i].mutation))) {
            *ret_object = str_of(known[i].object ? known[i].object : "");
            adds(ret_action, &len, known[i].action ? known[i].action : "");
            return known[i].action != NULL;
        }
    }
    if (str_starts(mutation, STR("bulk")) && mutation.len > 4 &&
        isupper((unsigned char)mutation.ptr[4])) {
        at = 4;
    }
    size_t verb_at = at++;
    while (at < mutation.len && !isupper((unsigned char)mutation.ptr[at])) {
        at++;
    }
    char verb[40];
    size_t n = 0;
    for (size_t i = verb_at; i < MIN(at, mutation.len) && n < sizeof(verb); i++) {
        verb[n++] = (char)tolower((unsigned char)mutation.ptr[i]);
    }
    *ret_object = at < mutation.len ? str_n(mutation.ptr + at, mutation.len - at) : str_n("", 0);
    if (ret_object->len > 0) {
        add_snake(ret_action, &len, *ret_object);
        add(ret_action, &len, '.');
    }
    if (n > 0) {
        add_done(ret_action, &len, str_n(verb, n));
    }
    return len > 0;
}
