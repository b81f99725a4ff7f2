"""External log streams: what is sent of each line and how, levels, failures, a process that dies."""
import json
import threading

import pytest

from harness import flows as f
from harness.stack import Stack
from harness.wait import wait_until

TEMPLATE = ('{"at": {{ timestamp }}, "iso": "{{ timestamp_iso }}", "text": "{{ message }}", "level": '
            '"{{ severity }}", "n": {{ severityNumber }}, "instance": "{{ instanceName }}", "customer": '
            '"{{ customerExternalId }}", "flow": "{{ flowName }}", "step": "{{ stepName }}", '
            '"integration": "{{ integrationName }}", "run": "{{ executionId }}"}')
FIELDS = 'id name url headers severityLevels { name } error failedAttempts sentCount lostCount'


@pytest.fixture(scope='module')
def stack(cluster):
    """Its streams go to this machine."""
    made = Stack(cluster, controlplane_args=('--allow-addresses', '127.0.0.0/8')).start()
    yield made
    made.stop()


@pytest.fixture(scope='module')
def talks(tenant):
    """Says what the event tells it to, five times, and once more less loudly."""
    said = f.ref('start.results.body.data.say')
    return tenant.deploy(f.integration('Talks', f.flow(
        'Main', f.trigger(), *[f.log('Say %d' % n, said, level='warn') for n in range(5)],
        f.log('Aside', 'as an aside', level='info'))))


class Sink:
    """A receiver that may be told to fail."""

    def __init__(self, stub, path):
        self.url, self.status, self.got, self.lock = stub.url + path, 200, [], threading.Lock()
        stub.on(path, self.answer)

    def answer(self, request):
        with self.lock:
            if self.status == 200:
                self.got.append(request)
            return self.status, {}

    def texts(self):
        with self.lock:
            return [r.json['text'] for r in self.got]

    def said(self, text):
        return [t for t in self.texts() if t == text]


def make(tenant, sink, **more):
    return tenant.api.done('createExternalLogStream', 'externalLogStream', 'id', **{
        'name': 'Sink', 'url': sink.url, 'payloadTemplate': TEMPLATE, **more})['id']


def read(tenant, stream):
    return tenant.api.ask('query($id: ID!) { externalLogStream(id: $id) { %s } }' % FIELDS,
                          id=stream)['externalLogStream']


def drop(tenant, stream):
    tenant.api.done('deleteExternalLogStream', 'externalLogStream', 'id', id=stream)


def started(tenant, sink, talks):
    """The recorder looks for streams once a second: waits until it has seen them."""
    def goes():
        talks.run({'say': 'hello'})
        return sink.said('hello')
    wait_until(goes, 30, 'a line arrives')


def test_lines_arrive(tenant, talks, stub):
    sink, warnings = Sink(stub, '/all'), Sink(stub, '/errors')
    stream = make(tenant, sink, headers='{"Authorization": "Bearer secret"}')
    other = make(tenant, warnings, severityLevels=[{'name': 'warn'}, {'id': 4}])
    started(tenant, sink, talks)
    run = talks.run({'say': 'He said "no"\n{{ message }}'})
    wait_until(lambda: len(sink.said('He said "no"\n{{ message }}')) == 5, 30, 'five lines')
    request = next(r for r in sink.got if r.json['run'] == run.id and r.json['step'] == 'Say 2')
    assert request.headers['Authorization'] == 'Bearer secret'
    assert request.headers['Content-Type'] == 'application/json'
    line = request.json
    assert line['iso'][:10] == run['startedAt'][:10] and line['at'] > 1.7e12
    assert {k: line[k] for k in ('level', 'n', 'customer', 'flow', 'integration')} == {
        'level': 'warn', 'n': 4, 'customer': 'x-Customer', 'flow': 'Main', 'integration': 'Talks'}
    mine = [r.json for r in sink.got if r.json['run'] == run.id]
    said = [r['step'] for r in mine if r['step'].startswith('Say')]
    assert said == ['Say %d' % n for n in range(5)]
    wait_until(lambda: len(warnings.said('He said "no"\n{{ message }}')) == 5, 30, 'the warnings')
    assert {r.json['level'] for r in warnings.got} == {'warn'} and any(
        r['level'] == 'info' for r in mine)
    shown = read(tenant, stream)
    assert json.loads(shown['headers']) == {'Authorization': '********'}
    assert (shown['error'], shown['lostCount']) == (None, 0) and shown['sentCount'] > 5
    assert read(tenant, other)['severityLevels'] == [{'name': 'warn'}, {'name': 'error'}]
    for gone in stream, other:
        drop(tenant, gone)
    assert read(tenant, stream) is None


def test_failures_show_and_are_tried_again(stack, tenant, talks, stub):
    sink = Sink(stub, '/failing')
    stream = make(tenant, sink)
    started(tenant, sink, talks)
    sink.status = 503
    talks.run({'say': 'late'})
    shown = wait_until(lambda: read(tenant, stream)['error'] and read(tenant, stream), 30, 'an error')
    assert '503' in shown['error'] and shown['failedAttempts'] >= 1 and shown['lostCount'] == 0
    sink.status = 200
    tenant.api.done('updateExternalLogStream', 'externalLogStream', 'id', id=stream, name='Again')
    wait_until(lambda: len(sink.said('late')) == 5, 30, 'the lines arrive after all')
    wait_until(lambda: read(tenant, stream)['error'] is None, 30, 'the error is gone')
    drop(tenant, stream)
    assert stack.sql('SELECT count(*) FROM log_delivery') == [(0,)]


def test_nothing_is_lost_by_a_death(stack, tenant, talks, stub):
    sink = Sink(stub, '/through')
    stream = make(tenant, sink)
    started(tenant, sink, talks)
    sink.status = 500
    runs = [talks.run({'say': 'run %d' % n}) for n in range(8)]
    stack.controlplane.kill()
    sink.status = 200
    stack.controlplane.start()
    stack.wait_ready()
    tenant.api.done('updateExternalLogStream', 'externalLogStream', 'id', id=stream, name='On')
    for n in range(len(runs)):
        wait_until(lambda n=n: len(sink.said('run %d' % n)) >= 5, 40, 'the lines of run %d' % n)
    order = [t for t in dict.fromkeys(sink.texts()) if t.startswith('run ')]
    assert order == ['run %d' % n for n in range(8)]
    drop(tenant, stream)


@pytest.mark.parametrize('field,value', [
    ('name', ' '), ('url', 'ftp://x/'), ('headers', '[]'), ('payloadTemplate', '{{ nothing }}'),
    ('payloadTemplate', '{{ message'), ('payloadTemplate', ''), ('severityLevels', [{'id': 9}]),
    ('severityLevels', [{'name': 'loud'}]), ('severityLevels', [{}])])
def test_wrong_streams(tenant, field, value):
    given = {'name': 'W', 'url': 'http://x.example/', 'payloadTemplate': 'x', field: value}
    made, errors = tenant.api.change('createExternalLogStream', 'externalLogStream', 'id', **given)
    assert made is None and [e['field'] for e in errors] == [field]
