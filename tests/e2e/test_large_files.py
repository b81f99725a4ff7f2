"""Files that are larger than the memory they may take: through the worker from one server to others.
LEAT_LARGE_MB sets their size: 40 in every run, 400 for the full size."""
import hashlib
import os
import shutil
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness import flows as f
from harness.aws import Aws
from harness.stack import Stack, make_folder
from harness.wait import wait_until
from test_aws import connection, s3, variable

MIB = 1 << 20
SIZE = int(os.environ.get('LEAT_LARGE_MB') or 40) * MIB + 12345
GROWTH = (64 if SIZE > 100 * MIB else 32) * MIB
MAPPED = 4  # values of a flow at once, at most
BLOCK = os.urandom(MIB)


def blocks(size):
    """The file, part by part: no two parts are the same."""
    for number in range(0, size, MIB):
        part = number.to_bytes(8, 'big') + BLOCK[8:]
        yield part[:size - number]


def digest(size):
    made = hashlib.sha256()
    for part in blocks(size):
        made.update(part)
    return made.hexdigest()


class Files:
    """Serves GET /file/N, N made-up bytes; digests what is sent to it, without keeping it."""

    def __init__(self):
        self.got = []
        files = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                size = int(self.path.rsplit('/', 1)[1])
                self.send_response(200)
                self.send_header('Content-Type', 'application/x-file')
                self.send_header('Content-Length', str(size))
                self.end_headers()
                for part in blocks(size):
                    self.wfile.write(part)
                    if self.path.startswith('/slow/'):
                        time.sleep(0.02)

            def do_PUT(self):
                left, made = int(self.headers['Content-Length']), hashlib.sha256()
                first = b''
                while left:
                    part = self.rfile.read(min(left, MIB))
                    first = first or part[:400]
                    made.update(part)
                    left -= len(part)
                files.got.append((self.path, self.headers, made.hexdigest(), first))
                self.send_response(200)
                self.send_header('Content-Length', '2')
                self.end_headers()
                self.wfile.write(b'{}')

            do_POST = do_PUT

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *peer: None  # some tests hang up on it
        self.url = 'http://127.0.0.1:%d' % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Memory:
    """The most anonymous memory that a process takes meanwhile, beyond what it has at first."""

    def __init__(self, process):
        self.path = '/proc/%d/status' % process.pid
        with open('/proc/%d/maps' % process.pid) as maps:
            self.shadowed = 'libasan' in maps.read()  # a byte for eight that are mapped
        self.most = self.first = self.now()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def now(self):
        with open(self.path) as status:
            line = next(line for line in status if line.startswith('RssAnon:'))
        return int(line.split()[1]) * 1024

    def watch(self):
        while not self.over.wait(0.01):
            self.most = max(self.most, self.now())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.over.set()
        self.thread.join()

    @property
    def growth(self):
        return self.most - self.first


@pytest.fixture(scope='module')
def files():
    made = Files()
    yield made
    made.close()


@pytest.fixture(scope='module')
def folder():
    """For the worker's files: that nothing is in it is part of the tests."""
    made = make_folder('large')
    os.environ['LEAT_SPILL_FOLDER'] = made
    yield made
    del os.environ['LEAT_SPILL_FOLDER']
    shutil.rmtree(made)


@pytest.fixture(scope='module')
def stack(cluster, folder):
    made = Stack(cluster).start()
    yield made
    made.stop()


@pytest.fixture(scope='module')
def aws():
    made_in = make_folder('aws')
    made = Aws(made_in).start()
    yield made
    made.stop()
    shutil.rmtree(made_in)


def data(path):
    return f.ref('start.results.body.data.' + path)


def get(path='file'):
    return f.step('Get', 'http.httpGet', {'url': data(path), 'responseType': 'binary'})


def put(name, files, path, what):
    return f.step(name, 'http.httpPut', {'url': files.url + path, 'data': f.ref(what)})


def deploy(tenant, *flows, **options):
    return tenant.deploy(f.integration('Large', *flows, **options.pop('more', {})), **options)


def measured(stack, deployed, flow, files):
    """Runs a flow on a small file, so that what it needs anyway is there, and then on the large."""
    deployed.run({'file': '%s/file/%d' % (files.url, 2 * MIB)}, flow)
    del files.got[:]
    with Memory(stack.workers[0]) as memory:
        execution = deployed.send({'file': '%s/file/%d' % (files.url, SIZE)}, flow).execution_id
        deployed.finished(execution, timeout=240)
    print('%s: %d MB, memory grew by %.1f MB' % (flow, SIZE / MIB, memory.growth / MIB))
    assert memory.growth < GROWTH + (MAPPED * SIZE // 8 if memory.shadowed else 0)
    return execution


@pytest.fixture(scope='module')
def passing(tenant, files):
    return deploy(
        tenant,
        f.flow('Through', f.trigger(), get(), put('Put', files, '/put', 'get.results')),
        f.flow('Form', f.trigger(), get(), f.step('Post', 'http.httpPostFormData', {
            'url': files.url + '/form', 'httpMethod': 'POST', 'formData': f.pairs(name='x'),
            'fileData': f.pairs(one=f.ref('get.results'))})),
        f.flow('Gzip', f.trigger(), get(),
               f.step('Pack', 'zip.compressGzip', {'fileData': f.ref('get.results'),
                                                   'level': '1'}),
               f.step('Unpack', 'zip.decompressGzip', {'gzipFileData': f.ref('pack.results')}),
               put('Put', files, '/put', 'unpack.results')),
        f.flow('Loop', f.trigger(), f.loop_n('Times', 4, get(),
                                             put('Put', files, '/put', 'get.results'))),
        f.flow('Template', f.trigger(), get(), f.step('Log', 'log.writeLog', {
            'message': f.template('{{$get.results.data}}{{$get.results.data}}')})))


def test_from_server_to_server(stack, passing, files, folder):
    measured(stack, passing, 'Through', files)
    (path, headers, got, _), = files.got
    assert got == digest(SIZE) and headers['Content-Type'] == 'application/x-file'
    assert os.listdir(folder) == []


def test_as_a_file_of_a_form(stack, passing, files):
    measured(stack, passing, 'Form', files)
    (path, headers, got, first), = files.got
    boundary = headers['Content-Type'].split('boundary=')[1].encode()
    head = first[:first.index(b'\r\n\r\n', first.index(b'filename=')) + 4]
    made = hashlib.sha256(head)
    for part in blocks(SIZE):
        made.update(part)
    made.update(b'\r\n--' + boundary + b'--\r\n')
    assert got == made.hexdigest()
    assert b'filename="one"\r\nContent-Type: application/x-file' in head


def test_packed_and_unpacked(stack, passing, files):
    measured(stack, passing, 'Gzip', files)
    assert files.got[0][2] == digest(SIZE)


def test_in_a_loop(stack, passing, files):
    measured(stack, passing, 'Loop', files)
    assert [got for _, _, got, _ in files.got] == [digest(SIZE)] * 4


def test_s3(stack, tenant, aws, files):
    bucket = {'bucket': 'large-files', 'objectKey': 'file'}
    made = deploy(
        tenant,
        f.flow('Create', f.trigger(), s3('Create', 'createBucket', bucket='large-files')),
        f.flow('S3', f.trigger(), get(),
               s3('Keep', 'putObject', fileContents=f.ref('get.results'), **bucket),
               s3('Read', 'getObject', **bucket), put('Put', files, '/put', 'read.results')),
        more={'config_vars': [variable()]}, config={'AWS': connection(aws)})
    made.run(flow='Create')
    measured(stack, made, 'S3', files)
    (path, headers, got, _), = files.got
    assert got == digest(SIZE) and headers['Content-Type'] == 'application/x-file'
    assert aws.refused == []


def test_a_text_of_it_is_refused(passing, files):
    size = max(SIZE, 70 * MIB)
    sent = passing.send({'file': '%s/file/%d' % (files.url, size)}, 'Template')
    execution = passing.finished(sent.execution_id, ok=False)
    assert 'the text of a template is over' in execution.error


def test_more_than_a_value_may_be(passing, files):
    sent = passing.send({'file': '%s/file/%d' % (files.url, 501 * MIB)}, 'Through')
    execution = passing.finished(sent.execution_id, ok=False, timeout=120)
    assert 'is larger than' in execution.error and '524288000' in execution.error


def test_nothing_is_left_of_a_killed_worker(stack, passing, files, folder):
    worker = stack.workers[0]
    sent = passing.send({'file': '%s/slow/%d' % (files.url, SIZE)}, 'Through')

    def unnamed():
        names = [os.readlink('/proc/%d/fd/%s' % (worker.pid, fd))
                 for fd in os.listdir('/proc/%d/fd' % worker.pid)
                 if os.path.islink('/proc/%d/fd/%s' % (worker.pid, fd))]
        return [n for n in names if n.startswith(folder)]
    wait_until(unnamed, 30, 'the worker writes')
    assert os.listdir(folder) == []
    worker.kill()
    assert os.listdir(folder) == []
    worker.start()
    del files.got[:]
    passing.finished(sent.execution_id, timeout=90)
    assert files.got[-1][2] == digest(SIZE)
