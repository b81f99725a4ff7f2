/* Owns fork, exec and wait for `leat dev`. Single-threaded. */
#include "cli/child.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "str.h"

#define PAUSE_MAX_NS (5 * NS_PER_SEC)
#define LOG_TAIL     300 /* bytes shown */

static noreturn_fn void child_exec(const struct child *c, const struct passwd *user, pid_t parent,
                                   int log_fd)
{
    (void)dup2(log_fd, STDOUT_FILENO);
    (void)dup2(log_fd, STDERR_FILENO);
    int null = open("/dev/null", O_RDONLY);
    (void)dup2(null, STDIN_FILENO);
    (void)setpgid(0, 0); /* a Ctrl-C at the terminal goes to the parent alone */
    if (user && (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
                 setuid(user->pw_uid) != 0)) {
        fprintf(stderr, "cannot become user %s: %s\n", user->pw_name, strerror(errno));
        _exit(126);
    }
    /* After setuid, which clears it. The parent may have died before this line. */
    (void)prctl(PR_SET_PDEATHSIG, c->stop_signal);
    if (getppid() != parent) {
        _exit(125);
    }
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    char *args[CHILD_ARGS_MAX];
    for (int i = 0; i < CHILD_ARGS_MAX; i++) {
        args[i] = (char *)(uintptr_t)c->args[i];
    }
    execv(args[0], args);
    fprintf(stderr, "cannot run %s: %s\n", args[0], strerror(errno));
    _exit(127);
}

int child_start(struct child *c, struct err *err)
{
    const struct passwd *user = c->user ? getpwnam(c->user) : NULL;
    if (c->user && !user) {
        return err_set(err, -ENOENT, "dev.no_user",
                       "PostgreSQL may not run as root and the user \"%s\" does not exist: install "
                       "the package postgresql, or run as another user",
                       c->user);
    }
    int log_fd = open(c->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (log_fd < 0) {
        return err_set(err, -errno, "dev.log", "cannot write %s: %s", c->log_path, strerror(errno));
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        child_exec(c, user, parent, log_fd);
    }
    close(log_fd);
    if (pid < 0) {
        return err_set(err, -errno, "dev.fork", "cannot start %s: %s", c->name, strerror(errno));
    }
    c->pid = pid;
    c->started_ns = clock_mono_ns();
    return 0;
}

static bool reap(struct child *c, int *ret_status)
{
    if (c->pid != 0 && waitpid(c->pid, ret_status, WNOHANG) == c->pid) {
        c->pid = 0;
        return true;
    }
    return false;
}

void child_stop(struct child *c, int64_t wait_ms)
{
    int status;
    if (c->pid == 0 || reap(c, &status)) {
        return;
    }
    (void)kill(c->pid, c->stop_signal);
    int64_t until = clock_mono_ns() + wait_ms * NS_PER_MS;
    while (clock_mono_ns() < until) {
        if (reap(c, &status)) {
            return;
        }
        clock_wait_ns(10 * NS_PER_MS);
    }
    log_warn("a child did not end in time and is killed", LOG_STR("child", c->name));
    (void)kill(c->pid, SIGKILL);
    (void)waitpid(c->pid, &status, 0);
    c->pid = 0;
}

void child_watch(struct child *c)
{
    int status = 0;
    if (reap(c, &status)) {
        c->restarts++;
        log_warn("a child ended by itself", LOG_STR("child", c->name),
                 LOG_INT("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
                 LOG_INT("status", WIFEXITED(status) ? WEXITSTATUS(status) : 0),
                 LOG_STR("log", c->log_path));
    }
    if (c->pid != 0) {
        if (clock_mono_ns() - c->started_ns > 30 * NS_PER_SEC) {
            c->restarts = 0;
        }
        return;
    }
    int64_t pause = MIN(NS_PER_SEC / 4 * MAX(c->restarts, 1), PAUSE_MAX_NS);
    if (clock_mono_ns() - c->started_ns >= pause) {
        struct err err;
        if (child_start(c, &err) != 0) {
            c->started_ns = clock_mono_ns();
            log_error("a child cannot be started again", LOG_STR("error", err.message));
        }
    }
}

static void add_log_tail(const char *path, struct buf *to)
{
    char tail[LOG_TAIL];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    off_t size = lseek(fd, 0, SEEK_END);
    (void)lseek(fd, size > LOG_TAIL ? size - LOG_TAIL : 0, SEEK_SET);
    ssize_t n = read(fd, tail, sizeof(tail));
    close(fd);
    if (n > 0) {
        buf_add(to, tail, (size_t)n);
    }
}

int child_failed(const struct child *c, struct err *err)
{
    AUTO(buf_done) struct buf tail = {0};
    buf_init(&tail, KIB(4));
    add_log_tail(c->log_path, &tail);
    return err_set(err, -ECHILD, "dev.child", "%s failed; its log %s ends with:\n%s", c->name,
                   c->log_path, tail.data ? tail.data : "");
}

int child_run(struct child *c, struct err *err)
{
    int status = 0;
    int r = child_start(c, err);
    if (r != 0) {
        return r;
    }
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) {
    }
    c->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return 0;
    }
    return child_failed(c, err);
}
