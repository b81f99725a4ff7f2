"""The measurement of fairness: what the backlog of one customer does to another. Called like those in
phases.py."""
import os
import statistics
import time

import fixture
import load
import usage
from services import Failure

SPANS = 3
RATE = 100      # events a second of the small customer
BACKLOG = 100000
SETTLE_S = 4    # a worker that has just started fetches definitions, and runs what waited of the small one


def unfinished(bench):
    return bench.db.accepted.count() - bench.db.recorded.count()


def small_load(bench, seconds):
    """Several spans, each with its percentiles. Without pause, so that the customer counts as being
    about from the first event on."""
    load.run_openloop(bench.services, bench.body, bench.hook, RATE, SETTLE_S)
    runs = [load.run_openloop(bench.services, bench.body, bench.hook, RATE, seconds, recorded=True)
            for _ in range(SPANS)]
    if any(run['failed'] or run['unrecorded'] for run in runs):
        raise Failure('events of the small customer failed')
    return runs


def medians(runs):
    return {name: {key: statistics.median(run[name][key] for run in runs)
                   for key in ('p50_ms', 'p99_ms')} for name in ('answer', 'recorded')}


def fairness(bench):
    """The small customer sends a few events a second: alone, while the worker runs through the backlog
    that the big one has built up, and alone again. Medians of the spans."""
    services, seconds = bench.services, max(3, round(bench.seconds / 4))
    big = fixture.make_instance(services, 'flow.yml', 'Big')['Take Order']
    alone, figures = small_load(bench, seconds), {}
    bench.db.await_recorded(60)
    services.stop('leat-worker')
    while unfinished(bench) < BACKLOG:
        load.run_wrk(bench.body, services.base_url + big, 64, 1)
    bench.db.outside.execute('CHECKPOINT')  # what the flood itself wrote is on the disk
    os.sync()
    services.start_worker()
    figures['backlog'] = [unfinished(bench)]
    start, cpu = time.monotonic(), usage.CpuMeter(services)
    figures['behind'] = medians(small_load(bench, seconds))
    figures['backlog'].append(unfinished(bench))
    used, figures['other_load'] = cpu.used()
    took = time.monotonic() - start
    figures['backlog_per_second'] = (figures['backlog'][0] - figures['backlog'][1]) / took
    figures['cores'] = {name: s / took for name, s in used.items()}
    if figures['backlog'][1] < BACKLOG / 100:
        raise Failure('the backlog was gone before the measurement ended')
    bench.db.await_recorded(60 + BACKLOG / 500)
    figures['alone'] = medians(alone + small_load(bench, seconds))
    return figures
