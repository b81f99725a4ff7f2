"""The table of figures with their targets, and the JSON."""
import os
import platform
import subprocess

MIB = 1024 * 1024
# However long the backlog: PostgreSQL with 256 MiB of shared buffers, nats-server with its heap's
# soft limit, Leat's own as their bounds on queues make it.
MEMORY_MOST = {'leat-controlplane': 256 * MIB, 'leat-worker': 256 * MIB, 'nats-server': 384 * MIB,
               'postgres': 512 * MIB}


class Table:
    def __init__(self):
        self.rows = []  # (section, what, value, target, met or None)

    def section(self, text):
        self.rows.append((text, None, None, None, None))

    def add(self, what, value, target='', met=None):
        self.rows.append((None, what, value, target, met))

    def write(self):
        for section, what, value, target, met in self.rows:
            if section:
                print('\n' + section)
                continue
            mark = '' if met is None else 'PASS' if met else 'BELOW'
            print(('  %-47s %24s  %-16s %s' % (what, value, target, mark)).rstrip())

    def below(self):
        return [row[1] for row in self.rows if row[4] is False]


def ms(p50, p99):
    return '%.2f / %.2f ms' % (p50, p99)


def other(figures):
    return '%.0f %%' % (100 * figures['other_load'])


def add_latency(table, figures):
    table.section('Latency at low load, open loop, from the intended send time: p50 / p99')
    for rate, f in figures.items():
        for key, name in (('accept', 'accept'), ('recorded', 'webhook -> recorded'),
                          ('sync', 'synchronous answer')):
            p50, p99 = f[key]['p50_ms'], f[key]['p99_ms']
            target, met = '', None
            if (rate, key) == ('1000', 'recorded'):
                target, met = 'p99 <= 20', p99 <= 20
            elif (rate, key) == ('1000', 'sync'):
                target, met = '<= 2 / 10', p50 <= 2 and p99 <= 10
            table.add('%s, %s/s' % (name, rate), ms(p50, p99), target, met)
        bad = f['failed'] + f['unrecorded']
        table.add('failed or unrecorded, %s/s' % rate, bad, '0', bad == 0)
        table.add('other processes on the machine', other(f))


def add_accept(table, figures):
    table.section('Accepting alone (worker stopped), closed loop, against the empty handler')
    for connections, f in figures['connections'].items():
        own, null = f['accept'], f['null']
        table.add('%s connections: empty handler' % connections, '%.0f/s' % null['per_second'])
        table.add('%s connections: accept' % connections, '%.0f/s' % own['per_second'])
        table.add('%s connections: p50 / p99' % connections, ms(own['p50_ms'], own['p99_ms']))
        table.add('%s connections: ratio' % connections, '%.0f %%' % (100 * f['ratio']),
                  '>= 30 %' if connections == '64' else '',
                  f['ratio'] >= 0.3 if connections == '64' else None)
        bad = own['refused'] + own['broken']
        if bad:
            table.add('%s connections: refused or broken' % connections, bad)
    table.add('backlog of %d recorded at' % figures['drained'],
              '%.0f/s' % figures['drained_per_second'])
    table.add('other processes on the machine', other(figures))


def add_throughput(table, figures):
    for connections, f in figures.items():
        add_saturation(table, connections, f)


def add_saturation(table, connections, figures):
    table.section('Accept, run and record at saturation, %s connections' % connections)
    rate = figures['executions_per_second']
    table.add('recorded executions, over the whole time', '%.0f/s' % rate, '>= 8000 (14000)',
              rate >= 8000)
    table.add('recorded while accepting', '%.0f/s' % figures['recorded_while_accepting_per_second'])
    table.add('accepted meanwhile', '%.0f/s' % figures['accepted_per_second'])
    table.add('accept p50 / p99 meanwhile', ms(figures['accept_p50_ms'], figures['accept_p99_ms']))
    if figures['refused']:
        table.add('refused', figures['refused'])
    for name, us in figures['cpu_us_per_execution'].items():
        table.add('CPU per execution: ' + name, '%.1f us' % us)
    product = sum(us for name, us in figures['cpu_us_per_execution'].items()
                  if name not in ('benchmark', 'load generator'))
    table.add('CPU per execution: Leat, PostgreSQL and NATS', '%.1f us' % product)
    per = figures['transactions_per_execution']
    table.add('PostgreSQL transactions per execution', '%.4f' % per, '<= 0.05', per <= 0.05)
    table.add('PostgreSQL log (WAL) per execution', '%.0f bytes'
              % figures['wal_bytes_per_execution'])
    table.add('other processes on the machine', other(figures))


def add_backlog(table, figures):
    table.section('Backlog: accepting faster than running')
    table.add('told 2xx / rows accepted', '%d / %d' % (figures['told'], figures['accepted']), '',
              figures['told'] <= figures['accepted'])
    table.add('refused / broken', '%d / %d' % (figures['refused'], figures['broken']))
    table.add('accepted, first / last sixth', '%d / %d/s' % (figures['accepted_per_second'][0],
                                                             figures['accepted_per_second'][-1]))
    table.add('recorded meanwhile', '%.0f/s' % figures['recorded_per_second'])
    table.add('waiting when the load ended', figures['waiting_at_the_end'])
    table.add('drained at', '%.0f/s' % figures['drained_per_second'])
    table.add('accepted but not recorded (lost)', figures['lost'], '0', figures['lost'] == 0)
    table.add('executions that failed', figures['failed'], '0', figures['failed'] == 0)
    first, last = figures['p50_ms'][0], figures['p50_ms'][-1]
    table.add('p50 of accept, first / last sixth', '%.2f / %.2f ms' % (first, last), '<= 1.25 x',
              last <= 1.25 * first)
    for name, m in figures['memory'].items():
        table.add('memory of %s: start / most / end' % name,
                  '%d / %d / %d MiB' % (m['start'] / MIB, m['most'] / MIB, m['end'] / MIB),
                  '<= %d MiB' % (MEMORY_MOST[name] / MIB), m['most'] <= MEMORY_MOST[name])


def add_idle(table, figures):
    table.section('Idle instances in the control plane')
    per = figures['bytes_per_instance']
    table.add('memory of an idle instance (of %d)' % figures['instances'], '%.0f bytes' % per,
              '<= 1024', per <= 1024)
    table.add('start until ready with them', '%.1f s' % figures['start_seconds'])


def add_loop(table, what, f):
    table.add(what, '%.0f/s' % (f['iterations'] / f['seconds']))
    table.add('from the event until it is recorded', '%.2f s' % f['until_recorded_seconds'])


def add_steps(table, figures):
    table.section('One execution with a loop of %d iterations' % figures['step']['iterations'])
    add_loop(table, 'iterations with one step (math: add)', figures['step'])
    add_loop(table, 'iterations with a branch (one condition)', figures['branch'])
    f, n = figures['conditions'], figures['comparisons']
    add_loop(table, 'iterations with a branch on %d operators' % n, f)
    table.add('conditions, the loop around them included', '%.0f/s' % (n * f['iterations'] / f['seconds']))
    table.add('a condition, the loop taken off', '%.0f ns' % figures['ns_per_comparison'])


def add_http(table, figures):
    for flow in ('Get', 'Post'):
        f = figures[flow]
        table.section('A trigger and an HTTP %s to a fast third party, 64 connections' % flow.upper())
        table.add('recorded executions, over the whole time', '%.0f/s' % f['executions_per_second'])
        table.add('accepted meanwhile', '%.0f/s' % f['accepted_per_second'])
        for name, us in f['cpu_us_per_execution'].items():
            table.add('CPU per execution: ' + name, '%.1f us' % us)
        table.add('requests for each connection made', '%.0f' % (f['requests'] / max(1, f['connections'])))
        table.add('other processes on the machine', other(f))
    table.add('executions that failed', figures['failed'], '0', figures['failed'] == 0)


def add_waiting(table, figures):
    n = figures['runs']
    table.section('%d runs that wait for a third party, in one worker' % n)
    for key, name in (('pss', 'PSS'), ('rss_anon', 'RssAnon')):
        table.add('memory of the worker, ' + name, '%d MiB' % (figures[key] / MIB), '<= 1024 MiB',
                  figures[key] <= 1024 * MIB)
    table.add('of it for a run', '%.1f KiB' % ((figures['pss'] - figures['before']) / n / 1024))
    table.add('threads / open files of the worker', '%d / %d' % (figures['threads'],
                                                                 figures['files']))
    table.add('first event until all have asked', '%.1f s' % figures['all_asked_seconds'])
    table.add('answers until all are recorded', '%.1f s' % figures['all_recorded_seconds'])
    bad = n - figures['recorded'] + figures['failed']
    table.add('failed or unrecorded', bad, '0', bad == 0)


def add_fairness(table, figures):
    table.section("Another customer behind one's backlog of %d to %d: p50 / p99"
                  % tuple(figures['backlog']))
    for key, name in (('answer', 'accept'), ('recorded', 'webhook -> recorded')):
        alone, behind = figures['alone'][key], figures['behind'][key]
        table.add(name + ', alone', ms(alone['p50_ms'], alone['p99_ms']))
        target = ('p99 <= 1.2 x', behind['p99_ms'] <= 1.2 * alone['p99_ms']) if key == 'recorded' else ()
        table.add(name + ', behind', ms(behind['p50_ms'], behind['p99_ms']), *target)
    table.add('run of the backlog meanwhile', '%.0f/s' % figures['backlog_per_second'])
    for name, cores in figures['cores'].items():
        table.add('processors meanwhile: ' + name, '%.2f' % cores)
    table.add('other processes on the machine', other(figures))


WRITERS = {'latency': add_latency, 'accept': add_accept, 'throughput': add_throughput,
           'steps': add_steps, 'http': add_http, 'waiting': add_waiting, 'backlog': add_backlog,
           'fairness': add_fairness, 'idle': add_idle}


def first_line(command):
    return subprocess.run(command, capture_output=True, text=True).stdout.split('\n')[0]


def machine(services, db):
    with open('/proc/cpuinfo') as f:
        model = [line.split(':')[1].strip() for line in f if line.startswith('model name')]
    return {'cores': os.cpu_count(), 'cpu': model[0] if model else platform.machine(),
            'kernel': platform.release(), 'postgres': db.setting('server_version'),
            'nats': first_line(['nats-server', '--version']), 'load_average': os.getloadavg()[0],
            'durability': {name: db.setting(name) for name in (
                'fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method')}}


def table_of(results):
    table = Table()
    for name, figures in results.items():
        WRITERS[name](table, figures)
    return table
