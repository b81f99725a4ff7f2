/* Settings of leat-worker: the table that makes --help, the environment names and the docs. */
#pragma once

#include "config.h"

struct worker_config {
    const char *nats, *pool, *bus_key, *bus_key_file, *allow_addresses, *log_level, *log_format;
    const char *spill_folder;
    int64_t max_slots, spill_max_mb;
    bool dump_catalog, print_config;
    const char *dump_docs;
};
extern const struct config_option worker_options[];
