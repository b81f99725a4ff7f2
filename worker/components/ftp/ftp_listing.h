/* Directory listings of FTP servers as values. */
#pragma once

#include "json.h"

#define FTP_LISTING_MAX_ENTRIES 100000

/* MLSD (RFC 3659): facts and a name a line. Lines that are none are left out, and so are the
 * directory itself and its parent. An array of objects, whose texts point into the listing;
 * UNDEFINED when there are more entries than the limit or the arena has room for. */
struct json ftp_listing_facts(struct arena *a, struct str text);
/* LIST: the forms of Unix and Windows servers; other lines are left out. */
struct json ftp_listing_lines(struct arena *a, struct str text);
