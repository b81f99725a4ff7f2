/* PUT of the files of components, for media_handle: their URLs say MEDIA_PUT_COMPONENT. */
#pragma once

#include "http/lane.h"
#include "media/media_url.h"

/* Fills a file of a version, once. */
void component_media_put(struct db *db, const struct media_ref *ref,
                         const struct lane_request *request, struct reply *reply);
