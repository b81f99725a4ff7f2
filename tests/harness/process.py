"""One process of a test: started, killed, paused, continued and started again, always by its pid.

Its output goes to a log file of its own. It dies with the thread that started it, so that nothing
is left behind when the test runner itself is killed: start processes on the main thread only."""
import os
import signal
import socket
import subprocess
import time

# What must never be in a log, whatever a test expects.
TROUBLE = ('ERROR: AddressSanitizer', 'ERROR: LeakSanitizer', 'runtime error:',
           'WARNING: ThreadSanitizer', 'FATAL: ThreadSanitizer', 'assert failed')

SANITIZER_DEFAULTS = {
    'ASAN_OPTIONS': 'abort_on_error=1:handle_segv=2:detect_stack_use_after_return=1',
    'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1',
    'LSAN_OPTIONS': 'suppressions=%s/lsan.supp',
    'TSAN_OPTIONS': 'halt_on_error=1:second_deadlock_stack=1:suppressions=%s/tsan.supp',
}


def sanitizer_env():
    """The environment of children; what the caller has set wins."""
    tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    env = dict(os.environ)
    for name, options in SANITIZER_DEFAULTS.items():
        env.setdefault(name, options % tests if '%s' in options else options)
    return env


def free_port():
    """A port of loopback that the kernel says is free."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class ProcessFailed(AssertionError):
    pass


class Process:
    def __init__(self, name, args, log_dir, user=None, stop_signal=signal.SIGTERM,
                 ends_well=(0,)):
        self.name = name
        self.args = [str(a) for a in args]
        self.log_path = os.path.join(log_dir, name + '.log')
        self.user = user
        self.stop_signal = stop_signal
        self.ends_well = ends_well
        self.child = None
        self.killed = False

    @property
    def pid(self):
        return self.child.pid

    def start(self):
        assert not self.running(), '%s runs already' % self.name
        become = ['--reuid', self.user, '--regid', self.user, '--init-groups'] if self.user else []
        command = ['setpriv', *become, '--pdeathsig', 'KILL', '--', *self.args]
        with open(self.log_path, 'ab') as log:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log, cwd='/', env=sanitizer_env(),
                                          start_new_session=True)
        self.killed = False
        return self

    def running(self):
        return self.child is not None and self.child.poll() is None

    def signal(self, number):
        assert self.running(), '%s does not run' % self.name
        os.kill(self.pid, number)

    def kill(self):
        self.killed = True
        self.signal(signal.SIGKILL)
        self.child.wait()

    def pause(self):
        self.signal(signal.SIGSTOP)
        self._wait_state('T')

    def resume(self):
        self.signal(signal.SIGCONT)

    def _wait_state(self, state):
        until = time.monotonic() + 10
        while True:
            with open('/proc/%d/stat' % self.pid) as f:
                if f.read().rsplit(')', 1)[1].split()[0] == state:
                    return
            assert time.monotonic() < until, '%s is not in state %s' % (self.name, state)
            time.sleep(0.001)

    def stop(self, timeout=60, stop_signal=None):
        """Asks it to end and waits; it must end well."""
        self.check()
        if not self.running():
            return
        self.signal(stop_signal or self.stop_signal)
        try:
            status = self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ProcessFailed('%s did not end within %d s\n%s' % (
                self.name, timeout, self.log_tail())) from None
        if status not in self.ends_well:
            raise ProcessFailed('%s ended with status %d\n%s' % (self.name, status,
                                                                 self.log_tail()))

    def check(self):
        """Raises when it ended by itself."""
        if self.child is not None and not self.killed and self.child.poll() is not None \
                and self.child.returncode not in self.ends_well:
            raise ProcessFailed('%s ended by itself with status %d\n%s' % (
                self.name, self.child.returncode, self.log_tail()))

    def log(self):
        with open(self.log_path, errors='replace') as f:
            return f.read()

    def log_tail(self, size=6000):
        return self.log()[-size:] if os.path.exists(self.log_path) else ''

    def trouble(self):
        """The part of the log where a sanitizer or an assertion speaks; '' when none did."""
        if not os.path.exists(self.log_path):
            return ''
        text = self.log()
        places = [text.find(mark) for mark in TROUBLE if mark in text]
        return '%s:\n%s' % (self.name, text[max(0, min(places) - 300):][:8000]) if places else ''
