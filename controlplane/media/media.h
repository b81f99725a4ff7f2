/* PUT and GET of uploaded files at /media/<token>: a handler of the lane. */
#pragma once

#include "http/lane.h"
#include "media/media_url.h"

#define MEDIA_MAX_BYTES MIB(10)

void media_handle(const struct media_urls *urls, struct db *db, const struct lane_request *request,
                  struct reply *reply);
