"""The measurements of the engine and of calls to a third party; called like those in phases.py."""
import base64
import json
import statistics
import time
import urllib.request

import load
import usage
from services import Failure

ITERATIONS = 100000
REPETITIONS = 3
OPERATORS = 23  # comparisons in the flow Loop Conditions, all of which are true
STEP_BODY = {'n': ITERATIONS, 'number': 42, 'text': 'alpha beta', 'list': ['alpha', 'beta', 3],
             'date': '2024-05-01T10:00:00Z', 'flag': True, 'empty': ''}
CALL_CONNECTIONS = 64
WAITING = 10000
WAITING_RATE = 2000


def settle(bench):
    return bench.db.await_recorded(60 + bench.db.accepted.count() / 500)


def run_once(bench, flow, body):
    """Posts one event; returns (seconds that its run took, seconds until it was recorded)."""
    request = urllib.request.Request(bench.services.base_url + bench.hooks[flow],
                                     json.dumps(body).encode(),
                                     {'Content-Type': 'application/json'})
    start = time.monotonic()
    with urllib.request.urlopen(request, timeout=10) as reply:
        name = base64.b64decode(json.load(reply)['executionId']).decode()
    sql = ('SELECT status, error, extract(epoch FROM ended_at - started_at)::float8 '
           'FROM execution_result WHERE id = %s')
    until = start + 60
    while True:
        rows = bench.db.rows(sql, name.split(':')[1])
        now = time.monotonic()
        if rows:
            break
        if now > until:
            raise Failure('a run of "%s" is not recorded after 60 s' % flow)
        time.sleep(0.002)
    status, error, seconds = rows[0]
    if status != 1:
        raise Failure('"%s" failed: %s' % (flow, error))
    return seconds, now - start


def loop(bench, flow):
    run_once(bench, flow, dict(STEP_BODY, n=100))
    runs = [run_once(bench, flow, STEP_BODY) for _ in range(REPETITIONS)]
    return {'iterations': ITERATIONS, 'seconds': statistics.median(run[0] for run in runs),
            'until_recorded_seconds': statistics.median(run[1] for run in runs),
            'runs': [ITERATIONS / run[0] for run in runs]}


def steps(bench):
    """One execution with a loop of many iterations, recorded as ever; medians."""
    figures = {key: loop(bench, flow) for key, flow in (
        ('step', 'Loop Step'), ('branch', 'Loop Branch'), ('conditions', 'Loop Conditions'))}
    several, one = figures['conditions']['seconds'], figures['branch']['seconds']
    figures['comparisons'] = OPERATORS
    figures['ns_per_comparison'] = 1e9 * (several - one) / (OPERATORS - 1) / ITERATIONS
    return figures


def call(bench, flow, body, seconds):
    services, db = bench.services, bench.db
    before, recorded = services.ask_stub(), db.recorded.count()
    cpu = usage.CpuMeter(services)
    start = time.monotonic()
    wrk = load.run_wrk(body, services.base_url + bench.hooks[flow], CALL_CONNECTIONS, seconds)
    end = settle(bench)
    used, other = cpu.used()
    after, n = services.ask_stub(), db.recorded.count() - recorded
    return {'executions': n, 'executions_per_second': n / (end - start),
            'accepted_per_second': wrk['per_second'],
            'requests': after['requests'] - before['requests'],
            'connections': after['connections'] - before['connections'],
            'cpu_us_per_execution': {name: 1e6 * s / n for name, s in used.items()},
            'other_load': other}


def http(bench):
    """Executions of a trigger and one call of a fast third party, everything at once."""
    services, db = bench.services, bench.db
    services.start_stub()
    seconds = max(3, round(bench.seconds / 12))
    try:
        body = services.path('call.json')
        load.write_json(body, {'url': services.stub_url, 'order': {'id': 'ord-2024-000117'}})
        failed = db.failed()
        figures = {flow: call(bench, flow, body, seconds) for flow in ('Get', 'Post')}
    finally:
        services.stop('stub-server')
    figures['failed'] = db.failed() - failed
    return figures


def waiting(bench):
    """Runs that all wait for one slow third party, in one worker: it answers nobody before all have
    asked."""
    services, db = bench.services, bench.db
    services.stop('leat-worker')
    services.start_worker('--max-slots', str(WAITING))
    services.start_stub(WAITING)
    try:
        body = services.path('call.json')
        load.write_json(body, {'url': services.stub_url})
        run_once(bench, 'Loop Step', dict(STEP_BODY, n=10))
        pid = services.pid('leat-worker')
        before, failed, recorded = usage.pss_bytes(pid), db.failed(), db.recorded.count()
        start = time.monotonic()
        load.run_openloop(services, body, bench.hooks['Get'], WAITING_RATE, WAITING // WAITING_RATE)
        services.await_stub(120)
        asked = time.monotonic() - start
        figures = {'runs': WAITING, 'all_asked_seconds': asked, 'before': before,
                   'pss': usage.pss_bytes(pid), 'rss_anon': usage.field_bytes(pid, 'RssAnon'),
                   'threads': usage.threads_of(pid), 'files': usage.files_of(pid)}
        start = time.monotonic()
        figures['connections'] = services.ask_stub()['connections']
        figures['all_recorded_seconds'] = settle(bench) - start
    finally:
        services.stop('stub-server')
    figures['recorded'] = db.recorded.count() - recorded
    figures['failed'] = db.failed() - failed
    return figures
