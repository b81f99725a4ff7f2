"""Large results under killed workers and control planes: each execution is recorded once with exactly
its bytes, and nothing is left that no result names."""
import random
import time

from fault.cases import unfinished
from harness import flows as f
from harness.api import Tenant
from harness.sender import send
from harness.stack import Stack
from harness.stub import Stub
from harness.wait import wait_until

STEPS = '''query($id: ID!) { executionResult(id: $id) { error stepResults { nodes {
  displayStepName resultsUrl } } } }'''


class Outcome:
    """What came of it."""

    def __init__(self):
        self.executions = self.recorded = self.taken_over = self.wrong = self.left = 0
        self.while_sending = 0

    def good(self):
        return self.recorded == self.executions and not self.wrong and not self.left

    def __str__(self):
        return ', '.join('%s %d' % item for item in vars(self).items())


def data_of(n, size):
    """Bytes that cannot be packed, other ones for each event."""
    return random.Random(n).randbytes(size)


def flow(url):
    """The second write makes the step results before it a checkpoint, which names the first value."""
    get = {'url': f.template(url + '/large?n={{$start.results.body.data.n}}'),
           'responseType': 'binary', 'timeout': '60000'}
    put = {'url': url + '/effect', 'data': f.ref('start.results.body.data.n'), 'responseType': 'text'}
    return f.integration('Large values', f.flow(
        'Main', f.trigger(), f.step('Large', 'http.httpGet', get),
        f.step('First', 'http.httpPost', put), f.step('Again', 'http.httpGet', get),
        f.step('Second', 'http.httpPost', put)))


def chunks(stack):
    return stack.sql('SELECT count(*) FROM execution_value_chunk')[0][0]


def wrong_values(stack, tenant, executions, size):
    wrong = 0
    for n, execution in enumerate(executions):
        got = tenant.api.ask(STEPS, id=execution)['executionResult']
        urls = {s['displayStepName']: s['resultsUrl'] for s in got['stepResults']['nodes']}
        for name in ('Large', 'Again'):
            whole = send(urls[name], method='GET', timeout=60).body if urls.get(name) else b''
            wrong += got['error'] is not None or data_of(n, size) not in whole or \
                len(whole) > size + 100
    return wrong


def run_values(cluster, events, size, kills, say=lambda text: None):
    """kills: names of those that are killed, one after another, while chunks come."""
    outcome, stub = Outcome(), Stub()
    stack = Stack(cluster).start()
    stub.on('/large', lambda request: (200, {'Content-Type': 'image/png'},
                                       data_of(int(request.query['n']), size)))
    stub.on('/effect', (200, {'Content-Type': 'text/plain'}, b'ok'))
    try:
        tenant = Tenant(stack, 'Values')
        deployed = tenant.deploy(flow(stub.url))
        executions = [send(deployed.url(), {'n': n}).execution_id for n in range(events)]
        total = 2 * events * -(-size // 1048576)
        for i, victim in enumerate(kills):
            at = total * (i + 1) // (len(kills) + 2)
            wait_until(lambda at=at: chunks(stack) >= at, 120, every=0.005)
            outcome.while_sending += unfinished(stack) > 0
            say('strike %d at %d chunks: %s' % (i + 1, chunks(stack), victim))
            process = stack.controlplane if victim == 'controlplane' else stack.workers[0]
            process.kill()
            process.start()
            if victim == 'controlplane':
                stack.wait_ready()
        wait_until(lambda: unfinished(stack) == 0, 180, every=0.2)
        outcome.executions = events
        rows = stack.sql('SELECT status, attempt FROM execution_result')
        outcome.recorded = len(rows)
        outcome.wrong = sum(status != 1 for status, _ in rows)
        outcome.taken_over = sum(attempt > 1 for _, attempt in rows)
        outcome.wrong += wrong_values(stack, tenant, executions, size)
        begin = time.monotonic()
        named = total
        wait_until(lambda: chunks(stack) == named or time.monotonic() - begin > 60, 70, every=0.2)
        outcome.left = chunks(stack) - named
    finally:
        stub.close()
        stack.stop()
    return outcome
