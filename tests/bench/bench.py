#!/usr/bin/python3
"""Starts everything, measures, prints. Called by tests/bench/run."""
import argparse
import json
import os
import sys
import time

import fixture
import load
import phases
import report
from database import Database
from services import Failure, Services


class Bench:
    def __init__(self, services, seconds):
        self.services, self.seconds = services, seconds
        self.body = services.path('body.json')
        load.write_body(self.body)
        services.prepare()
        services.start_controlplane()
        services.start_worker()
        self.hooks = fixture.make_instance(services, 'flow.yml', 'Bench')
        self.hooks.update(fixture.make_instance(services, 'steps.yml', 'Steps'))
        self.hook = self.hooks['Take Order']
        self.db = Database(services)
        self.hook_moved()

    def hook_moved(self):
        """The control plane listens on another port."""
        self.url = self.services.base_url + self.hook
        self.slow_url = self.services.base_url + self.hooks['Slow Order']

    def warm_up(self):
        """Definitions are cached, connections made, and the flow is known to work."""
        load.run_openloop(self.services, self.body, self.hook, 200, 2)
        phases.settle(self)
        if self.db.failed():
            raise Failure('the flow fails: %s' % self.db.one(
                'SELECT error FROM execution_result WHERE status <> 1 LIMIT 1'))


def names(text):
    chosen = text.split(',')
    unknown = [name for name in chosen if name not in phases.PHASES]
    if unknown:
        raise argparse.ArgumentTypeError('no measurement "%s"; there are %s'
                                         % (unknown[0], ', '.join(phases.PHASES)))
    return chosen


def parse():
    parser = argparse.ArgumentParser(prog='tests/bench/run')
    parser.add_argument('--seconds', type=int, default=60)
    parser.add_argument('--json')
    parser.add_argument('--only', type=names, default=list(phases.PHASES))
    parser.add_argument('--build', required=True, type=os.path.abspath)
    options = parser.parse_args()
    if not 1 <= options.seconds <= 3600:
        parser.error('--seconds: 1 to 3600')
    return options


def measure(options, services):
    bench = Bench(services, options.seconds)
    machine = report.machine(services, bench.db)
    machine['flush_ms'] = phases.flush_ms(services.dir)
    print('%(cores)d cores (%(cpu)s), the load generator among them; kernel %(kernel)s; '
          'PostgreSQL %(postgres)s; %(nats)s' % machine)
    print('durability: %s; a write and flush takes %.2f ms'
          % (', '.join('%s=%s' % item for item in machine['durability'].items()),
             machine['flush_ms']))
    bench.warm_up()
    results = {}
    for name, phase in phases.PHASES.items():
        if name in options.only:
            start = time.monotonic()
            print('%s ...' % name, flush=True)
            results[name] = phase(bench)
            print('%s: %d s' % (name, time.monotonic() - start), flush=True)
    return machine, results


def main():
    options = parse()
    services, failed = None, True
    try:
        services = Services(options.build)
        machine, results = measure(options, services)
        failed = False
    except Failure as failure:
        print('the benchmark failed: %s' % failure, file=sys.stderr)
        return 1
    finally:
        if services:
            services.stop_all(keep=failed)
    table = report.table_of(results)
    table.write()
    below = table.below()
    print('\n%s' % ('below target: ' + '; '.join(below) if below else 'all targets are met'))
    if options.json:
        with open(options.json, 'w') as f:
            json.dump({'machine': machine, 'seconds': options.seconds, 'results': results,
                       'below': below}, f, indent=1)
            f.write('\n')
    return 0


if __name__ == "__main__":
    sys.exit(main())
