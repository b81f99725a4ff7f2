"""PostgreSQL and NATS, private to a test run: own folder, own socket or port, restartable."""
import glob
import os
import pwd
import shutil
import signal
import subprocess

import psycopg

from harness.process import Process, free_port
from harness.wait import wait_until


def postgres_program(name):
    found = glob.glob('/usr/lib/postgresql/*/bin/' + name)
    assert found, 'PostgreSQL is not installed'
    return max(found, key=lambda path: int(path.split('/')[4]))


class Postgres:
    """A cluster. Not as root: PostgreSQL refuses that, so it then runs as the user postgres."""

    def __init__(self, folder, durable):
        self.folder = folder
        self.data = os.path.join(folder, 'postgres')
        self.socket = os.path.join(folder, 'run')
        self.user = 'postgres' if os.geteuid() == 0 else None
        for path in (self.data, self.socket):
            os.makedirs(path, mode=0o755)
            if self.user:
                owner = pwd.getpwnam(self.user)
                os.chown(path, owner.pw_uid, owner.pw_gid)
        self._initdb()
        settings = {
            'listen_addresses': '', 'unix_socket_directories': self.socket,
            'fsync': 'on' if durable else 'off', 'full_page_writes': 'on' if durable else 'off',
            'synchronous_commit': 'on', 'shared_buffers': '128MB', 'max_connections': '100',
            'max_wal_size': '2GB', 'jit': 'off', 'log_checkpoints': 'off',
        }
        args = [postgres_program('postgres'), '-D', self.data]
        for name, value in settings.items():
            args += ['-c', '%s=%s' % (name, value)]
        self.process = Process('postgres', args, folder, user=self.user,
                               stop_signal=signal.SIGINT)

    def _initdb(self):
        become = (['setpriv', '--reuid', self.user, '--regid', self.user, '--init-groups', '--']
                  if self.user else [])
        subprocess.run(become + [postgres_program('initdb'), '-D', self.data, '-U', 'leat',
                                 '-A', 'trust', '-E', 'UTF8', '--locale', 'C.UTF-8', '-N'],
                       check=True, stdout=subprocess.DEVNULL, cwd='/')

    def url(self, database):
        return 'postgresql:///%s?host=%s&user=leat' % (database, self.socket)

    def connect(self, database='postgres'):
        return psycopg.connect(self.url(database), autocommit=True)

    def start(self):
        self.process.start()
        wait_until(self._answers, 60, 'PostgreSQL answers')
        return self

    def _answers(self):
        self.process.check()
        try:
            self.connect().close()
            return True
        except psycopg.OperationalError:
            return False

    def crash(self):
        """Immediate stop: no checkpoint, no goodbye to the clients; the next start recovers."""
        self.process.killed = True
        self.process.signal(signal.SIGQUIT)
        self.process.child.wait()

    def stop(self):
        self.process.stop()

    def create(self, database, template='template1'):
        with self.connect() as db:
            db.execute('CREATE DATABASE "%s" TEMPLATE "%s" STRATEGY file_copy'
                       % (database, template))
        return self.url(database)


class Nats:
    def __init__(self, folder):
        self.store = os.path.join(folder, 'nats')
        self.port = free_port()
        self.url = 'nats://leat:secret@127.0.0.1:%d' % self.port
        config = os.path.join(folder, 'nats.conf')
        with open(config, 'w') as f:
            f.write('listen: "127.0.0.1:%d"\nmax_payload: 8MB\nmax_pending: 64MB\n'
                    'jetstream { store_dir: "%s", max_file_store: 8GB, max_memory_store: 256MB }\n'
                    'authorization { user: leat, password: secret }\n' % (self.port, self.store))
        program = shutil.which('nats-server', path='/usr/sbin:/usr/bin:/usr/local/bin')
        assert program, 'nats-server is not installed'
        self.process = Process('nats-server', [program, '--config', config], folder,
                               ends_well=(0, 1))

    def start(self):
        self.process.start()
        return self

    def kill(self):
        self.process.kill()

    def lose_store(self):
        """Everything JetStream kept; only while it is down."""
        assert not self.process.running()
        shutil.rmtree(self.store)

    def stop(self):
        self.process.stop()
