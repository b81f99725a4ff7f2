/* Owns the exchange with an SFTP server by libssh2, over a connection whose address passed the
 * policy. libssh2 never waits by itself: each of its calls is repeated when the socket is ready,
 * until the deadline. Called on the slot's thread. It refuses host keys other than the expected
 * one, and reads no keys or known hosts of the worker's user. */
#include "components/sftp/sftp_session.h"

#include <libssh2.h>
#include <libssh2_sftp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "enc.h"
#include "net/net_stream.h"

#define READ_BYTES     KIB(32)
#define MAX_NAME       1024
#define FIRST_ENTRIES  64
#define MAX_FREE_CALLS 100
#define FILE_MODE      0644
#define FOLDER_MODE    0755

struct sftp_session {
    struct net_server server;
    struct str secrets[3];
    struct net_stream *stream;
    LIBSSH2_SESSION *ssh;
    LIBSSH2_SFTP *sftp;
    LIBSSH2_SFTP_HANDLE *handle; /* the one that is open; libssh2 does not free it by itself */
    int fd;
    const char *password; /* for questions while logging in */
};

static pthread_once_t ssh_once = PTHREAD_ONCE_INIT;

/* libcurl may start libssh2 too, and starting is not thread-safe: a stream must have been opened
 * before. */
static void start_ssh(void)
{
    ASSERT(libssh2_init(0) == 0);
}

/* --- errors --------------------------------------------------------------------------------------
 */

static int fail(const struct sftp_session *s, int rc, const char *code, bool retryable,
                const char *words, struct err *err)
{
    struct str text = str_of(words);
    size_t n = MIN(text.len, (size_t)200);
    while (n > 0 && !str_utf8_valid(str_n(text.ptr, n))) {
        n--;
    }
    rc = err_set(err, rc, code, "%.*s: %.*s", (int)MIN(s->server.host.len, 120), s->server.host.ptr,
                 (int)n, text.ptr);
    for (size_t i = 0; i < ARRAY_LEN(s->secrets); i++) {
        net_redact(err, s->secrets[i]);
    }
    if (err) {
        err->retryable = retryable;
    }
    return rc;
}

static const char *status_words(unsigned long status)
{
    static const char *const words[] = {
        [LIBSSH2_FX_EOF] = "it ends there.",
        [LIBSSH2_FX_NO_SUCH_FILE] = "there is no such file or directory.",
        [LIBSSH2_FX_PERMISSION_DENIED] = "the user may not do that.",
        [LIBSSH2_FX_FAILURE] = "the server cannot do that: something may be there already, or the "
                               "disk is full.",
        [LIBSSH2_FX_OP_UNSUPPORTED] = "the server does not know how to do that.",
        [LIBSSH2_FX_NO_SUCH_PATH] = "there is no such path.",
        [LIBSSH2_FX_FILE_ALREADY_EXISTS] = "that file is there already.",
        [LIBSSH2_FX_WRITE_PROTECT] = "it is write-protected.",
        [LIBSSH2_FX_NO_SPACE_ON_FILESYSTEM] = "the disk is full.",
        [LIBSSH2_FX_QUOTA_EXCEEDED] = "the user's quota is used up.",
        [LIBSSH2_FX_LOCK_CONFLICT] = "somebody else has locked it.",
        [LIBSSH2_FX_DIR_NOT_EMPTY] = "the directory is not empty.",
        [LIBSSH2_FX_NOT_A_DIRECTORY] = "it is not a directory.",
    };
    return status < ARRAY_LEN(words) && words[status] ? words[status]
                                                      : "the server says no without a reason.";
}

/* What the last call failed with. */
static int failed(const struct sftp_session *s, struct str path, struct err *err)
{
    if (s->sftp && libssh2_session_last_errno(s->ssh) == LIBSSH2_ERROR_SFTP_PROTOCOL) {
        unsigned long status = libssh2_sftp_last_error(s->sftp);
        char words[400];
        (void)snprintf(words, sizeof(words), "%.*s: %s", (int)MIN(path.len, 100), path.ptr,
                       status_words(status));
        return fail(s, -EBADE, "sftp.answer", status == LIBSSH2_FX_LOCK_CONFLICT, words, err);
    }
    char *words = NULL;
    (void)libssh2_session_last_error(s->ssh, &words, NULL, 0);
    return fail(s, -EIO, "sftp.failed", true, words && words[0] ? words : "the connection broke.",
                err);
}

static int wait_ready(struct sftp_session *s, struct err *err)
{
    int directions = libssh2_session_block_directions(s->ssh);
    short events = (short)((directions & LIBSSH2_SESSION_BLOCK_INBOUND ? POLLIN : 0) |
                           (directions & LIBSSH2_SESSION_BLOCK_OUTBOUND ? POLLOUT : 0));
    return net_socket_wait(&s->server, s->fd, events ? events : POLLIN | POLLOUT, err);
}

/* Repeats a call that returns a number until it no longer would wait. */
#define REPEAT(s, rc, call, err)                                                                   \
    do {                                                                                           \
        (rc) = (call);                                                                             \
        if ((rc) == LIBSSH2_ERROR_EAGAIN) {                                                        \
            int waited_ = wait_ready((s), (err));                                                  \
            if (waited_ < 0) {                                                                     \
                return waited_;                                                                    \
            }                                                                                      \
        }                                                                                          \
    } while ((rc) == LIBSSH2_ERROR_EAGAIN)
/* The same for a call that returns a pointer. */
#define REPEAT_NEW(s, pointer, call, err)                                                          \
    while (!((pointer) = (call)) &&                                                                \
           libssh2_session_last_errno((s)->ssh) == LIBSSH2_ERROR_EAGAIN) {                         \
        int waited_ = wait_ready((s), (err));                                                      \
        if (waited_ < 0) {                                                                         \
            return waited_;                                                                        \
        }                                                                                          \
    }

/* --- opening -------------------------------------------------------------------------------------
 */

/* "SHA256:base64", with or without the word and the padding; MD5 as "16:27:ac..." or bare hex. */
static bool key_fits(LIBSSH2_SESSION *ssh, struct str wanted)
{
    const char *sha = libssh2_hostkey_hash(ssh, LIBSSH2_HOSTKEY_HASH_SHA256);
    const char *md5 = libssh2_hostkey_hash(ssh, LIBSSH2_HOSTKEY_HASH_MD5);
    char text[64];
    if (str_starts(wanted, STR("SHA256:"))) {
        wanted = str_n(wanted.ptr + 7, wanted.len - 7);
    } else if (str_starts(wanted, STR("MD5:"))) {
        wanted = str_n(wanted.ptr + 4, wanted.len - 4);
    }
    while (wanted.len && wanted.ptr[wanted.len - 1] == '=') {
        wanted.len--;
    }
    if (sha) {
        size_t n = enc_base64(str_n(sha, 32), text, sizeof(text));
        while (n > 0 && text[n - 1] == '=') {
            n--;
        }
        if (str_eq(wanted, str_n(text, n))) {
            return true;
        }
    }
    char hex[33];
    size_t n = 0;
    for (size_t i = 0; i < wanted.len && n < sizeof(hex); i++) {
        if (wanted.ptr[i] != ':') {
            hex[n++] = wanted.ptr[i];
        }
    }
    if (!md5 || n != 32) {
        return false;
    }
    (void)enc_hex(str_n(md5, 16), text, sizeof(text));
    return str_eq_ci(str_n(hex, 32), str_n(text, 32));
}

/* Servers that ask questions instead of taking a password: it answers those that hide their answer.
 */
static void on_questions(const char *name, int name_len, const char *instruction,
                         int instruction_len, int n, const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompts,
                         LIBSSH2_USERAUTH_KBDINT_RESPONSE *responses, void **abstract)
{
    const struct sftp_session *s = *abstract;
    for (int i = 0; i < n; i++) {
        bool answer = s->password && !prompts[i].echo;
        responses[i].text = strdup(answer ? s->password : "");
        ASSERT(responses[i].text);
        responses[i].length = (unsigned)strlen(responses[i].text);
    }
}

static bool offers(const char *methods, const char *method)
{
    return methods && str_find(str_of(methods), str_of(method), 0) >= 0;
}

static int log_in(struct sftp_session *s, const struct sftp_target *t, struct err *err)
{
    AUTO(mem_free) char *user = mem_strndup(t->server.username.ptr, t->server.username.len);
    AUTO(mem_free) char *password = mem_strndup(t->server.password.ptr, t->server.password.len);
    AUTO(mem_free) char *passphrase = mem_strndup(t->passphrase.ptr, t->passphrase.len);
    const char *methods = NULL;
    int rc = 0;
    REPEAT_NEW(s, methods, libssh2_userauth_list(s->ssh, user, (unsigned)strlen(user)), err)
    bool in = libssh2_userauth_authenticated(s->ssh) != 0;
    if (!methods && !in) {
        return failed(s, STR(""), err);
    }
    if (!in && t->private_key.len) {
        REPEAT(s, rc,
               libssh2_userauth_publickey_frommemory(s->ssh, user, strlen(user), NULL, 0,
                                                     t->private_key.ptr, t->private_key.len,
                                                     passphrase),
               err);
        in = rc == 0;
        if (rc == LIBSSH2_ERROR_FILE || rc == LIBSSH2_ERROR_PROTO ||
            rc == LIBSSH2_ERROR_KEYFILE_AUTH_FAILED || rc == LIBSSH2_ERROR_METHOD_NOT_SUPPORTED) {
            return fail(s, -EACCES, "sftp.login", false,
                        "the private key cannot be read. It must be a PEM or OpenSSH key, with its "
                        "passphrase when it has one.",
                        err);
        }
    }
    if (!in && password[0] && (offers(methods, "password") || t->private_key.len)) {
        REPEAT(s, rc,
               libssh2_userauth_password_ex(s->ssh, user, (unsigned)strlen(user), password,
                                            (unsigned)strlen(password), NULL),
               err);
        in = rc == 0;
    }
    if (!in && password[0] && offers(methods, "keyboard-interactive")) {
        s->password = password;
        REPEAT(s, rc,
               libssh2_userauth_keyboard_interactive_ex(s->ssh, user, (unsigned)strlen(user),
                                                        on_questions),
               err);
        s->password = NULL;
        in = rc == 0;
    }
    if (!in && rc == LIBSSH2_ERROR_SOCKET_DISCONNECT) {
        return failed(s, STR(""), err);
    }
    if (in) {
        return 0;
    }
    /* The library signs with RSA keys as ssh-rsa only, which OpenSSH has not taken since 8.8. */
    return fail(s, -EACCES, "sftp.login", false,
                t->private_key.len
                    ? "the server does not accept the user name and the private key. Many servers "
                      "refuse RSA keys, which are used with SHA-1 here: use an Ed25519 or ECDSA "
                      "key."
                    : "the server does not accept the user name and the password. Check the "
                      "connection.",
                err);
}

int sftp_session_open(const struct sftp_target *t, struct sftp_session **ret, struct err *err)
{
    AUTO(sftp_session_free) struct sftp_session *s = mem_new(struct sftp_session);
    s->server = t->server;
    s->secrets[0] = t->server.password;
    s->secrets[1] = t->passphrase;
    s->secrets[2] = t->private_key;
    int rc = net_stream_open(&t->server, &s->stream, err);
    if (rc < 0) {
        return rc;
    }
    (void)pthread_once(&ssh_once, start_ssh);
    s->fd = net_stream_socket(s->stream);
    s->ssh = libssh2_session_init_ex(NULL, NULL, NULL, s);
    ASSERT(s->ssh);
    libssh2_session_set_blocking(s->ssh, 0);
    REPEAT(s, rc, libssh2_session_handshake(s->ssh, s->fd), err);
    if (rc != 0) {
        return failed(s, STR(""), err);
    }
    if (t->fingerprint.len && !key_fits(s->ssh, t->fingerprint)) {
        return fail(s, -EACCES, "sftp.host_key", false,
                    "the server's host key is not the one with the expected fingerprint. Nothing "
                    "was sent. Ask who runs the server whether the key has changed.",
                    err);
    }
    rc = log_in(s, t, err);
    if (rc < 0) {
        return rc;
    }
    REPEAT_NEW(s, s->sftp, libssh2_sftp_init(s->ssh), err)
    if (!s->sftp) {
        return failed(s, STR(""), err);
    }
    *ret = TAKE(s);
    return 0;
}

/* Without waiting: what cannot be said at once is not said, and a dead socket ends the rest. */
struct sftp_session *sftp_session_free(struct sftp_session *s)
{
    if (s) {
        if (s->ssh) {
            (void)libssh2_session_disconnect(s->ssh, "bye");
            (void)shutdown(s->fd, SHUT_RDWR);
            for (int i = 0; s->handle && i < MAX_FREE_CALLS; i++) {
                if (libssh2_sftp_close_handle(s->handle) != LIBSSH2_ERROR_EAGAIN) {
                    break;
                }
            }
            for (int i = 0; s->sftp && i < MAX_FREE_CALLS; i++) {
                if (libssh2_sftp_shutdown(s->sftp) != LIBSSH2_ERROR_EAGAIN) {
                    break;
                }
            }
            for (int i = 0; i < MAX_FREE_CALLS; i++) {
                if (libssh2_session_free(s->ssh) != LIBSSH2_ERROR_EAGAIN) {
                    break;
                }
            }
        }
        net_stream_free(s->stream);
        mem_free(s);
    }
    return NULL;
}

/* --- files ---------------------------------------------------------------------------------------
 */

static int open_handle(struct sftp_session *s, struct str path, unsigned long flags, int type,
                       struct err *err)
{
    REPEAT_NEW(s, s->handle,
               libssh2_sftp_open_ex(s->sftp, path.ptr, (unsigned)path.len, flags, FILE_MODE, type),
               err)
    return s->handle ? 0 : failed(s, path, err);
}

/* Says that a file is whole; errors show only here on some servers. */
static int close_handle(struct sftp_session *s, struct str path, struct err *err)
{
    int rc;
    REPEAT(s, rc, libssh2_sftp_close_handle(s->handle), err);
    s->handle = NULL;
    return rc == 0 ? 0 : failed(s, path, err);
}

static int read_all(struct sftp_session *s, struct str path, struct spill *into, struct err *err)
{
    for (;;) {
        char part[READ_BYTES];
        ssize_t n;
        REPEAT(s, n, libssh2_sftp_read(s->handle, part, sizeof(part)), err);
        if (n == 0) {
            return 0;
        }
        if (n < 0) {
            return failed(s, path, err);
        }
        if (!spill_add(into, part, (size_t)n)) {
            if (!into->full) {
                return spill_error(into, err);
            }
            char words[200];
            (void)snprintf(words, sizeof(words),
                           "the file is larger than the %zu bytes that one execution can hold.",
                           into->max);
            return fail(s, -EMSGSIZE, "sftp.too_large", false, words, err);
        }
    }
}

int sftp_session_read(struct sftp_session *s, struct arena *a, struct spill_set *spills,
                      struct str path, size_t max_bytes, struct str *ret, struct err *err)
{
    int rc = open_handle(s, path, LIBSSH2_FXF_READ, LIBSSH2_SFTP_OPENFILE, err);
    if (rc < 0) {
        return rc;
    }
    AUTO(spill_done) struct spill b = SPILL_NONE;
    spill_begin(&b, spills, MAX(max_bytes, (size_t)1));
    rc = read_all(s, path, &b, err);
    if (rc == 0) {
        rc = close_handle(s, path, err);
    }
    return rc == 0 ? spill_end(&b, a, ret, err) : rc;
}

int sftp_session_write(struct sftp_session *s, struct str path, struct str data, bool append,
                       struct err *err)
{
    unsigned long flags =
        LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | (append ? LIBSSH2_FXF_APPEND : LIBSSH2_FXF_TRUNC);
    int rc = open_handle(s, path, flags, LIBSSH2_SFTP_OPENFILE, err);
    if (rc == 0 && append) {
        struct sftp_stat stat; /* servers that do not know APPEND write where we say */
        rc = sftp_session_stat(s, path, &stat, err);
        libssh2_sftp_seek64(s->handle, rc == 0 ? stat.size : 0);
    }
    while (rc == 0 && data.len) {
        ssize_t n;
        REPEAT(s, n, libssh2_sftp_write(s->handle, data.ptr, data.len), err);
        if (n < 0) {
            return failed(s, path, err);
        }
        data = str_n(data.ptr + n, data.len - (size_t)n);
    }
    return rc < 0 ? rc : close_handle(s, path, err);
}

static void read_stat(const LIBSSH2_SFTP_ATTRIBUTES *from, struct sftp_stat *ret)
{
    *ret = (struct sftp_stat){0};
    if (from->flags & LIBSSH2_SFTP_ATTR_SIZE) {
        ret->size = from->filesize;
    }
    if (from->flags & LIBSSH2_SFTP_ATTR_PERMISSIONS) {
        ret->mode = (uint32_t)from->permissions;
    }
    if (from->flags & LIBSSH2_SFTP_ATTR_UIDGID) {
        ret->uid = (uint32_t)from->uid;
        ret->gid = (uint32_t)from->gid;
    }
    if (from->flags & LIBSSH2_SFTP_ATTR_ACMODTIME) {
        ret->accessed = (uint32_t)from->atime;
        ret->modified = (uint32_t)from->mtime;
    }
}

int sftp_session_list(struct sftp_session *s, struct arena *a, struct str path, size_t max,
                      struct sftp_entry **ret, size_t *ret_n, struct err *err)
{
    struct sftp_entry *entries = NULL;
    size_t n = 0, cap = 0;
    int rc = open_handle(s, path, 0, LIBSSH2_SFTP_OPENDIR, err);
    while (rc == 0) {
        char name[MAX_NAME];
        LIBSSH2_SFTP_ATTRIBUTES attributes;
        ssize_t len;
        REPEAT(s, len, libssh2_sftp_readdir_ex(s->handle, name, sizeof(name), NULL, 0, &attributes),
               err);
        if (len == 0) {
            break;
        }
        if (len < 0) {
            return failed(s, path, err);
        }
        struct str text = str_n(name, (size_t)len);
        if (str_eq(text, STR(".")) || str_eq(text, STR(".."))) {
            continue;
        }
        size_t grown = cap ? cap * 2 : FIRST_ENTRIES;
        if (n == max || arena_room(a) < KIB(4) + (n == cap ? grown * sizeof(*entries) : 0)) {
            return fail(s, -E2BIG, "sftp.too_large", false,
                        "the directory has more entries than one execution can hold.", err);
        }
        if (n == cap) {
            struct sftp_entry *longer = arena_array(a, grown, sizeof(*longer));
            if (n) {
                memcpy(longer, entries, n * sizeof(*longer));
            }
            entries = longer;
            cap = grown;
        }
        entries[n].name = str_n(arena_strndup(a, text.ptr, text.len), text.len);
        read_stat(&attributes, &entries[n++].stat);
    }
    if (rc == 0) {
        rc = close_handle(s, path, err);
    }
    if (rc == 0) {
        *ret = entries;
        *ret_n = n;
    }
    return rc;
}

int sftp_session_stat(struct sftp_session *s, struct str path, struct sftp_stat *ret,
                      struct err *err)
{
    LIBSSH2_SFTP_ATTRIBUTES attributes;
    int rc;
    REPEAT(
        s, rc,
        libssh2_sftp_stat_ex(s->sftp, path.ptr, (unsigned)path.len, LIBSSH2_SFTP_STAT, &attributes),
        err);
    if (rc < 0) {
        return failed(s, path, err);
    }
    read_stat(&attributes, ret);
    return 0;
}

int sftp_session_delete(struct sftp_session *s, struct str path, struct err *err)
{
    int rc;
    REPEAT(s, rc, libssh2_sftp_unlink_ex(s->sftp, path.ptr, (unsigned)path.len), err);
    return rc == 0 ? 0 : failed(s, path, err);
}

int sftp_session_move(struct sftp_session *s, struct str from, struct str to, struct err *err)
{
    int rc;
    REPEAT(s, rc,
           libssh2_sftp_rename_ex(s->sftp, from.ptr, (unsigned)from.len, to.ptr, (unsigned)to.len,
                                  LIBSSH2_SFTP_RENAME_ATOMIC | LIBSSH2_SFTP_RENAME_NATIVE),
           err);
    return rc == 0 ? 0 : failed(s, from, err);
}

int sftp_session_make_directory(struct sftp_session *s, struct str path, struct err *err)
{
    int rc;
    REPEAT(s, rc, libssh2_sftp_mkdir_ex(s->sftp, path.ptr, (unsigned)path.len, FOLDER_MODE), err);
    return rc == 0 ? 0 : failed(s, path, err);
}
