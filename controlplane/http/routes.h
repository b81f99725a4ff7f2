/* The table of all routes, and what its handlers need. */
#pragma once

#include "http/route.h"

struct api;
struct consent;
struct hooks;
struct media_urls;
struct results;
struct tail;
struct routes_ctx {
    struct api *api;                /* NULL: this process has not the role */
    struct hooks *hooks;            /* NULL: this process has not the role */
    const struct media_urls *media; /* NULL: this process has not the role of the API */
    struct consent *consent;        /* as media */
    struct results *results;        /* NULL: this process has not the role */
    struct tail *tail;              /* NULL: this process has not the role of the API */
    /* NULL and true when ready, else what is missing, for people. */
    bool (*ready)(void *arg, const char **ret_missing);
    void *ready_arg;
};
/* Ended by {0}; handlers get a struct routes_ctx *. */
extern const struct route routes[];

#define ROUTES_MAX_BODY MIB(16) /* of any route */
