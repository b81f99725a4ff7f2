/* One connection to an SFTP server. Every call blocks at most until the server's deadline. */
#pragma once

#include "components/component.h"
#include "net/net_server.h"

struct sftp_target {
    struct net_server server;
    struct str private_key, passphrase; /* PEM or OpenSSH; "" = log in by password */
    struct str fingerprint;             /* of the host key, "SHA256:..." or MD5 hex; "" = any */
};
struct sftp_session;
/* Connects, checks the host key and logs in. err: "sftp.host_key" (-EACCES), "sftp.login"
 * (-EACCES), "sftp.failed" and net_failure's. */
int sftp_session_open(const struct sftp_target *target, struct sftp_session **ret,
                      struct err *err) must_check;
struct sftp_session *sftp_session_free(struct sftp_session *s);
DEFINE_CLEANUP(struct sftp_session *, sftp_session_free)

struct sftp_stat {
    uint64_t size;
    uint32_t mode, uid, gid;     /* mode 0 = not known */
    uint32_t accessed, modified; /* seconds since the epoch; 0 = not known */
};
struct sftp_entry {
    struct str name; /* in the arena */
    struct sftp_stat stat;
};

/* All: 0, or <0 with err: "sftp.answer" (-EBADE: the server says no; *retryable tells), or as
 * above. Texts must hold no NUL. */
/* A large file is in `spills`; NULL = it stays in memory. */
int sftp_session_read(struct sftp_session *s, struct arena *a, struct spill_set *spills,
                      struct str path, size_t max_bytes, struct str *ret,
                      struct err *err) must_check;
int sftp_session_write(struct sftp_session *s, struct str path, struct str data, bool append,
                       struct err *err) must_check;
/* -E2BIG when there are more than max entries or the arena has no room. "." and ".." are left out.
 */
int sftp_session_list(struct sftp_session *s, struct arena *a, struct str path, size_t max,
                      struct sftp_entry **ret, size_t *ret_n, struct err *err) must_check;
int sftp_session_stat(struct sftp_session *s, struct str path, struct sftp_stat *ret,
                      struct err *err) must_check;
int sftp_session_delete(struct sftp_session *s, struct str path, struct err *err) must_check;
int sftp_session_move(struct sftp_session *s, struct str from, struct str to,
                      struct err *err) must_check;
int sftp_session_make_directory(struct sftp_session *s, struct str path,
                                struct err *err) must_check;
