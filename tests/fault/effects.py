"""Effects of steps outside: a flow of four writes to a server that counts, under a killed worker.

A write's Idempotency-Key names the effect. What must hold of each execution:
  its effects are four different keys, and the step results recorded are those four;
  once a later write has begun, no earlier one comes again ("repeated" is the number of those)."""
import threading
import time

from fault.cases import unfinished
from harness import flows as f
from harness.api import Tenant
from harness.sender import send
from harness.stack import Stack
from harness.stub import Stub
from harness.wait import wait_until

WRITES = 4


def write(name, url, at):
    return f.step(name, 'http.httpPost', {
        'url': url + '/effect', 'data': f.template('{{$start.results.body.data.n}} %s' % at),
        'responseType': 'text', 'timeout': '30000'})


def flow(url, record_before_writes):
    return f.integration('Effects', f.flow(
        'Main', f.trigger(),
        write('First', url, '1'),
        f.loop_n('Twice', 2, write('Looped', url, 'loop')),
        f.make_object('Between', n=f.ref('first.results')),
        write('Last', url, '4'), recordBeforeWrites=record_before_writes))


class Effects:
    """What came of it."""

    def __init__(self):
        self.executions = self.recorded = self.keys = self.repeated = self.requests = 0
        self.taken_over = self.wrong = 0

    def good(self):
        return (not self.repeated and not self.wrong and self.recorded == self.executions and
                self.keys == WRITES * self.executions)

    def __str__(self):
        return ', '.join('%s %d' % item for item in vars(self).items())


class Counter:
    """The server: by event, the keys in the order in which they came."""

    def __init__(self):
        self.lock = threading.Lock()
        self.keys = {}
        self.stub = Stub()
        self.stub.on('/effect', self.effect)

    def effect(self, request):
        n = request.body.split()[0].decode()
        with self.lock:
            self.keys.setdefault(n, []).append(request.headers['Idempotency-Key'])
        time.sleep(0.03)
        return 200, {'Content-Type': 'text/plain'}, request.body

    def total(self):
        with self.lock:
            return sum(map(len, self.keys.values()))

    def repeated(self, keys):
        """How often a write came again after a later one had begun."""
        return sum(key in keys[:i] and key != keys[i - 1] for i, key in enumerate(keys))


def run_effects(cluster, events, kills, record_before_writes=True, say=lambda text: None):
    outcome, counter = Effects(), Counter()
    stack = Stack(cluster).start()
    try:
        tenant = Tenant(stack, 'Effects')
        deployed = tenant.deploy(flow(counter.stub.url, record_before_writes))
        for n in range(events):
            assert send(deployed.url(), {'n': n}).status == 200
        for i in range(kills):
            wait_until(lambda: counter.total() >= WRITES * events * (i + 1) // (kills + 1), 120)
            say('strike %d at %d requests' % (i + 1, counter.total()))
            stack.workers[0].kill()
            stack.workers[0].start()
        wait_until(lambda: unfinished(stack) == 0, 120, every=0.2)
        outcome.executions = events
        rows = stack.sql('SELECT status, n_steps, attempt FROM execution_result')
        outcome.recorded = len(rows)
        outcome.wrong = sum(status != 1 or n_steps != 2 + 1 + 2 + 1 + 1
                            for status, n_steps, _ in rows)
        outcome.taken_over = sum(attempt > 1 for _, _, attempt in rows)
        outcome.requests = counter.total()
        outcome.keys = sum(len(set(keys)) for keys in counter.keys.values())
        outcome.repeated = sum(map(counter.repeated, counter.keys.values()))
        wait_until(lambda: stack.sql('SELECT count(*) FROM execution_checkpoint')[0][0] == 0, 60,
                   'the checkpoints of ended executions are deleted', every=0.2)
    finally:
        counter.stub.close()
        stack.stop()
    return outcome
