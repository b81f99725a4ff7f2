"""How webhooks behave towards their senders."""
import base64
import json
import threading
import uuid
from urllib.parse import urlsplit

import pytest

from harness import flows as f
from harness.sender import Sender, send, send_raw
from harness.wait import wait_until


@pytest.fixture(scope='module')
def hooks(tenant):
    """One instance with a flow for each way of answering."""
    status = f.ref('start.results.body.data.status')
    return tenant.deploy(f.integration(
        'Hooks',
        f.flow('Plain', f.trigger(), f.log('Say', f.ref('start.results.body.data'))),
        f.flow('Fixed', f.trigger(inputs={
            'statusCode': '202', 'contentType': 'text/plain', 'body': 'thanks',
            'headers': f.pairs(**{'X-Shop': 'tea', 'Cache-Control': 'no-store'})})),
        f.flow('Sync', f.trigger(), f.log('Say', 'x'),
               f.make_object('Answer', got=f.ref('start.results.body.data')), synchronous=True),
        f.flow('Sync Text', f.trigger(), f.join('Answer', 'a', 'b'), synchronous=True),
        f.flow('Sync Fails', f.trigger(),
               f.loop('Each', f.ref('start.results.body.data.nothing'), f.log('In', 'x')),
               synchronous=True),
        f.flow('Stops', f.trigger(),
               f.branch_on('Which', 'start.results.body.data.stop',
                           yes=[f.stop('Stop', '418', f.ref('start.results.body.data'),
                                       **{'X-Why': 'asked'})],
                           text=[f.stop('Stop Text', '201', 'plain words', 'text/plain')]),
               f.make_object('End', went='on', status=status), synchronous=True),
        f.flow('Keyed', f.trigger(), f.log('Say', 'x')),
        f.flow('Must Have Key', f.trigger(), f.log('Say', 'x'), security='customer_required'),
        f.flow('Org Key', f.trigger(), f.log('Say', 'x'), security='organization',
               organizationApiKeys=['org-key-1', 'org-key-2']),
        f.flow('Open', f.trigger(), f.log('Say', 'x'), security='unsecured'),
        f.flow('Sleeps', f.trigger(), f.step('Sleep', 'sleep.sleep', {'ms': '1500'}),
               synchronous=True)),
        api_keys={'Keyed': ['k1', 'k2'], 'Must Have Key': ['k3'], 'Open': ['k4']})


@pytest.mark.smoke
@pytest.mark.parametrize('method', ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'])
def test_methods(hooks, method):
    execution = hooks.run({'m': method} if method != 'GET' else b'', 'Plain', method=method)
    assert execution['status'] == 'SUCCESS'


def test_other_methods_are_refused(hooks):
    for method in ('OPTIONS', 'TRACE', 'FOO'):
        assert hooks.send(flow='Plain', method=method).status in (404, 405, 501)


def test_path_query_and_headers(hooks):
    execution = hooks.run({'a': 1}, 'Plain', more='/my/custom%20path?x=1&y=a%20b&empty=&x2=%C3%A9',
                          headers={'X-GitHub-Event': 'push', 'Api-Key': 'not-to-be-seen'})
    payload = execution.payload
    assert payload['pathFragment'] in ('my/custom path', 'my/custom%20path')
    assert payload['queryParameters'] == {'x': '1', 'y': 'a b', 'empty': '', 'x2': 'é'}
    headers = {k.lower(): v for k, v in payload['headers'].items()}
    assert headers['x-github-event'] == 'push' and 'api-key' not in headers
    assert 'X-GitHub-Event' in payload['headers'], 'names keep their letters'
    assert payload['executionId'] == execution.id
    assert payload['instance']['name'] and payload['flow']['name'] == 'Plain'
    assert set(payload['webhookUrls']) == set(hooks.urls)
    assert payload['webhookUrls']['Fixed'] == hooks.urls['Fixed']
    assert 'not-to-be-seen' not in json.dumps(execution.data)


def test_fixed_reply(hooks):
    reply = hooks.send({'a': 1}, 'Fixed')
    assert (reply.status, reply.text) == (202, 'thanks')
    assert reply.headers['Content-Type'] == 'text/plain'
    assert reply.headers['X-Shop'] == 'tea' and reply.headers['Cache-Control'] == 'no-store'
    hooks.finished(reply.headers['prismatic-executionid'])


@pytest.mark.smoke
def test_synchronous_flow(hooks):
    reply = hooks.send({'a': [1, 'x', None]}, 'Sync')
    assert reply.status == 200
    assert reply.json == {'got': {'a': [1, 'x', None]}}
    assert reply.headers['Content-Type'].startswith('application/json')
    execution = hooks.finished(reply.headers['prismatic-executionid'])
    assert execution['isSynchronous']
    reply = hooks.send(b'', 'Sync Text')
    assert reply.status == 200 and reply.text.strip('"') == 'ab'


def test_synchronous_by_header(hooks):
    reply = hooks.send({'a': 1}, 'Sync', headers={'prismatic-synchronous': 'false'})
    assert set(reply.json) == {'executionId'}
    assert not hooks.finished(reply.execution_id)['isSynchronous']
    reply = hooks.send({'a': 1}, 'Fixed', headers={'prismatic-synchronous': 'true'})
    assert reply.text != 'thanks'
    reply = hooks.send({'a': 1}, 'Plain', headers={'Prismatic-Synchronous': 'TRUE'})
    assert 'executionId' not in reply.text and reply.headers['prismatic-executionid']


def test_synchronous_flow_that_fails(hooks):
    reply = hooks.send({}, 'Sync Fails')
    assert reply.status == 500
    assert hooks.finished(reply.headers['prismatic-executionid'], ok=False).error


def test_stop_execution(hooks):
    reply = hooks.send({'stop': 'yes', 'n': 1}, 'Stops')
    assert (reply.status, reply.json) == (418, {'stop': 'yes', 'n': 1})
    assert reply.headers['X-Why'] == 'asked'
    execution = hooks.finished(reply.headers['prismatic-executionid'])
    assert 'End' not in execution.names() and execution['status'] == 'SUCCESS'
    reply = hooks.send({'stop': 'text'}, 'Stops')
    assert (reply.status, reply.text) == (201, 'plain words')
    assert reply.headers['Content-Type'] == 'text/plain'
    reply = hooks.send({'stop': 'no', 'status': 5}, 'Stops')
    assert (reply.status, reply.json) == (200, {'went': 'on', 'status': 5})


def test_many_synchronous_callers(hooks):
    """Each gets its own answer."""
    wrong = []

    def call(n):
        sender = hooks.sender('Sync')
        for i in range(20):
            reply = sender.send({'n': n, 'i': i})
            if reply.status != 200 or reply.json != {'got': {'n': n, 'i': i}}:
                wrong.append((n, i, reply.status, reply.body))
        sender.close()

    threads = [threading.Thread(target=call, args=(n,)) for n in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_a_caller_who_leaves(hooks):
    """The run goes on and is recorded."""
    parts = urlsplit(hooks.urls['Sleeps'])
    before = hooks.count()
    send_raw(hooks.urls['Sleeps'], b'POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}'
             % parts.path.encode(), timeout=0.3)

    def recorded():
        return hooks.count() == before + 1 and hooks.executions()[0]['endedAt']
    wait_until(recorded, 20, 'the execution ends')


@pytest.mark.smoke
def test_api_keys(hooks):
    for flow, good in (('Keyed', ['k1', 'k2']), ('Must Have Key', ['k3']),
                       ('Org Key', ['org-key-1', 'org-key-2'])):
        for key in good:
            assert hooks.send({}, flow, headers={'Api-Key': key}).status == 200
        for key in ('', 'k', good[0] + 'x', good[0].upper(), 'k9'):
            assert hooks.send({}, flow, headers={'Api-Key': key}).status == 401
        assert hooks.send({}, flow).status == 401
    assert hooks.send({}, 'Open').status == 200
    assert hooks.send({}, 'Plain').status == 200


def test_unknown_addresses(hooks, tenant):
    url = hooks.urls['Plain']
    base = url[:url.rindex('/') + 1]

    def gid(kind):
        return base64.b64encode(('%s:%s' % (kind, uuid.uuid4())).encode()).decode()
    for address in (gid('InstanceFlowConfig'), gid('Instance'), 'x', '', '%', '%00', 'a' * 2000,
                    str(uuid.uuid4()), gid('InstanceFlowConfig')[:-4]):
        assert send(base + address, {}).status == 404, address
    assert send(tenant.stack.url + '/nothing', method='GET').status == 404


def test_too_large(hooks):
    limit = 6 * 1024 * 1024
    assert hooks.send(b'x' * limit, 'Plain', headers={'Content-Type': 'text/plain'}).status == 200
    for size in (limit + 1, 64 * 1024 * 1024):
        try:
            assert hooks.send(b'x' * size, 'Plain').status == 413
        except (BrokenPipeError, ConnectionResetError):
            pass  # answered and closed while the body was still being sent


def test_chunked(hooks):
    parts = urlsplit(hooks.urls['Sync'])
    answer = send_raw(hooks.urls['Sync'], (
        'POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: '
        'chunked\r\nConnection: close\r\n\r\n4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n'
        % parts.path).encode())
    assert b' 200 ' in answer.split(b'\r\n')[0] and b'{"got":{"a":1}}' in answer


def test_requests_that_are_not_http(hooks):
    for rubbish in (b'\x00' * 100, b'GET\r\n\r\n', b'POST / HTTP/9.9\r\n\r\n', b'\x16\x03\x01' * 50,
                    b'POST %s HTTP/1.1\r\nContent-Length: -1\r\n\r\n' % urlsplit(
                        hooks.urls['Plain']).path.encode(),
                    b'GET / HTTP/1.1\r\n' + b'A: b\r\n' * 2000 + b'\r\n'):
        send_raw(hooks.urls['Plain'], rubbish, timeout=1)
    assert hooks.send({}, 'Plain').status == 200


def test_keep_alive(hooks):
    sender = hooks.sender('Plain')
    ids = {sender.send({'n': n}).execution_id for n in range(50)}
    sender.close()
    assert len(ids) == 50


def test_pipelined_requests(hooks):
    parts = urlsplit(hooks.urls['Plain'])
    one = ('POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}' % parts.path).encode()
    last = one.replace(b'Host: x', b'Host: x\r\nConnection: close')
    assert send_raw(hooks.urls['Plain'], one * 4 + last).count(b'"executionId"') == 5


def test_idempotency_key(hooks):
    key = {'Idempotency-Key': 'order-1'}
    first = hooks.send({'n': 1}, 'Plain', headers=key)
    again = hooks.send({'n': 2}, 'Plain', headers=key)
    other = hooks.send({'n': 1}, 'Plain', headers={'Idempotency-Key': 'order-2'})
    elsewhere = hooks.send({'n': 1}, 'Open', headers=key)
    assert first.execution_id == again.execution_id
    assert len({first.execution_id, other.execution_id, elsewhere.execution_id}) == 3
    assert hooks.finished(first.execution_id).payload['body']['data'] == {'n': 1}
    assert hooks.send({}, 'Plain', headers={'Idempotency-Key': 'x' * 256}).status == 400


def test_idempotency_key_at_the_same_moment(hooks):
    before = hooks.count()
    ids, barrier = [], threading.Barrier(12)

    def call():
        sender = Sender(hooks.urls['Plain'])
        barrier.wait()
        for i in range(4):
            ids.append((i, sender.send({'i': i}, headers={
                'Idempotency-Key': 'same-%d' % i}).execution_id))
        sender.close()
    threads = [threading.Thread(target=call) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(ids) == 48 and len(set(ids)) == 4
    for execution_id in {i for _, i in ids}:
        hooks.finished(execution_id)
    assert hooks.count() == before + 4


def test_deploy_without_required_key_is_refused(tenant):
    draft = tenant.publish(f.integration('Needs key', f.flow(
        'Main', f.trigger(), f.log('Say', 'x'), security='customer_required')))
    instance = tenant.instance(draft)
    made, errors = tenant.api.change('deployInstance', 'instance', 'id', id=instance)
    if not errors:  # deployed all the same: then nobody may get in
        from harness.api import Deployment
        assert Deployment(tenant, draft, instance).send({}).status == 401
