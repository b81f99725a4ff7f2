"""The measurements, one function each. Each leaves nothing running and nothing unrecorded."""
import os
import random
import statistics
import time
import urllib.request

import engine
import fairness
import fixture
import load
import usage
from services import Failure

CONNECTIONS = (1, 16, 64, 256)
SATURATING = (64, 256)
RATES = (100, 1000)
REPETITIONS = 3
IDLE_INSTANCES = 100000
BACKLOG_SLOTS = 16
STATS_DELAY_S = 11  # idle PostgreSQL processes report their counts within 10 s


def share(bench, part, least):
    return max(least, round(bench.seconds * part))


def settle(bench):
    """Everything accepted is recorded: what follows does not pay for what was before."""
    return bench.db.await_recorded(60 + bench.db.accepted.count() / 500)


def latency(bench):
    """At low load, open loop: accept, webhook -> row recorded, synchronous answer."""
    seconds = share(bench, 1 / 6, 3)
    figures = {}
    for rate in RATES:
        cpu = usage.CpuMeter(bench.services)
        plain = load.run_openloop(bench.services, bench.body, bench.hook, rate, seconds,
                                  recorded=True)
        settle(bench)
        sync = load.run_openloop(bench.services, bench.body, bench.hook, rate, seconds,
                                 header='prismatic-synchronous: true')
        settle(bench)
        figures[str(rate)] = {
            'accept': plain['answer'], 'recorded': plain['recorded'], 'sync': sync['answer'],
            'failed': plain['failed'] + sync['failed'], 'unrecorded': plain['unrecorded'],
            'other_load': cpu.used()[1]}
    return figures


def rates_of(runs):
    return {'per_second': statistics.median(r['per_second'] for r in runs),
            'p50_ms': statistics.median(r['p50_us'] for r in runs) / 1000,
            'p99_ms': statistics.median(r['p99_us'] for r in runs) / 1000,
            'refused': sum(r['refused'] for r in runs), 'broken': sum(r['broken'] for r in runs),
            'runs': [round(r['per_second']) for r in runs]}


def accept(bench):
    """Accepting alone, against the empty handler: in turn, medians. The worker is stopped, so that
    what is measured is the way from the socket to the commit and back; then the time that the
    worker takes for the backlog."""
    services, seconds = bench.services, share(bench, 1 / 30, 1)
    services.start_null_server()
    null_url = 'http://127.0.0.1:%d/' % services.null_port
    services.stop('leat-worker')
    figures = {'connections': {}}
    before = bench.db.accepted.count()
    cpu = usage.CpuMeter(services)
    try:
        for connections in CONNECTIONS:
            runs = {null_url: [], bench.url: []}
            for repetition in range(REPETITIONS):
                for url in sorted(runs, reverse=repetition % 2 == 1):
                    runs[url].append(load.run_wrk(bench.body, url, connections, seconds))
            null, own = rates_of(runs[null_url]), rates_of(runs[bench.url])
            figures['connections'][str(connections)] = {
                'null': null, 'accept': own, 'ratio': own['per_second'] / null['per_second']}
    finally:
        services.stop('null-server')
    figures['other_load'] = cpu.used()[1]
    waiting = bench.db.accepted.count() - before
    services.start_worker()
    start = time.monotonic()
    end = settle(bench)
    figures['drained'] = waiting
    figures['drained_per_second'] = waiting / (end - start)
    return figures


def saturate(bench, connections, seconds):
    services, db = bench.services, bench.db
    time.sleep(STATS_DELAY_S)
    accepted, recorded = db.accepted.count(), db.recorded.count()
    transactions, wal = db.transactions(), db.wal_bytes()
    cpu = usage.CpuMeter(services)
    start = time.monotonic()
    wrk = load.run_wrk(bench.body, bench.url, connections, seconds)
    loaded = time.monotonic()
    during = db.recorded.count() - recorded
    end = settle(bench)
    used, other = cpu.used()
    wal = db.wal_bytes() - wal
    n = db.accepted.count() - accepted
    time.sleep(STATS_DELAY_S)
    transactions = db.transactions() - transactions
    return {
        'executions': n, 'seconds': end - start, 'executions_per_second': n / (end - start),
        'recorded_while_accepting_per_second': during / (loaded - start),
        'accepted_per_second': wrk['per_second'], 'accept_p50_ms': wrk['p50_us'] / 1000,
        'accept_p99_ms': wrk['p99_us'] / 1000, 'refused': wrk['refused'],
        'cpu_us_per_execution': {name: 1e6 * s / n for name, s in used.items()},
        'transactions_per_execution': transactions / n, 'wal_bytes_per_execution': wal / n,
        'other_load': other}


def throughput(bench):
    """Everything at once, closed loop; what is accepted beyond what can be run at the same time is
    recorded right after, and the rate is over the whole time."""
    return {str(connections): saturate(bench, connections, share(bench, 1 / 4, 3))
            for connections in SATURATING}


def backlog(bench):
    """Accepting as fast as 64 connections go, in six slices, while each run waits for 10 ms and the
    worker may only run a few at once; then with a worker of its usual size until all is recorded."""
    services, db = bench.services, bench.db
    slices, accepted, recorded = 6, db.accepted.count(), db.recorded.count()
    services.stop('leat-worker')
    services.start_worker('--max-slots', str(BACKLOG_SLOTS))
    sampler = usage.MemorySampler(services)
    sampler.start()
    start, runs = time.monotonic(), []
    for _ in range(slices):
        runs.append(load.run_wrk(bench.body, bench.slow_url, 64,
                                 max(1, round(bench.seconds / slices))))
    loaded = time.monotonic()
    now = db.recorded.count()
    waiting, recorded = db.accepted.count() - now, now - recorded
    services.stop('leat-worker')
    services.start_worker()
    drain = time.monotonic()
    end = settle(bench)
    sampler.stop()
    told = sum(run['good'] for run in runs)
    n = db.accepted.count() - accepted
    memory = {name: {'start': sampler.samples[0][1][name], 'most': sampler.most(name),
                     'end': sampler.samples[-1][1][name]} for name in usage.PRODUCT}
    return {
        'told': told, 'accepted': n, 'refused': sum(r['refused'] for r in runs),
        'broken': sum(r['broken'] for r in runs),
        'waiting_at_the_end': waiting,
        'recorded_per_second': recorded / (loaded - start), 'lost': db.lost(), 'failed': db.failed(),
        'accepted_per_second': [round(run['per_second']) for run in runs],
        'p50_ms': [run['p50_us'] / 1000 for run in runs],
        'drain_seconds': end - drain, 'drained_per_second': waiting / (end - drain),
        'memory': memory}


def steady_rss(services):
    """Once it does not change any more."""
    values = []
    for _ in range(100):
        values.append(usage.rss_bytes(services.pid('leat-controlplane')))
        if len(values) > 4 and len(set(values[-4:])) == 1:
            break
        time.sleep(0.25)
    return values[-1]


def answers(services, n, path_of):
    for i in random.sample(range(n), 20):
        request = urllib.request.Request(services.base_url + path_of(i), b'{}',
                                         {'Content-Type': 'application/json'})
        if urllib.request.urlopen(request, timeout=10).status != 200:
            raise Failure('an idle instance does not answer')


def idle(bench):
    """The control plane's memory started with one instance, and with 100,000 more."""
    services = bench.services
    services.stop('leat-controlplane')
    services.start_controlplane()
    before = steady_rss(services)
    services.stop('leat-controlplane')
    fixture.add_idle_instances(bench.db.connection, IDLE_INSTANCES)
    start = time.monotonic()
    services.start_controlplane()
    ready = time.monotonic() - start
    after = steady_rss(services)
    answers(services, IDLE_INSTANCES, fixture.idle_hook_path)
    bench.hook_moved()
    settle(bench)
    return {'instances': IDLE_INSTANCES, 'rss_before': before, 'rss_after': after,
            'bytes_per_instance': (after - before) / IDLE_INSTANCES, 'start_seconds': ready}


def flush_ms(folder):
    """What one write and flush to the device costs here, the floor of every commit."""
    times, page = [], bytes(8192)
    with open(os.path.join(folder, 'flush'), 'wb', buffering=0) as f:
        for _ in range(200):
            start = time.perf_counter()
            f.write(page)
            os.fdatasync(f.fileno())
            times.append(time.perf_counter() - start)
    os.unlink(os.path.join(folder, 'flush'))
    return statistics.median(times) * 1000


PHASES = {'latency': latency, 'accept': accept, 'throughput': throughput, 'steps': engine.steps,
          'http': engine.http, 'waiting': engine.waiting, 'backlog': backlog,
          'fairness': fairness.fairness, 'idle': idle}
