"""Triggers whose code answers the sender: an asynchronous call waits for them, for a while."""
import hashlib
import hmac
import json
import threading
import time

import pytest

from harness import flows as f
from harness.stack import Stack
from harness.wait import wait_until

LIMIT = 3.0


@pytest.fixture(scope='module')
def stack(cluster):
    made = Stack(cluster, controlplane_args=['--trigger-limit-ms', str(int(LIMIT * 1000))]).start()
    yield made
    made.stop()


def signed(**more):
    return f.trigger('hash.hmacWebhookTrigger', {'secretKey': 's3cret', **more})


def seen():
    return f.make_object('Seen', data=f.ref('start.results.body.data'))


@pytest.fixture(scope='module')
def hooks(tenant):
    return tenant.deploy(f.integration(
        'Signed',
        f.flow('Main', signed(), seen()),
        f.flow('Custom', signed(statusCode='202', contentType='text/plain', body='thanks',
                                headers=f.pairs(**{'X-Shop': 'tea'})), seen()),
        f.flow('Broken', signed(statusCode='99'), seen()),
        f.flow('Then Fails', signed(), f.loop('Each', f.ref('start.results.nothing'))),
        f.flow('Sync', signed(), seen(), synchronous=True),
        f.flow('Line', signed(), f.step('Wait', 'sleep.sleep', {'ms': f.ref(
            'start.results.body.data.ms')}), queueConfig={'usesFifoQueue': True})))


def send(hooks, body, flow='Main', secret='s3cret', **headers):
    body = json.dumps(body).encode()
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hooks.send(body, flow, headers={
        'Content-Type': 'application/json', 'x-hmac-hash': mac, **headers})


def test_a_good_signature(hooks):
    reply = send(hooks, {'a': 1})
    assert reply.headers['Content-Type'] == 'application/json'
    assert reply.headers['prismatic-executionid'] == reply.execution_id
    assert hooks.finished(reply.execution_id).results('Seen') == {'data': {'a': 1}}


def test_a_bad_signature(hooks):
    reply = send(hooks, {'a': 1}, secret='guessed')
    assert reply.status == 401 and 'does not match' in reply.json['error']
    execution = hooks.finished(reply.json['executionId'], ok=False)
    assert 'does not match' in execution.error and 'Seen' not in execution.names()
    reply = hooks.send({'a': 1}, 'Main')
    assert reply.status == 401 and 'is missing' in reply.json['error']


def test_a_reply_of_its_own(hooks):
    reply = send(hooks, {'a': 1}, 'Custom')
    assert (reply.status, reply.text) == (202, 'thanks')
    assert reply.headers['Content-Type'] == 'text/plain' and reply.headers['X-Shop'] == 'tea'
    assert hooks.finished(reply.headers['prismatic-executionid']).results('Seen')
    assert send(hooks, {'a': 1}, 'Custom', secret='guessed').status == 401


def test_other_failures(hooks):
    reply = send(hooks, {}, 'Broken')
    assert reply.status == 500 and 'statusCode' in reply.json['error']
    hooks.finished(reply.json['executionId'], ok=False)
    hooks.finished(send(hooks, {}, 'Then Fails').execution_id, ok=False)


def test_synchronous(hooks):
    reply = send(hooks, {'a': 1}, 'Sync')
    assert (reply.status, reply.json) == (200, {'data': {'a': 1}})
    assert send(hooks, {'a': 1}, 'Sync', secret='guessed').status == 401
    reply = send(hooks, {'a': 1}, 'Sync', **{'prismatic-synchronous': 'false'})
    assert not hooks.finished(reply.execution_id)['isSynchronous']


def test_an_idempotency_key(hooks):
    first = send(hooks, {'a': 1}, **{'Idempotency-Key': 'k'})
    assert send(hooks, {'a': 1}, **{'Idempotency-Key': 'k'}).execution_id == first.execution_id


def test_a_queue(hooks):
    """Who has his turn at once is answered by the trigger, who waits learns that he is accepted."""
    assert send(hooks, {'ms': 0}, 'Line', secret='guessed').status == 401
    slow = send(hooks, {'ms': 3500}, 'Line').execution_id
    began = time.monotonic()
    behind = send(hooks, {'ms': 0}, 'Line', secret='guessed').execution_id
    assert time.monotonic() - began < LIMIT
    hooks.finished(slow)
    execution = hooks.finished(behind, ok=False)
    assert 'does not match' in execution.error and not execution['isSynchronous']


def test_no_worker(stack, hooks):
    """The event is stored before anybody waits: a worker that dies loses nothing."""
    stack.workers[0].pause()
    timeouts = stack.metric('leat_trigger_timeout_total')
    replies = []
    senders = [threading.Thread(target=lambda n=n: replies.append(send(hooks, {'n': n})))
               for n in range(5)]
    for sender in senders:
        sender.start()
    wait_until(lambda: stack.sql('SELECT count(*) FROM execution e WHERE NOT EXISTS (SELECT FROM '
                                 'execution_result r WHERE r.id = e.id)')[0][0] == 5, 30)
    stack.workers[0].kill()
    for sender in senders:
        sender.join()
    assert stack.metric('leat_trigger_timeout_total') == timeouts + 5
    ids = {reply.execution_id for reply in replies}
    stack.workers[0].start()
    got = sorted(hooks.finished(i, timeout=90).results('Seen')['data']['n'] for i in ids)
    assert got == list(range(5))
    assert send(hooks, {'a': 1}).status == 200


def test_a_challenge_while_others_wait(stack, hooks):
    """Nobody who waits keeps others from being served."""
    stack.workers[0].pause()
    try:
        waiting = [threading.Thread(target=send, args=(hooks, {'n': n})) for n in range(20)]
        for sender in waiting:
            sender.start()
        wait_until(lambda: stack.get('/readyz')[0] == 200, 10)
        began = time.monotonic()
        assert stack.get('/readyz')[0] == 200 and time.monotonic() - began < LIMIT / 2
    finally:
        stack.workers[0].resume()
    for sender in waiting:
        sender.join()
