/* Signed URLs of uploaded files: <public url>/media/<token>. Whoever has one may put or get that
 * file until it expires; who may get one is decided where it is made. */
#pragma once

#include "secret.h"
#include "uuid.h"

#define MEDIA_PATH        "/media/"
#define MEDIA_URL_SECONDS 600

enum media_form {
    MEDIA_PUT_AVATAR,
    MEDIA_PUT_ATTACHMENT,
    MEDIA_GET,
    MEDIA_PUT_COMPONENT, /* a file of a component: see component_media.h */
    MEDIA_GET_COMPONENT,
    _MEDIA_FORM_N
};
struct media_ref {
    enum media_form form;
    struct uuid organization_id;
    struct uuid owner_id; /* the draft of an integration, or the component */
    struct uuid media_id;
    int64_t expires_s; /* since the epoch */
};

struct media_urls; /* immutable: any thread */
struct media_urls *media_urls_new(const struct secret_key *master_key, const char *public_url);
struct media_urls *media_urls_free(struct media_urls *u); /* accepts NULL; returns NULL */
/* Appends the URL; expires_s is as given, or 0 = MEDIA_URL_SECONDS from now. */
void media_url_write(const struct media_urls *u, const struct media_ref *ref, struct buf *to);
/* Reads the token of a path after MEDIA_PATH. False: it was not made with this key. Whether it has
 * expired is for the caller to see. */
bool media_url_read(const struct media_urls *u, struct str token, struct media_ref *ret);
/* The same of a whole URL, with or without the public one before the path. */
bool media_url_parse(const struct media_urls *u, struct str url, struct media_ref *ret);
