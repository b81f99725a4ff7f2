"""The processes under test, in a temporary folder: PostgreSQL, NATS, control plane, worker, and the
empty handler. PostgreSQL is set up as `leat dev` does it, with fsync and synchronous_commit on."""
import glob
import json
import os
import pwd
import secrets
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import psycopg

LOG_SEGMENTS = 128
ENVIRONMENT = {
    'nats-server': ['GOGC=400', 'GOMEMLIMIT=384MiB', 'GOMAXPROCS=1', 'GODEBUG=madvdontneed=0'],
    'postgres': ['MALLOC_TOP_PAD_=4194304', 'MALLOC_TRIM_THRESHOLD_=67108864'],
}
POSTGRES_SETTINGS = {
    'fsync': 'on', 'synchronous_commit': 'on', 'full_page_writes': 'on', 'listen_addresses': '',
    'unix_socket_permissions': '0700', 'shared_buffers': '128MB', 'max_connections': '60',
    'max_wal_size': '4GB', 'min_wal_size': '2GB', 'wal_compression': 'lz4',
    'checkpoint_completion_target': '0.9', 'jit': 'off',
}


class Failure(Exception):
    """Something that ends the benchmark, in words for people."""


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_for(what, ready, seconds=60, alive=None):
    until = time.monotonic() + seconds
    while not ready():
        if alive and alive.poll() is not None:
            raise Failure('%s ended with status %d' % (what, alive.returncode))
        if time.monotonic() > until:
            raise Failure('%s is not ready after %d s' % (what, seconds))
        time.sleep(0.02)


class Services:
    def __init__(self, build):
        self.build = build
        self.dir = tempfile.mkdtemp(prefix='leat-bench-')
        os.chmod(self.dir, 0o711)
        self.processes = {}
        self.base_url = None
        versions = sorted(glob.glob('/usr/lib/postgresql/*/bin'),
                          key=lambda path: int(path.split('/')[-2]))
        if not versions:
            raise Failure('PostgreSQL is not installed')
        self.postgres_bin = versions[-1]
        self.postgres_user = 'postgres' if os.geteuid() == 0 else None
        self.postgres_url = self.database_url('leat')

    def path(self, name):
        return os.path.join(self.dir, name)

    def database_url(self, database):
        return 'postgresql:///%s?host=%s&user=leat' % (database, self.path('run'))

    def program(self, name):
        return os.path.join(self.build, name)

    def start(self, name, args, user=None, stop=signal.SIGTERM, stdin=subprocess.DEVNULL, stdout=None):
        """The child is told to stop when this process dies, however it does."""
        prefix = ['env'] + ENVIRONMENT.get(name, [])
        prefix += ['setpriv', '--pdeathsig', signal.Signals(stop).name[3:]]
        if user:
            prefix += ['--reuid', user, '--regid', user, '--init-groups']
        with open(self.path(name + '.log'), 'ab') as log:
            process = subprocess.Popen(prefix + ['--'] + args, stdin=stdin, stdout=stdout or log,
                                       stderr=log, cwd='/')
        process.stop_signal = stop
        self.processes[name] = process
        return process

    def stop(self, name):
        process = self.processes.pop(name, None)
        if process and process.poll() is None:
            process.send_signal(process.stop_signal)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def pid(self, name):
        return self.processes[name].pid

    def start_postgres(self):
        for folder in ('postgres', 'run'):
            os.mkdir(self.path(folder), 0o700)
            if self.postgres_user:
                user = pwd.getpwnam(self.postgres_user)
                os.chown(self.path(folder), user.pw_uid, user.pw_gid)
        initdb = self.start('initdb', [
            self.postgres_bin + '/initdb', '--pgdata', self.path('postgres'), '--username', 'leat',
            '--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C.UTF-8', '--no-instructions'],
            self.postgres_user)
        if initdb.wait() != 0:
            raise Failure('initdb failed:\n' + self.log('initdb'))
        del self.processes['initdb']
        settings = []
        for key, value in POSTGRES_SETTINGS.items():
            settings += ['-c', '%s=%s' % (key, value)]
        process = self.start('postgres', [self.postgres_bin + '/postgres', '-D',
                                          self.path('postgres'), '-k', self.path('run')] + settings,
                             self.postgres_user, signal.SIGINT)
        ready = [self.postgres_bin + '/pg_isready', '-q', '-h', self.path('run'), '-U', 'leat',
                 '-d', 'postgres']
        wait_for('PostgreSQL', lambda: subprocess.call(ready) == 0, alive=process)
        subprocess.check_call([self.postgres_bin + '/createdb', '-h', self.path('run'), '-U',
                               'leat', 'leat'])
        self.age_log()

    def age_log(self):
        """Writes log segments ahead, as a database that has run for an hour has them: only a new one
        makes and clears a file of 16 MB for every 16 MB written, while all commits wait."""
        with psycopg.connect(self.database_url('postgres'), autocommit=True) as connection:
            for _ in range(LOG_SEGMENTS):
                connection.execute("SELECT pg_logical_emit_message(false, 'age', ''), pg_switch_wal()")
            connection.execute('CHECKPOINT')

    def start_nats(self):
        port, password = free_port(), secrets.token_urlsafe(18)
        self.nats_url = 'nats://leat:%s@127.0.0.1:%d' % (password, port)
        with open(self.path('nats.conf'), 'w') as f:
            f.write('listen: "127.0.0.1:%d"\nmax_payload: 8MB\nmax_pending: 64MB\n'
                    'jetstream { store_dir: "%s", max_file_store: 8GB, max_memory_store: 256MB }\n'
                    'authorization { user: leat, password: "%s" }\n'
                    % (port, self.path('nats'), password))
        server = shutil.which('nats-server', path='/usr/sbin:/usr/bin:/usr/local/bin')
        if not server:
            raise Failure('nats-server is not installed')
        process = self.start('nats-server', [server, '--config', self.path('nats.conf')])

        def listens():
            with socket.socket() as s:
                return s.connect_ex(('127.0.0.1', port)) == 0
        wait_for('nats-server', listens, alive=process)

    def prepare(self):
        """Databases, keys and a token."""
        for name in ('master.key', 'bus.key'):
            with open(self.path(name), 'w') as f:
                f.write(secrets.token_hex(32))
        self.start_postgres()
        self.start_nats()
        self.run_leat('migrate', '--postgres', self.postgres_url)
        self.token = self.run_leat('token', '--postgres', self.postgres_url, '--master-key-file',
                                   self.path('master.key'), '--organization', 'Benchmark',
                                   '--email', 'bench@localhost').strip()

    def run_leat(self, *args):
        out = subprocess.run([self.program('leat')] + list(args), capture_output=True, text=True)
        if out.returncode != 0:
            raise Failure('leat %s: %s' % (args[0], out.stderr))
        return out.stdout

    def start_controlplane(self):
        port_file = self.path('port')
        if os.path.exists(port_file):
            os.unlink(port_file)
        process = self.start('leat-controlplane', [
            self.program('leat-controlplane'), '--postgres', self.postgres_url, '--nats',
            self.nats_url, '--listen', '127.0.0.1', '--port', '0', '--port-file', port_file,
            '--master-key-file', self.path('master.key'), '--bus-key-file', self.path('bus.key')])
        wait_for('leat-controlplane', lambda: os.path.exists(port_file), alive=process)
        with open(port_file) as f:
            self.port = int(f.read())
        self.base_url = 'http://127.0.0.1:%d' % self.port

        def ready():
            try:
                return urllib.request.urlopen(self.base_url + '/readyz', timeout=5).status == 200
            except (urllib.error.URLError, OSError):
                return False
        wait_for('leat-controlplane', ready, alive=process)

    def start_worker(self, *options):
        self.start('leat-worker', [self.program('leat-worker'), '--nats', self.nats_url,
                                   '--bus-key-file', self.path('bus.key'), '--allow-addresses',
                                   '127.0.0.0/8'] + list(options))

    def start_null_server(self):
        process = self.start('null-server', [self.program('tests/bench/bench_null_server')],
                             stdout=subprocess.PIPE)
        self.null_port = int(process.stdout.readline())

    def start_stub(self, hold=0):
        """The third party that flows call; it holds so many requests before it answers any."""
        process = self.start('stub-server', [self.program('tests/bench/bench_stub_server'), str(hold)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.stub_url = 'http://127.0.0.1:%d/orders' % int(process.stdout.readline())

    def await_stub(self, seconds):
        """Until the third party holds all that it is to hold."""
        out = self.processes['stub-server'].stdout
        if not select.select([out], [], [], seconds)[0]:
            raise Failure('the third party has not got all requests after %d s' % seconds)
        out.readline()

    def ask_stub(self):
        """{requests, connections} so far; what was held is answered."""
        process = self.processes['stub-server']
        process.stdin.write(b'\n')
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    def log(self, name, lines=20):
        try:
            with open(self.path(name + '.log'), errors='replace') as f:
                return ''.join(f.readlines()[-lines:])
        except FileNotFoundError:
            return ''

    def stop_all(self, keep):
        for name in ('null-server', 'stub-server', 'leat-worker', 'leat-controlplane', 'nats-server', 'postgres'):
            self.stop(name)
        for name in list(self.processes):
            self.stop(name)
        if keep:
            print('logs and data are kept in ' + self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
