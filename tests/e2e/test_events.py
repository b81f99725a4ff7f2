"""Event webhooks: who is told what, signed, until it is answered, also when processes die."""
import hashlib
import hmac
import json
import threading

import pytest

from harness import flows as f
from harness.api import Tenant
from harness.stack import Stack
from harness.stub import Stub
from harness.wait import wait_until

DELIVERIES = '''query($id: ID!) { webhookEndpoint(id: $id) { deliveries { nodes { eventType status
  attempts error payload } } } }'''


@pytest.fixture(scope='module')
def receiver():
    made = Stub()
    for path in ('/in', '/signed', '/other'):
        made.on(path, {})
    yield made
    made.close()


@pytest.fixture(scope='module')
def stack(cluster):
    made = Stack(cluster, workers=0, controlplane_args=('--allow-addresses', '127.0.0.0/8')).start()
    yield made
    made.stop()


@pytest.fixture(scope='module')
def tenant(stack):
    return Tenant(stack, 'Told')


def endpoint(tenant, url, *types, **more):
    return tenant.api.done('createWebhookEndpoint', 'webhookEndpoint', 'id', name='Told', url=url,
                           eventTypes=list(types), **more)['id']


def deliveries(tenant, endpoint_id):
    """Newest first."""
    got = tenant.api.ask(DELIVERIES, id=endpoint_id)['webhookEndpoint']
    return got['deliveries']['nodes']


def come(receiver, path, n):
    return wait_until(lambda: receiver.seen(path) if len(receiver.seen(path)) >= n else None, 30,
                      '%d messages to %s' % (n, path))


def test_types(tenant):
    got = tenant.api.ask('{ webhookEventTypes { totalCount nodes { name } } }')['webhookEventTypes']
    assert got['totalCount'] > 30
    assert {'instance.deployed', 'alert_monitor.triggered'} <= {n['name'] for n in got['nodes']}


def test_endpoints(tenant):
    fields = 'id name url description secret headers enabled eventTypes allowUpdate allowRemove'
    made = tenant.api.done('createWebhookEndpoint', 'webhookEndpoint', fields, name='Mine',
                           url='https://told.example/in', eventTypes=['customer.created'],
                           secret='very secret', headers='{"Authorization": "Bearer abc"}')
    assert made['secret'] == '********' and made['enabled'] is True
    assert json.loads(made['headers']) == {'Authorization': '********'}
    changed = tenant.api.done('updateWebhookEndpoint', 'webhookEndpoint', fields, id=made['id'],
                              secret='', headers='', enabled=False,
                              eventTypes=['customer.updated', 'customer.deleted'])
    assert changed == {**made, 'secret': None, 'headers': None, 'enabled': False,
                       'eventTypes': ['customer.updated', 'customer.deleted']}
    tenant.api.done('deleteWebhookEndpoint', 'webhookEndpoint', 'id', id=made['id'])
    assert tenant.api.ask('query($i: ID!) { webhookEndpoint(id: $i) { id } }',
                          i=made['id'])['webhookEndpoint'] is None


@pytest.mark.parametrize('field, value', [
    ('name', ''), ('url', 'ftp://x/'), ('eventTypes', []), ('eventTypes', ['customer.eaten']),
    ('eventTypes', ['customer.created'] * 201), ('headers', '[]'), ('headers', '{"Host": "x"}'),
    ('secret', 'x' * 1025), ('description', 'x' * 17000)])
def test_wrong_endpoints(tenant, field, value):
    given = {'name': 'W', 'url': 'http://x.example/', 'eventTypes': ['customer.created'],
             field: value}
    made, errors = tenant.api.change('createWebhookEndpoint', 'webhookEndpoint', 'id', **given)
    assert made is None and [e['field'] for e in errors] == [field]


def test_what_is_sent(tenant, receiver):
    told = endpoint(tenant, receiver.url + '/signed', 'customer.created', 'user.created',
                    secret='the secret', headers='{"X-Key": "abc"}')
    endpoint(tenant, receiver.url + '/other', 'instance.deployed')
    customer = tenant.api.done('createCustomer', 'customer', 'id', name='Ä "quoted"')['id']
    tenant.api.done('updateCustomer', 'customer', 'id', id=customer, description='x')
    request = come(receiver, '/signed', 1)[0]
    body = request.json
    me = tenant.api.ask('{ authenticatedUser { id email name } organization { id } }')
    assert body.pop('timestamp').endswith('+00:00')
    assert body == {'event_type': 'customer.created', 'user': me['authenticatedUser'],
                    'organization_id': me['organization']['id'], 'webhook_id': told,
                    'customer': {'id': customer, 'name': 'Ä "quoted"'}}
    assert request.headers['X-Webhook-Event'] == 'customer.created'
    assert request.headers['Content-Type'] == 'application/json'
    assert request.headers['X-Key'] == 'abc'
    assert request.headers['X-Webhook-Signature'] == 'sha256=' + hmac.new(
        b'the secret', request.body, hashlib.sha256).hexdigest()
    wait_until(lambda: deliveries(tenant, told)[0]['status'] == 'delivered', 10, 'it is recorded')
    assert [d['eventType'] for d in deliveries(tenant, told)] == ['customer.created']
    assert not receiver.seen('/other')


def test_button(tenant, receiver):
    told = endpoint(tenant, receiver.url + '/in', 'user.deleted', enabled=False)
    tenant.api.done('testWebhookEndpoint', 'webhookEndpoint', 'id', id=told)
    request = come(receiver, '/in', 1)[-1]
    assert request.json['event_type'] == request.headers['X-Webhook-Event'] == \
        'webhook_endpoint.test'
    assert request.headers['X-Webhook-Signature'] is None


def test_what_was_refused_is_not_told(tenant, receiver):
    told = endpoint(tenant, receiver.url + '/in', 'customer.created')
    tenant.api.change('createCustomer', 'customer', 'id', name='Twice')
    assert tenant.api.change('createCustomer', 'customer', 'id', name='Twice')[1]
    assert len(deliveries(tenant, told)) == 1
    tenant.api.done('updateWebhookEndpoint', 'webhookEndpoint', 'id', id=told, enabled=False)
    tenant.api.change('createCustomer', 'customer', 'id', name='Nobody is told')
    assert len(deliveries(tenant, told)) == 1


def test_until_it_is_answered(tenant, receiver):
    seen = []
    receiver.on('/flaky', lambda request: (200 if seen else seen.append(request) or 500, {}))
    told = endpoint(tenant, receiver.url + '/flaky', 'customer.created')
    gone = endpoint(tenant, receiver.url + '/gone', 'customer.created')
    tenant.api.done('createCustomer', 'customer', 'id', name='Flaky')
    first, second = come(receiver, '/flaky', 2)
    assert first.body == second.body
    assert first.headers['X-Webhook-Delivery'] == second.headers['X-Webhook-Delivery']
    failed = wait_until(lambda: [d for d in deliveries(tenant, gone) if d['error']], 10, 'it failed')
    assert failed[0]['error'] == 'The webhook answered 404.' and failed[0]['status'] == 'pending'
    tenant.api.done('updateWebhookEndpoint', 'webhookEndpoint', 'id', id=gone, enabled=False)
    assert deliveries(tenant, gone)[0]['status'] == 'failed'


def test_of_a_monitor(tenant, receiver):
    receiver.on('/tripped', {})
    endpoint(tenant, receiver.url + '/tripped', 'alert_monitor.triggered', 'instance.disabled')
    main = tenant.deploy(f.integration('Watched', f.flow('Main', f.trigger())))
    triggers = tenant.api.ask('{ alertTriggers { nodes { id name } } }')['alertTriggers']['nodes']
    monitor = tenant.api.done(
        'createAlertMonitor', 'alertMonitor', 'id', name='Off', instance=main.id,
        triggers=[t['id'] for t in triggers if t['name'] == 'Instance Disabled'])['id']
    tenant.api.done('updateInstance', 'instance', 'id', id=main.id, enabled=False)
    got = {r.json['event_type']: r.json for r in come(receiver, '/tripped', 2)}
    assert got['alert_monitor.triggered']['alert_monitor'] == {'id': monitor, 'name': 'Off'}
    assert got['alert_monitor.triggered']['user'] is None
    assert got['instance.disabled']['instance']['id'] == main.id


def test_a_sender_that_dies(tenant, receiver):
    """It dies in the middle of an attempt: what was committed is told by the next one."""
    stack, asked, dead = tenant.stack, [], threading.Event()

    def answer(request):
        asked.append(request.json['customer']['name'])
        dead.wait(30)
        return 200, {}
    receiver.on('/dies', answer)
    told = endpoint(tenant, receiver.url + '/dies', 'customer.created')
    tenant.api.done('createCustomer', 'customer', 'id', name='Told at last')
    wait_until(lambda: asked, 30, 'the first attempt')
    stack.controlplane.kill()
    dead.set()
    stack.controlplane.start()
    stack.wait_ready()
    stack.sql("UPDATE webhook_delivery SET next_at = now() WHERE next_at IS NOT NULL")
    wait_until(lambda: deliveries(tenant, told)[0]['status'] == 'delivered', 30, 'it is told')
    assert set(asked) == {'Told at last'} and len(asked) >= 2
