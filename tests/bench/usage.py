"""CPU time and memory of processes, from /proc."""
import os
import threading
import time

TICK = os.sysconf('SC_CLK_TCK')
PRODUCT = ('leat-controlplane', 'leat-worker', 'nats-server', 'postgres')
STUB = 'stub-server'  # the third party


def children(pid):
    try:
        with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
            return [int(word) for word in f.read().split()]
    except FileNotFoundError:
        return []


def stat_seconds(pid, waited):
    """User and system time; with waited, that of children that ended, too."""
    try:
        with open('/proc/%d/stat' % pid) as f:
            fields = f.read().rpartition(')')[2].split()
    except FileNotFoundError:
        return 0
    return sum(int(ticks) for ticks in fields[11:15 if waited else 13]) / TICK


def cpu_seconds(pid):
    """Of a process, and for PostgreSQL of all its processes."""
    return stat_seconds(pid, True) + sum(stat_seconds(child, False) for child in children(pid))


def field_bytes(pid, field):
    """A field of /proc/PID/status that is in kB."""
    with open('/proc/%d/status' % pid) as f:
        for line in f:
            if line.startswith(field + ':'):
                return int(line.split()[1]) * 1024
    return 0


def rss_bytes(pid):
    return field_bytes(pid, 'VmRSS')


def threads_of(pid):
    return len(os.listdir('/proc/%d/task' % pid))


def files_of(pid):
    return len(os.listdir('/proc/%d/fd' % pid))


def pss_bytes(pid):
    """Shared pages are counted once over all processes that have them."""
    try:
        with open('/proc/%d/smaps_rollup' % pid) as f:
            for line in f:
                if line.startswith('Pss:'):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        pass
    return 0


def memory_bytes(name, pid):
    if name == 'postgres':
        return sum(pss_bytes(p) for p in [pid] + children(pid))
    return rss_bytes(pid)


def machine_busy_seconds():
    with open('/proc/stat') as f:
        ticks = [int(word) for word in f.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICK


class CpuMeter:
    """CPU of the product's processes, of the load generator and of everything else."""

    def __init__(self, services):
        self.services = services
        self.start = self.read()

    def read(self):
        now = {name: cpu_seconds(self.services.pid(name)) for name in PRODUCT + (STUB,)
               if name in self.services.processes}
        own = os.times()
        now['benchmark'] = own.user + own.system
        now['load generator'] = own.children_user + own.children_system
        now['machine'] = machine_busy_seconds()
        now['time'] = time.monotonic()
        return now

    def used(self):
        now = self.read()
        used = {name: now[name] - self.start.get(name, 0) for name in now}
        ours = sum(used[name] for name in used if name not in ('machine', 'time'))
        elapsed = used.pop('time')
        machine = used.pop('machine')
        return used, max(0, (machine - ours) / (elapsed * os.cpu_count()))


class MemorySampler(threading.Thread):
    """Memory of the product's processes, once a second."""

    def __init__(self, services):
        super().__init__(daemon=True)
        self.services = services
        self.samples = []
        self.ended = threading.Event()

    def sample(self):
        return {name: memory_bytes(name, self.services.pid(name)) for name in PRODUCT}

    def run(self):
        while not self.ended.wait(1):
            try:
                self.samples.append((time.monotonic(), self.sample()))
            except (KeyError, FileNotFoundError, ProcessLookupError):
                pass  # the worker is being replaced

    def start(self):
        self.samples.append((time.monotonic(), self.sample()))
        super().start()

    def stop(self):
        self.ended.set()
        self.join()

    def most(self, name):
        return max(sample[name] for _, sample in self.samples)
