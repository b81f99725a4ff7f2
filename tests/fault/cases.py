"""The fault cases: a load of events, victims that are killed under it, and the count afterwards.

What senders were told is compared with what is recorded, by SQL and by the API:
  lost          told 200, but there is no recorded result
  doubled       more results than executions, or an event that is recorded in two executions
  left running  accepted, but without a result after SETTLE_MAX seconds
  wrong         recorded, but not with the event's own number in its step results, or as failed
In the case of a FIFO queue "wrong" counts, too, each run that was not in its turn: begun before the
one accepted before it had ended, or seen by a third party after a later one.
All four must be 0. "taken over" counts results of a second or later attempt: the faults did bite."""
import base64
import json
import os
import subprocess
import sys
import time
import uuid

from harness import flows as f
from harness.api import Tenant
from harness.process import sanitizer_env
from harness.stack import Stack
from harness.stub import Stub
from harness.wait import TimedOut, wait_until

SETTLE_MAX = 120
PAUSE = 14  # seconds: longer than a worker's lease of 10
PAGE = 100



def fifo_flow(stub_url):
    """One at a time; each tells a third party its number."""
    return f.integration('Faults', f.flow(
        'Main', f.trigger(),
        f.step('Tell', 'http.httpPost', {
            'url': stub_url + '/turn', 'data': f.ref('start.results.body.data.n')}),
        f.branch_on('Kind', 'start.results.body.data.kind',
                    slow=[f.step('Slow', 'sleep.sleep', {'ms': '250'})]),
        f.make_object('Marker', n=f.ref('start.results.body.data.n')),
        queueConfig={'usesFifoQueue': True}))


# Every 20th event takes the slow branch, so that runs are under way whenever a victim dies.
FLOW = f.integration('Faults', f.flow(
    'Main', f.trigger(),
    f.branch_on('Kind', 'start.results.body.data.kind',
                odd=[f.join('Odd', 'odd ', f.ref('start.results.body.data.n'))],
                slow=[f.step('Slow', 'sleep.sleep', {'ms': '250'})],
                Else=[f.join('Even', 'even ', f.ref('start.results.body.data.n'))]),
    f.make_object('Marker', n=f.ref('start.results.body.data.n'), kind=f.ref('kind.results'))))


def kill_worker(stack, i):
    stack.workers[0].kill()
    stack.workers[0].start()


def kill_controlplane(stack, i):
    stack.controlplane.kill()
    stack.controlplane.start()


def kill_nats(stack, i):
    stack.nats.kill()
    stack.nats.start()


def lose_nats(stack, i):
    stack.nats.kill()
    stack.nats.lose_store()
    stack.nats.start()


def crash_postgres(stack, i):
    stack.postgres.crash()
    stack.postgres.start()


def kill_all(stack, i):
    for process in stack.processes:
        process.kill()
    stack.postgres.crash()
    stack.postgres.start()
    stack.nats.start()
    stack.controlplane.start()
    for worker in stack.workers:
        worker.start()


def pause_worker(stack, i):
    """Long enough to lose its lease; meanwhile the other one goes on."""
    worker = stack.workers[i % 2]
    worker.pause()
    until = time.monotonic() + PAUSE
    wait_until(lambda: time.monotonic() > until, PAUSE + 5)
    worker.resume()


def kill_in_turn(stack, i):
    [kill_worker, kill_controlplane, lose_nats, crash_postgres, kill_all][i % 5](stack, i)


class Case:
    """lasts: seconds of one strike, over which the load is spread. fifo: through a FIFO queue, with
    a twentieth of the events, and the order is checked."""

    def __init__(self, name, what, strike, workers=1, keys=False, lasts=1, kills=None, fifo=False):
        self.kills = kills
        self.fifo = fifo
        self.name = name
        self.lasts = lasts
        self.what = what
        self.strike = strike
        self.workers = workers
        self.keys = keys


CASES = [
    Case('worker', 'worker killed', kill_worker),
    Case('controlplane', 'control plane killed', kill_controlplane),
    Case('controlplane-keys', 'control plane killed, senders retry with Idempotency-Key',
         kill_controlplane, keys=True),
    Case('nats', 'nats-server killed', kill_nats),
    Case('nats-store', 'nats-server killed, its store deleted', lose_nats),
    Case('postgres', 'PostgreSQL stopped at once, started', crash_postgres),
    Case('all', 'all of them at once', kill_all),
    Case('paused', f'worker paused for {PAUSE} s, resumed', pause_worker, workers=2,
         lasts=PAUSE + 1),
    Case('fifo', 'FIFO queue; worker, control plane, NATS with its store, PostgreSQL, all of them '
         'killed in turn', kill_in_turn, lasts=3, kills=5, fifo=True),
]


class Load:
    """The sender's process and its report."""

    def __init__(self, stack, url, events, rate, keys):
        self.path = stack.path('report.jsonl')
        self.progress = open(stack.path('sender.log'), 'w+')
        command = [sys.executable, os.path.join(os.path.dirname(__file__), 'sender.py'),
                   '--url', url, '--report', self.path, '--accepted', str(events),
                   '--rate', str(rate)] + (['--keys'] if keys else [])
        self.child = subprocess.Popen(command, stdout=self.progress, stderr=self.progress,
                                      env=sanitizer_env())

    def accepted(self):
        with open(self.progress.name) as file:
            lines = file.read().split('\n')
        done = [line for line in lines[:-1] if line.isdigit()]
        assert self.child.poll() in (None, 0), '\n'.join(lines)
        return int(done[-1]) if done else 0

    def wait(self, n):
        wait_until(lambda: self.accepted() >= n or self.child.poll() is not None, 600,
                   '%d events are accepted' % n)

    def finish(self):
        self.child.wait()
        self.progress.close()
        with open(self.path) as file:
            return [json.loads(line) for line in file]


def uuid_of(global_id):
    return uuid.UUID(base64.b64decode(global_id).decode().split(':')[1])


def recorded(api):
    """Of every finished execution, newest first: (uuid, the marker in its step results, error)."""
    after = None
    while True:
        page = api.ask('''query($after: String) { executionResults(first: %d, after: $after) {
            pageInfo { hasNextPage endCursor } nodes { id endedAt error
            stepResults { nodes { displayStepName results } } } } }''' % PAGE,
                       after=after)['executionResults']
        for node in page['nodes']:
            if node['endedAt']:
                marker = [s['results'] for s in node['stepResults']['nodes']
                          if s['displayStepName'] == 'Marker']
                yield uuid_of(node['id']), marker[0]['n'] if marker else None, node['error']
        if not page['pageInfo']['hasNextPage']:
            return
        after = page['pageInfo']['endCursor']


class Outcome:
    """The row of a case. Columns are what is printed."""
    COLUMNS = ['accepted', 'answered 200', 'recorded', 'lost', 'doubled', 'left running', 'wrong',
               'taken over', 'unanswered', 'refused', 'settled after']

    def __init__(self, case, kills):
        self.case = case
        self.kills = kills
        self.n = dict.fromkeys(self.COLUMNS, 0)

    def good(self):
        return not any(self.n[c] for c in ('lost', 'doubled', 'left running', 'wrong'))

    def row(self):
        cells = ['%.0f s' % self.n[c] if c == 'settled after' else '%d' % self.n[c]
                 for c in self.COLUMNS]
        return '| %s, %d× | %s |' % (self.case.what, self.kills, ' | '.join(cells))

    @classmethod
    def head(cls):
        return '| case | %s |\n|---|%s' % (' | '.join(cls.COLUMNS), '---:|' * len(cls.COLUMNS))


def unfinished(stack):
    return stack.sql('SELECT count(*) FROM execution e WHERE NOT EXISTS '
                     '(SELECT FROM execution_result r WHERE r.id = e.id)')[0][0]


def settle(stack, n):
    begin = time.monotonic()
    try:
        wait_until(lambda: unfinished(stack) == 0, SETTLE_MAX, every=0.2)
    except TimedOut:
        pass
    n['settled after'] = time.monotonic() - begin
    n['left running'] = unfinished(stack)


def count(stack, api, report, n):
    """Fills in the row from the report and the record."""
    told = {uuid_of(line['id']): line['n'] for line in report if 'id' in line}
    n['answered 200'] = sum('id' in line for line in report)
    n['unanswered'] = sum('lost' in line for line in report)
    n['refused'] = sum('status' in line for line in report)
    n['accepted'] = stack.sql('SELECT count(*) FROM execution')[0][0]
    rows = [r[0] for r in stack.sql('SELECT id FROM execution_result')]
    n['recorded'] = len(set(rows))
    n['taken over'] = stack.sql('SELECT count(*) FROM execution_result WHERE attempt > 1')[0][0]
    n['lost'] = len(set(told) - set(rows))
    markers, wrong = {}, 0
    for execution, marker, error in recorded(api):
        markers[marker] = markers.get(marker, 0) + 1
        wrong += error is not None or marker is None or told.get(execution, marker) != marker
    n['wrong'] = wrong
    n['doubled'] = len(rows) - len(set(rows)) + sum(m > 1 for m in markers.values()) + \
        (n['answered 200'] - len(told))


def out_of_turn(stack, turns):
    """Runs of a FIFO queue that were not in their turn. turns: numbers in the order in which the
    third party heard them; a run that died may tell its number twice, but not after a later one."""
    rows = stack.sql('SELECT e.id, r.started_at, r.ended_at FROM execution e '
                     'JOIN execution_result r ON r.id = e.id ORDER BY e.id')
    wrong = sum(later[1] < before[2] for before, later in zip(rows, rows[1:]))
    first = []
    for n in turns:
        if n in first[:-1]:
            wrong += 1
        elif n not in first[-1:]:
            first.append(n)
    return wrong, first


def check_turns(stack, api, turns, n):
    wrong, first = out_of_turn(stack, turns)
    by_id = {execution: marker for execution, marker, _ in recorded(api)}
    accepted = [by_id.get(row[0]) for row in stack.sql('SELECT id FROM execution ORDER BY id')]
    n['wrong'] += wrong + sum(a != b for a, b in zip(accepted, first)) + \
        abs(len(accepted) - len(first))


def run_case(cluster, case, events, kills, rate, say=lambda text: None):
    """One case on a fresh database: its Outcome."""
    kills = case.kills or kills
    events = max(300, events // 20) if case.fifo else events
    outcome = Outcome(case, kills)
    stub, turns = Stub(), []

    def turn(request):
        turns.append(int(request.body))
        return {}
    stub.on('/turn', turn)
    stack = Stack(cluster, workers=case.workers).start()
    tenant = Tenant(stack, 'Faults')
    deployed = tenant.deploy(fifo_flow(stub.url) if case.fifo else FLOW)
    deployed.run({'n': 0, 'kind': 'even'})
    load = Load(stack, deployed.url(), events, min(rate, events / (case.lasts * kills + 1)),
                case.keys)
    try:
        for i in range(kills):
            load.wait(events * (i + 1) // (kills + 1))
            say('%s: strike %d at %d events' % (case.name, i + 1, load.accepted()))
            case.strike(stack, i)
        report = load.finish()
    finally:
        if load.child.poll() is None:
            load.child.kill()
            load.child.wait()
    say('%s: %d answers, settling' % (case.name, len(report)))
    stack.wait_ready()
    settle(stack, outcome.n)
    count(stack, tenant.api, report, outcome.n)
    if case.fifo:
        check_turns(stack, tenant.api, turns, outcome.n)
    stub.close()
    if outcome.good():
        stack.stop()
    else:
        for process in stack.processes:
            process.stop()
        say('%s: kept for a look: %s, database %s' % (case.name, stack.folder, stack.database))
    return outcome
