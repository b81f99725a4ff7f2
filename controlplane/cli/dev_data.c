/* Owns the data folder of `leat dev`. */
#include "cli/dev_data.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "enc.h"
#include "secret.h"

#define SOCKET_PATH_MAX 90 /* of sun_path, leaving room for PostgreSQL's file name */

const char *dev_data_path(const struct dev_data *d, const char *name)
{
    return arena_printf(d->arena, "%s/%s", d->dir, name);
}

static int make_dir(const char *path, mode_t mode, struct err *err)
{
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        char *parent = mem_strndup(path, (size_t)(slash - path));
        (void)mkdir(parent, 0755);
        mem_free(parent);
    }
    if (mkdir(path, mode) != 0 && errno != EEXIST) {
        return err_set(err, -errno, "dev.data", "cannot make the folder %s: %s", path,
                       strerror(errno));
    }
    return 0;
}

int dev_data_write(const char *path, int mode, struct str content, struct err *err)
{
    AUTO(mem_free) char *temporary = mem_alloc(strlen(path) + 5);
    (void)snprintf(temporary, strlen(path) + 5, "%s.new", path);
    (void)unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    bool ok = fd >= 0 && write(fd, content.ptr, content.len) == (ssize_t)content.len &&
              fsync(fd) == 0 && rename(temporary, path) == 0;
    int code = errno;
    if (fd >= 0) {
        close(fd);
    }
    return ok ? 0 : err_set(err, -code, "dev.data", "cannot write %s: %s", path, strerror(code));
}

static int make_key(const char *path, struct err *err)
{
    if (access(path, F_OK) == 0) {
        return 0;
    }
    struct secret_key key;
    char hex[2 * SECRET_KEY_LEN + 2];
    secret_key_random(&key);
    size_t n = enc_hex(str_n((const char *)key.b, sizeof(key.b)), hex, sizeof(hex));
    hex[n++] = '\n';
    int r = dev_data_write(path, 0600, str_n(hex, n), err);
    secret_key_done(&key);
    secret_wipe(hex, sizeof(hex));
    return r;
}

const char *dev_data_default(struct arena *a)
{
    const char *home = getenv("HOME"), *data = getenv("XDG_DATA_HOME");
    if (geteuid() == 0) {
        return "/var/lib/leat-dev"; /* PostgreSQL's user must reach it */
    }
    return data && data[0] == '/'
               ? arena_printf(a, "%s/leat-dev", data)
               : arena_printf(a, "%s/.local/share/leat-dev", home ? home : "/tmp");
}

/* When root, PostgreSQL runs as its own user, who must be able to reach its folder. */
static int make_postgres_dirs(struct dev_data *d, struct err *err)
{
    int r = make_dir(d->postgres_dir, 0700, err);
    if (r == 0) {
        r = make_dir(d->socket_dir, 0755, err);
    }
    if (r != 0 || geteuid() != 0) {
        return r;
    }
    d->postgres_user = "postgres";
    const struct passwd *user = getpwnam(d->postgres_user);
    if (!user) {
        return err_set(err, -ENOENT, "dev.no_user",
                       "PostgreSQL may not run as root and there is no user \"postgres\": install "
                       "the package postgresql, or run `leat dev` as another user");
    }
    if (chown(d->postgres_dir, user->pw_uid, user->pw_gid) != 0 ||
        chown(d->socket_dir, user->pw_uid, user->pw_gid) != 0) {
        return err_set(err, -errno, "dev.data", "cannot give %s to the user postgres: %s",
                       d->postgres_dir, strerror(errno));
    }
    for (const char *slash = strchr(d->dir + 1, '/');; slash = strchr(slash + 1, '/')) {
        size_t len = slash ? (size_t)(slash - d->dir) : strlen(d->dir);
        AUTO(mem_free) char *parent = mem_strndup(d->dir, len);
        struct stat st;
        if (stat(parent, &st) == 0 && !(st.st_mode & S_IXOTH)) {
            return err_set(
                err, -EACCES, "dev.data",
                "the user postgres cannot enter %s (mode %o): choose another folder with "
                "--data, or run `leat dev` as a user other than root",
                parent, st.st_mode & 07777);
        }
        if (!slash) {
            return 0;
        }
    }
}

static int take_lock(struct dev_data *d, struct err *err)
{
    const char *path = dev_data_path(d, "lock");
    d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0) {
        return err_set(err, -errno, "dev.data", "cannot write %s: %s", path, strerror(errno));
    }
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return err_set(err, -EBUSY, "dev.busy", "another `leat dev` is using %s", d->dir);
    }
    return 0;
}

static void name_files(struct dev_data *d)
{
    d->postgres_dir = dev_data_path(d, "postgres");
    d->nats_dir = dev_data_path(d, "nats");
    d->log_dir = dev_data_path(d, "log");
    d->master_key_file = dev_data_path(d, "master.key");
    d->bus_key_file = dev_data_path(d, "bus.key");
    d->nats_config = dev_data_path(d, "nats.conf");
    d->env_file = dev_data_path(d, "env");
    d->socket_dir = dev_data_path(d, "run");
    if (strlen(d->socket_dir) > SOCKET_PATH_MAX) {
        uint8_t digest[32];
        char hex[65];
        secret_sha256(str_of(d->dir), digest);
        (void)enc_hex(str_n((const char *)digest, 8), hex, sizeof(hex));
        d->socket_dir = arena_printf(d->arena, "/tmp/leat-dev-%s", hex);
    }
}

int dev_data_open(const char *wanted, struct dev_data *ret, struct err *err)
{
    struct dev_data d = {.arena = arena_new(KIB(8), 0), .lock_fd = -1};
    char absolute[PATH_MAX], self[PATH_MAX];
    const char *dir = wanted && wanted[0] ? wanted : dev_data_default(d.arena);
    int r = make_dir(dir, 0711, err);
    if (r == 0 && !realpath(dir, absolute)) {
        r = err_set(err, -errno, "dev.data", "cannot use %s: %s", dir, strerror(errno));
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (r == 0) {
        self[n > 0 ? n : 0] = '\0';
        char *slash = strrchr(self, '/');
        d.bin_dir = arena_strndup(d.arena, self, slash ? (size_t)(slash - self) : 0);
        d.dir = arena_strdup(d.arena, absolute);
        name_files(&d);
        r = take_lock(&d, err);
    }
    if (r == 0) {
        r = make_dir(d.log_dir, 0755, err);
    }
    if (r == 0) {
        r = make_dir(d.nats_dir, 0700, err);
    }
    if (r == 0) {
        r = make_postgres_dirs(&d, err);
    }
    if (r == 0) {
        r = make_key(d.master_key_file, err);
    }
    if (r == 0) {
        r = make_key(d.bus_key_file, err);
    }
    if (r == 0) {
        *ret = d;
    } else {
        dev_data_done(&d);
    }
    return r;
}

void dev_data_done(struct dev_data *d)
{
    if (d->arena) {
        if (d->lock_fd >= 0) {
            close(d->lock_fd);
        }
        d->arena = arena_free(d->arena);
    }
}

int dev_data_free_port(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int port = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&addr, len) == 0 &&
        getsockname(fd, (struct sockaddr *)&addr, &len) == 0) {
        port = ntohs(addr.sin_port);
    }
    if (fd >= 0) {
        close(fd);
    }
    return port;
}
