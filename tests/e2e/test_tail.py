"""Following log lines and executions live: what comes, to whom, and what happens to the slow."""
import json
import socket
import threading
import time
from urllib.parse import quote

import pytest

from harness import flows as f
from harness.people import Person
from harness.api import Tenant
from harness.wait import wait_until


class Follower:
    """A connection to /logs/tail and the events that it brought."""

    def __init__(self, stack, token, read=True, **arguments):
        self.events, self.text, self.closed = [], b'', False
        self.sock = socket.socket()
        if not read:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.connect(('127.0.0.1', stack.port))
        query = '&'.join('%s=%s' % (k, quote(str(v), safe='')) for k, v in arguments.items())
        self.sock.sendall(('GET /logs/tail%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n' % (
            '?' + query if query else '', token)).encode())
        if read:
            threading.Thread(target=self._read, daemon=True).start()
            wait_until(lambda: b'\r\n\r\n' in self.text or self.closed, 30, 'a head')

    def _read(self):
        try:
            while True:
                got = self.sock.recv(65536)
                if not got:
                    break
                self.text += got
        except OSError:
            pass
        self.closed = True

    @property
    def status(self):
        return int(self.text.split(b' ')[1])

    def all(self):
        """[(event, data)] so far."""
        body = self.text.partition(b'\r\n\r\n')[2]
        plain = b''
        while b'\r\n' in body:
            size, rest = body.split(b'\r\n', 1)
            n = int(size or b'0', 16)
            if len(rest) < n + 2:
                break
            plain, body = plain + rest[:n], rest[n + 2:]
        found = []
        for block in plain.decode().split('\n\n'):
            lines = dict(line.split(': ', 1) for line in block.split('\n') if ': ' in line)
            if 'event' in lines:
                found.append((lines['event'], json.loads(lines['data'])))
        return found

    def named(self, event, **members):
        return [d for e, d in self.all() if e == event and
                all(d.get(k) == v for k, v in members.items())]

    def close(self):
        self.sock.close()


def talk(tenant, name, customer='Customer', n=1):
    said = f.ref('start.results.body.data.say')
    return tenant.deploy(f.integration(name, f.flow(
        'Main', f.trigger(), f.log('Aside', 'as an aside', level='info'),
        *[f.log('Say %d' % i, said, level='warn') for i in range(n)])), customer=customer)


@pytest.fixture(scope='module')
def talks(tenant):
    return talk(tenant, 'Talks')


@pytest.fixture(scope='module')
def others(tenant):
    return talk(tenant, 'Others', 'Neighbour')


def heard(follower, deployed, word='hello'):
    """The recorder learns within a second or two that somebody follows."""
    def goes():
        deployed.run({'say': word})
        return follower.named('line', message=word)
    wait_until(goes, 30, 'a line is heard')


def test_lines_and_ends(stack, tenant, talks, others):
    everything = Follower(stack, tenant.api.token)
    warnings = Follower(stack, tenant.api.token, instance=talks.id, severity_Gte=3)
    searching = Follower(stack, tenant.api.token, message_Icontains='NEEDLE & hay')
    assert everything.status == 200 and b'text/event-stream' in everything.text
    heard(everything, talks)
    run = talks.run({'say': 'needle & hay'})
    other = others.run({'say': 'elsewhere'})
    wait_until(lambda: everything.named('execution', executionResult=other.id), 30, 'the end')
    mine = everything.named('line', executionResult=run.id)
    assert [line['message'] for line in mine] == ['as an aside', 'needle & hay']
    assert mine[1]['stepName'] == 'Say 0' and mine[1]['instance'] == talks.id
    end, = everything.named('execution', executionResult=run.id)
    assert (end['status'], end['error']) == ('SUCCESS', None) and end['endedAt']
    stored = tenant.api.ask('query($e: ID) { logs(executionResult: $e) { nodes { id } } }', e=run.id)
    assert {n['id'] for n in stored['logs']['nodes']} == {line['id'] for line in mine}
    wait_until(lambda: warnings.named('execution', executionResult=run.id), 30, 'the end')
    assert [line['severity'] for line in warnings.named('line', executionResult=run.id)] == [3]
    assert not warnings.named('line', executionResult=other.id)
    assert {line['message'] for line in searching.named('line')} == {'needle & hay'}
    for follower in everything, warnings, searching:
        follower.close()


def test_only_what_one_may_see(stack, tenant, talks, others):
    organization = tenant.api.ask('{ organization { id } }')['organization']['id']
    neighbour = Person(stack, organization, 'customer_member', tenant.customer('Neighbour'))
    stranger = Tenant(stack, 'Strangers of the tail')
    boss = Follower(stack, tenant.api.token)
    theirs, foreign = Follower(stack, neighbour.api.token), Follower(stack, stranger.api.token)
    asking = Follower(stack, stranger.api.token, instance=talks.id)
    customer = Follower(stack, tenant.api.token, instance_Customer=tenant.customer('Neighbour'))
    heard(theirs, others)
    run, other = talks.run({'say': 'secret'}), others.run({'say': 'own'})
    wait_until(lambda: boss.named('execution', executionResult=run.id), 30, 'the end')
    for follower in theirs, customer:
        wait_until(lambda x=follower: x.named('execution', executionResult=other.id), 30, 'the end')
        assert not follower.named('line', executionResult=run.id)
        assert follower.named('line', message='own')
    assert foreign.all() == [] and asking.all() == []
    for role, status in ('guest', 403), ('restricted_integrator', 403):
        assert Follower(stack, Person(stack, organization, role).api.token).status == status
    assert Follower(stack, 'leat_nobody').status == 401
    for wrong in {'instance': 'x'}, {'severity_Gte': 9}, {'nothing': 1}, {'instance': tenant.customer('Neighbour')}:
        assert Follower(stack, tenant.api.token, **wrong).status == 400
    stack.sql('UPDATE api_token SET revoked_at = now() WHERE user_id = (SELECT id FROM app_user '
              "WHERE email = %s)", neighbour.email)
    wait_until(lambda: theirs.named('end'), 30, 'a revoked token ends it')
    for follower in boss, foreign, asking, customer:
        follower.close()


def test_steps_of_test_runs(stack, tenant, talks):
    boss = Follower(stack, tenant.api.token, instance=talks.id)
    heard(boss, talks)
    made, errors = tenant.api.change('testInstanceFlowConfig', 'testInstanceFlowConfigResult',
                                     'execution { id }', id=talks.flow_configs['Main'],
                                     payload='{"say": "tested"}')
    assert errors == []
    run = made['execution']['id']
    wait_until(lambda: boss.named('execution', executionResult=run), 30, 'the end')
    wait_until(lambda: boss.named('step', executionResult=run, displayStepName='Aside'), 30, 'a step')
    boss.close()


def test_the_slow_lose_and_are_told(stack, tenant):
    loud = talk(tenant, 'Loud', n=40)
    fast, slow = Follower(stack, tenant.api.token), Follower(stack, tenant.api.token, read=False)
    heard(fast, loud)
    fast.close()
    for last in [loud.send({'say': 'x' * 3000}).execution_id for _ in range(130)]:
        loud.finished(last)
    threading.Thread(target=slow._read, daemon=True).start()
    wait_until(lambda: slow.named('gap'), 30, 'the slow one is told')
    assert slow.named('gap')[0]['dropped'] > 0
    slow.close()


def test_it_ends_with_the_server(stack, tenant, talks):
    boss = Follower(stack, tenant.api.token)
    heard(boss, talks)
    began = time.monotonic()
    stack.controlplane.stop()
    wait_until(lambda: boss.closed, 30, 'the connection ends')
    assert boss.named('end') and time.monotonic() - began < 20
    stack.controlplane.start()
    stack.wait_ready()
