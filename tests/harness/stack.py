"""The real processes together: PostgreSQL, nats-server, leat-controlplane and leat-worker.

A Stack owns a folder, a database and ports; each process of it can be killed and started again on
the same data and ports."""
import http.client
import os
import secrets
import shutil
import subprocess
import tempfile

from harness.process import Process, free_port, sanitizer_env
from harness.services import Nats, Postgres
from harness.wait import wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TEMPLATE = 'leat_template'


def build_dir():
    return os.path.abspath(os.environ.get('LEAT_BUILD') or os.path.join(ROOT, 'build'))


def program(name):
    path = os.path.join(build_dir(), name)
    assert os.access(path, os.X_OK), '%s is not built' % path
    return path


def make_folder(purpose):
    """A folder that PostgreSQL's user may enter, with a path short enough for a socket."""
    folder = tempfile.mkdtemp(prefix='leat-%s-' % purpose, dir='/tmp')
    os.chmod(folder, 0o711)
    return folder


def run_leat(*args):
    """`leat` to its end; its standard output."""
    done = subprocess.run([program('leat'), *args], capture_output=True, text=True, timeout=120,
                          env=sanitizer_env())
    assert done.returncode == 0, 'leat %s: %s%s' % (args[0], done.stdout, done.stderr)
    return done.stdout.strip()


class Cluster:
    """PostgreSQL with a migrated template from which databases are made."""

    def __init__(self, durable=False):
        self.folder = make_folder('pg')
        self.postgres = Postgres(self.folder, durable).start()
        self.n = 0
        run_leat('migrate', '--postgres', self.postgres.create(TEMPLATE))

    def database(self):
        self.n += 1
        name = 'leat_%d' % self.n
        self.postgres.create(name, TEMPLATE)
        return name

    def close(self):
        self.postgres.stop()
        shutil.rmtree(self.folder)


class Stack:
    def __init__(self, cluster, workers=1, controlplane_args=()):
        self.cluster = cluster
        self.postgres = cluster.postgres
        self.folder = make_folder('stack')
        self.database = cluster.database()
        self.postgres_url = self.postgres.url(self.database)
        self.nats = Nats(self.folder)
        self.port = free_port()
        self.url = 'http://127.0.0.1:%d' % self.port
        for name in ('master.key', 'bus.key'):
            with open(self.path(name), 'w') as f:
                f.write(secrets.token_hex(32) + '\n')
        self.controlplane = Process('controlplane', [
            program('leat-controlplane'), '--postgres', self.postgres_url, '--nats', self.nats.url,
            '--port', self.port, '--public-url', self.url, '--master-key-file',
            self.path('master.key'), '--bus-key-file', self.path('bus.key'), *controlplane_args],
            self.folder)
        self.workers = [self._worker(i) for i in range(workers)]

    def path(self, name):
        return os.path.join(self.folder, name)

    def _worker(self, i):
        return Process('worker-%d' % i, [
            program('leat-worker'), '--nats', self.nats.url, '--bus-key-file',
            self.path('bus.key'), '--allow-addresses', '127.0.0.0/8,::1/128'], self.folder)

    @property
    def processes(self):
        return [self.nats.process, self.controlplane, *self.workers]

    def start(self):
        self.nats.start()
        self.controlplane.start()
        for worker in self.workers:
            worker.start()
        self.wait_ready()
        return self

    def get(self, path, timeout=10):
        """(status, body) of a GET of the control plane."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        try:
            connection.request('GET', path)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        finally:
            connection.close()

    def ready(self):
        self.controlplane.check()
        try:
            return self.get('/readyz')[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def wait_ready(self, timeout=60):
        wait_until(self.ready, timeout, 'the control plane is ready')

    def metric(self, name):
        """The sum of a metric over its labels."""
        status, text = self.get('/metrics')
        assert status == 200
        lines = [line for line in text.splitlines()
                 if line.split('{')[0].split(' ')[0] == name]
        assert lines, 'no metric %s' % name
        return sum(float(line.rsplit(' ', 1)[1]) for line in lines)

    def token(self, organization, email='owner@example.com'):
        return run_leat('token', '--postgres', self.postgres_url, '--organization', organization,
                        '--email', email, '--master-key-file', self.path('master.key'))

    def sql(self, text, *parameters):
        """All rows of a statement, as the database's owner."""
        with self.postgres.connect(self.database) as db:
            cursor = db.execute(text, parameters)
            return cursor.fetchall() if cursor.description else None

    def stop(self):
        """Ends everything, in the order of dependency. Raises what went wrong on the way."""
        problems = []
        for process in [*self.workers, self.controlplane, self.nats.process]:
            try:
                process.stop()
            except AssertionError as e:
                problems.append(str(e))
        problems += [p.trouble() for p in self.processes if p.trouble()]
        if not problems:
            shutil.rmtree(self.folder)
        assert not problems, '%s\n(logs in %s)' % ('\n'.join(problems), self.folder)
