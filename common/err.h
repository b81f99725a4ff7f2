/* Explanations for people: what failed, where, and whether trying again helps. Control flow uses
 * int returns (0 ok, <0 -errno, >0 a module's documented outcome); this struct rides along as the
 * last parameter where a user must understand the failure. */
#pragma once

#include "base.h"

struct err {
    char code[48];     /* stable, e.g. "definition.unknown_action" */
    char message[512]; /* a sentence for people, cut at the end if longer */
    char field[160];   /* input field or path the failure is about; "" if none */
    int line, column;  /* 1-based place in a text; 0 = none */
    bool retryable;
    bool warning; /* in a list: worth telling, no failure */
};

/* All accept err == NULL (the caller does not want the words) and return `rc` unchanged, so that
 * `return err_set(err, rc, "code", "...")` is one line. */
int err_set(struct err *err, int rc, const char *code, const char *fmt, ...) printf_like(4, 5);
int err_field(struct err *err, int rc, const char *code, const char *field, const char *fmt, ...)
    printf_like(5, 6);
void err_clear(struct err *err);
/* Puts "prefix: " before the message. */
void err_prefix(struct err *err, const char *fmt, ...) printf_like(2, 3);

/* Several errors at once (definition checks, API validation). Bounded; later ones are counted. */
#define ERR_LIST_MAX 50
struct err_list {
    struct err items[ERR_LIST_MAX];
    int n;       /* stored */
    int dropped; /* not stored */
};
struct err *err_list_add(struct err_list *list); /* cleared slot; a scratch slot when full */
