/* The schema file in the binary, made by common/embed.py. */
#pragma once

#include "embed.h"

extern const struct embed_file api_schema_files[];
