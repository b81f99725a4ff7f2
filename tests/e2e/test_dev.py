"""leat dev: everything on this machine, from start to end."""
import os
import shutil
import signal
import time

import pytest

from harness import flows as f
from harness.api import Api, Tenant, answers
from harness.process import Process
from harness.stack import make_folder, program
from harness.wait import wait_until


class Dev:
    """`leat dev` in a folder; looks like a Stack to a Tenant."""

    def __init__(self, folder):
        self.folder = folder
        self.data = os.path.join(folder, 'data')
        self.process = Process('leat-dev', [program('leat'), 'dev', '--data', self.data, '--port',
                                            '0'], folder)

    def start(self):
        env = os.path.join(self.data, 'env')
        known = os.stat(env).st_mtime_ns if os.path.exists(env) else 0
        self.process.start()

        def ready():
            self.process.check()
            return os.path.exists(env) and os.stat(env).st_mtime_ns != known and \
                'PRISMATIC_URL=http' in open(env).read() and answers(self.env()[0] + '/readyz') \
                and 'ready at' in self.process.log().rsplit('data in', 1)[-1]
        wait_until(ready, 90, 'leat dev is ready', every=0.1)
        return self

    def env(self):
        with open(os.path.join(self.data, 'env')) as file:
            lines = dict(line.strip().split('=', 1) for line in file)
        return lines['PRISMATIC_URL'], lines['PRISM_ACCESS_TOKEN']

    def tenant(self):
        tenant = Tenant.__new__(Tenant)
        tenant.stack, tenant.name, tenant.customers = self, 'Development', {}
        tenant.api = Api(*self.env())
        return tenant

    def pids(self):
        """All its processes, PostgreSQL's children included."""
        parents = {}
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open('/proc/%s/stat' % pid) as file:
                    fields = file.read().rsplit(')', 1)[1].split()
                if fields[0] != 'Z':
                    parents[int(pid)] = int(fields[1])
            except (FileNotFoundError, ProcessLookupError):
                pass
        found = {self.process.pid}
        while True:
            more = {p for p, parent in parents.items() if parent in found} - found
            if not more:
                return found
            found |= more

    def trouble(self):
        logs = os.path.join(self.data, 'log')
        texts = [self.process.trouble()]
        for name in os.listdir(logs):
            texts.append(Process(name[:-4], [], logs).trouble())
        return '\n'.join(t for t in texts if t)


def alive(pids):
    def runs(pid):
        try:
            with open('/proc/%d/stat' % pid) as file:
                return file.read().rsplit(')', 1)[1].split()[0] not in 'ZX'
        except (FileNotFoundError, ProcessLookupError):
            return False
    return [pid for pid in pids if runs(pid)]


@pytest.fixture(scope='module')
def dev():
    folder = make_folder('dev')
    made = Dev(folder)
    yield made
    if made.process.running():
        made.process.stop()
    trouble = made.trouble()
    assert not trouble, trouble
    shutil.rmtree(folder)


FLOW = f.integration('In dev', f.flow('Main', f.trigger(), f.make_object(
    'Got', n=f.ref('start.results.body.data.n'))))


def test_start_use_stop_and_start_again(dev):
    dev.start()
    url, token = dev.env()
    assert token.startswith('leat_')
    assert os.stat(os.path.join(dev.data, 'env')).st_mode & 0o077 == 0
    deployed = dev.tenant().deploy(FLOW)
    execution_id = deployed.run({'n': 1}).id

    pids = dev.pids()
    assert len(pids) > 5
    dev.process.stop()
    assert alive(pids) == []
    assert not answers(url + '/healthz')

    dev.start()
    assert dev.env()[1] == token, 'the token stays'
    tenant = dev.tenant()
    assert tenant.execution(execution_id).results('Got') == {'n': 1}
    deployed = tenant.api.ask('{ instances { nodes { id integration { id } } } }')
    from harness.api import Deployment
    node = deployed['instances']['nodes'][0]
    again = Deployment(tenant, node['integration']['id'], node['id'])
    assert again.run({'n': 2}).results('Got') == {'n': 2}


def test_killed_it_leaves_no_process_and_starts_again(dev):
    if not dev.process.running():
        dev.start()
    pids = dev.pids()
    dev.process.kill()
    wait_until(lambda: not alive(pids), 30, 'its children end')
    dev.start()
    assert dev.tenant().api.ask('{ organization { name } }')


def test_interrupted_it_ends(dev):
    if not dev.process.running():
        dev.start()
    pids = dev.pids()
    begin = time.monotonic()
    dev.process.stop(stop_signal=signal.SIGINT)
    assert alive(pids) == [] and time.monotonic() - begin < 30


def test_a_second_one_in_the_same_folder_is_refused(dev):
    if not dev.process.running():
        dev.start()
    other = Process('second', [program('leat'), 'dev', '--data', dev.data, '--port', '0'],
                    dev.folder, ends_well=(1,))
    other.start()
    wait_until(lambda: not other.running(), 30, 'the second one ends')
    assert other.child.returncode == 1 and 'using' in other.log()


def test_a_dead_child_is_started_again(dev):
    if not dev.process.running():
        dev.start()
    tenant = dev.tenant()
    victims = {}
    for pid in dev.pids():
        with open('/proc/%d/comm' % pid) as file:
            victims[file.read().strip()] = pid
    os.kill(victims['leat-worker'], signal.SIGKILL)
    os.kill(victims['nats-server'], signal.SIGKILL)
    nodes = tenant.api.ask('{ instances { nodes { id integration { id } } } }')['instances']
    from harness.api import Deployment
    node = nodes['nodes'][0]
    deployed = Deployment(tenant, node['integration']['id'], node['id'])
    assert deployed.run({'n': 3}).results('Got') == {'n': 3}
