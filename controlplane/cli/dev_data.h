/* The data folder of `leat dev`: its files, keys and lock. */
#pragma once

#include "err.h"
#include "str.h"

struct dev_data {
    struct arena *arena;
    const char *dir;     /* absolute */
    const char *bin_dir; /* where leat and its sisters are */
    const char *postgres_dir, *socket_dir, *nats_dir, *log_dir;
    const char *master_key_file, *bus_key_file, *nats_config, *env_file;
    const char *postgres_user; /* NULL = as we are */
    int lock_fd;
};
/* Makes what is missing. wanted: NULL = the default place. -EBUSY when another `leat dev` has it.
 */
int dev_data_open(const char *wanted, struct dev_data *ret, struct err *err) must_check;
void dev_data_done(struct dev_data *d); /* releases the lock; files stay */
/* Writes a whole file with the mode, by way of a temporary one. */
int dev_data_write(const char *path, int mode, struct str content, struct err *err) must_check;
int dev_data_free_port(void); /* a TCP port on loopback that is free now; 0 = none */
const char *dev_data_default(struct arena *a); /* the default place */
const char *dev_data_path(const struct dev_data *d, const char *name);
DEFINE_DONE(struct dev_data, dev_data_done)
