"""Components that are one YAML file: published, and run against a real HTTP server."""
import base64
import hashlib
import hmac
import json
import os
import time

import pytest

from harness import flows as f

SHOP = open(os.path.join(os.path.dirname(__file__), '..', 'fixtures', 'shop.yml')).read()
PUBLISHED = 'component { id versionNumber declarative actions { nodes { key inputs { nodes { key } } } } }'


def publish(tenant, text, **more):
    return tenant.api.change('publishComponent', 'publishResult', PUBLISHED, declarative=text, **more)


def own(name, action, inputs=None, **more):
    made = f.step(name, 'tiny-shop.' + action, {'connection': f.config('Shop'), **(inputs or {})},
                  **more)
    made['action']['component']['isPublic'] = False
    return made


def variable(key):
    return {'key': 'Shop', 'dataType': 'connection', 'orgOnly': False,
            'connection': {'key': key, 'component': {'key': 'tiny-shop', 'version': 'LATEST',
                                                     'isPublic': False}},
            'inputs': {}}


def values(**fields):
    return {'Shop': {'values': json.dumps([{'name': k, 'type': 'value', 'value': v}
                                           for k, v in fields.items()])}}


@pytest.fixture(scope='module')
def shop(tenant, stub):
    """Flows that use the component with an API key, by the keys of their actions."""
    made, errors = publish(tenant, SHOP)
    assert not errors and made['component']['versionNumber'] == 1, errors
    assert made['component']['declarative'] == SHOP
    assert made['component']['actions']['nodes'][0] == {
        'key': 'getOrder', 'inputs': {'nodes': [{'key': k} for k in ('connection', 'id', 'expand')]}}
    body = 'start.results.body.data.'
    return tenant.deploy(f.integration(
        'Tiny shop',
        f.flow('getOrder', f.trigger(), own('Do', 'getOrder', {
            'id': f.ref(body + 'id'), 'expand': f.ref(body + 'expand')})),
        f.flow('createOrder', f.trigger(), own('Do', 'createOrder', {
            'customer': 'Ada "L"', 'count': f.ref(body + 'count'), 'notes': f.many(
                f.value('one'), f.value('two')), 'extra': f.ref(body + 'extra')})),
        *[f.flow(key, f.trigger(), own('Do', key))
          for key in ('login', 'byPage', 'byOffset', 'byCursor', 'byLink')],
        config_vars=[variable('apiKey')]), config=values(host=stub.url, apiKey='s3cret'))


def test_get(shop, stub):
    stub.on('/api/orders/a%2Fb%20c', {'order': {'id': 7}})
    done = shop.run({'id': 'a/b c', 'expand': 'yes'}, 'getOrder')
    assert done.results('Do') == {'id': 7}
    seen = stub.seen('/api/orders/a%2Fb%20c')[-1]
    assert seen.query == {'expand': 'true', 'fixed': 'all'}
    assert (seen.headers['X-Api-Key'], seen.headers['Accept']) == ('s3cret', 'application/json')
    # What has no value is left out.
    shop.run({'id': 'a/b c'}, 'getOrder')
    assert stub.seen('/api/orders/a%2Fb%20c')[-1].query == {'fixed': 'all'}


def test_errors(shop, stub):
    stub.on('/api/orders/9', (404, {'error': {'message': 'No such order, sorry.'}}))
    assert 'answered 404: No such order, sorry.' in shop.run({'id': '9'}, 'getOrder', ok=False).error
    assert 'Id (id)' in shop.run({}, 'getOrder', ok=False).error
    assert 'other than "." and ".."' in shop.run({'id': '..'}, 'getOrder', ok=False).error
    stub.on('/api/orders', {})
    assert 'answered 200' in shop.run({}, 'createOrder', ok=False).error
    assert 'number' in shop.run({'count': 'many'}, 'createOrder', ok=False).error


def test_bodies(shop, stub):
    stub.on('/api/orders', (201, {'id': 1}))
    assert shop.run({'count': '3', 'extra': {'a': [1]}}, 'createOrder').results('Do') == {'id': 1}
    seen = stub.seen('/api/orders')[-1]
    assert seen.headers['Content-Type'] == 'application/json' and seen.headers['Idempotency-Key']
    assert seen.json == {'customer': {'name': 'Ada "L"', 'greeting': 'Dear Ada "L"'}, 'count': 3,
                         'notes': ['one', 'two'], 'extra': {'a': [1]}, 'paid': False}
    shop.run({}, 'createOrder')
    assert stub.seen('/api/orders')[-1].json['count'] == 1
    assert 'extra' not in stub.seen('/api/orders')[-1].json
    stub.on('/api/form', 'fine')
    assert shop.run({}, 'login').results('Do') == '"fine"'
    assert stub.seen('/api/form')[-1].body == b'grant=a%20b&n=5'


def test_pages(shop, stub):
    items = [{'n': n} for n in range(5)]

    def page(request):
        at, size = (int(request.query['page']) - 1), int(request.query['per_page'])
        return {'items': items[at * size:(at + 1) * size]}
    stub.on('/api/pages', page)
    assert shop.run({}, 'byPage').results('Do') == items
    stub.on('/api/offsets', lambda r: items[int(r.query['offset']):int(r.query['offset']) + 2])
    assert shop.run({}, 'byOffset').results('Do') == items
    items.extend([{'n': 5}, {'n': 6}])
    assert 'more than 3 pages' in shop.run({}, 'byOffset', ok=False).error
    stub.on('/api/cursors', lambda r: {
        'items': [r.query.get('after')], 'next': {None: 'b&c', 'b&c': 7, '7': None}[r.query.get('after')]})
    assert shop.run({}, 'byCursor').results('Do') == [None, 'b&c', '7']
    assert all(r.query['all'] == '1' for r in stub.seen('/api/cursors'))
    stub.on('/api/cursors', {'items': [], 'next': 'again'})
    assert 'cursor' in shop.run({}, 'byCursor', ok=False).error
    stub.on('/api/cursors', {'items': 'none'})
    assert 'holds no list' in shop.run({}, 'byCursor', ok=False).error

    def linked(request):
        n = int(request.query.get('n', 0))
        link = {'Link': '<%s/api/links?n=%d>; rel="next", </x>; rel="first"' % (stub.url, n + 1)}
        return 200, {'Content-Type': 'application/json', **(link if n < 2 else {})}, b'[%d]' % n
    stub.on('/api/links', linked)
    assert shop.run({}, 'byLink').results('Do') == [0, 1, 2]
    stub.on('/api/links', (200, {'Content-Type': 'application/json',
                                 'Link': '<http://elsewhere.example/>; rel=next'}, b'[]'))
    assert 'another host' in shop.run({}, 'byLink', ok=False).error


def test_credentials(shop, tenant, stub):
    stub.on('/api/links', [])
    for key, fields, seen_as in (
            ('login', {'username': 'ada', 'password': 'pw'},
             lambda r: r.headers['Authorization'] == 'Basic ' + base64.b64encode(b'ada:pw').decode()),
            ('query', {'apiKey': 'k&1'}, lambda r: r.query == {'key': 'k&1'})):
        made = tenant.deploy(f.integration('With ' + key, f.flow('Main', f.trigger(), own('Do', 'byLink')),
                                           config_vars=[variable(key)]),
                             config=values(host=stub.url, **fields))
        made.run({})
        assert seen_as(stub.seen('/api/links')[-1]), key


def signed(body, secret=b'whsec', at=None):
    stamp = str(int(time.time()) if at is None else at)
    text = stamp.encode() + b'.' + body
    return {'X-Shop-Time': stamp, 'X-Shop-Signature': 'sha256=' + hmac.new(
        secret, text, hashlib.sha256).hexdigest(), 'Content-Type': 'application/json'}


def test_trigger(shop, tenant):
    start = own('Start', 'orderPlaced', {'secret': 'whsec'}, isTrigger=True)
    del start['inputs']['connection']
    made = tenant.deploy(f.integration('Signed', f.flow(
        'Main', start, f.log('Tell', f.ref('start.results.body.data.n')))))
    body = b'{"n": 5}'
    reply = made.send(body, headers=signed(body))
    assert reply.status == 200
    assert made.finished(reply.execution_id).names() == ['Start', 'Tell']
    for headers, words in ((signed(b'{"n": 6}'), 'does not match'),
                           (signed(body, b'other'), 'does not match'),
                           (signed(body, at=int(time.time()) - 300), 'too far'),
                           ({'Content-Type': 'application/json'}, 'no time'),
                           ({**signed(body), 'X-Shop-Signature': 'md5=00'}, 'no signature')):
        reply = made.send(body, headers=headers)
        assert reply.status == 401 and words in reply.json['error'], (words, reply.body)
    reply = made.send(b'', method='GET', more='?hub.challenge=abc%201')
    assert (reply.status, reply.body) == (200, b'abc 1')
    body = b'{"challenge": "xyz"}'
    reply = made.send(body, headers=signed(body))
    assert (reply.status, reply.body) == (200, b'xyz')
    # Challenges do not run the flow.
    assert all(made.tenant.execution(e['id']).names() in (['Start'], ['Start', 'Tell'])
               for e in made.executions())


def test_what_authors_are_told(tenant):
    made, errors = publish(tenant, SHOP.replace('path: orders/{{$inputs.id}}',
                                                'path: orders/{{$inputs.nr}}'))
    assert made is None and errors[0]['field'] == 'declarative'
    assert 'actions[0].request.path' in errors[0]['messages'][0]
    assert 'line 31, column' in errors[0]['messages'][0]
    _, errors = publish(tenant, SHOP, definition={'key': 'x', 'display': {
        'label': 'X', 'description': 'x'}})
    assert 'either' in errors[0]['messages'][0]


def test_versions(shop, tenant, stub):
    """A pinned version stays as it was, LATEST follows at the next deploy."""
    made, errors = publish(tenant, SHOP.replace('orders/{{', 'v2/{{'))
    assert not errors and made['component']['versionNumber'] == 2
    stub.on('/api/v2/1', {'order': 'two'})
    stub.on('/api/orders/1', {'order': 'one'})
    pinned = own('Pinned', 'getOrder', {'id': '1'})
    pinned['action']['component']['version'] = 1
    both = tenant.deploy(f.integration('Both', f.flow('Main', f.trigger(), pinned, own(
        'Newest', 'getOrder', {'id': '1'})), config_vars=[variable('apiKey')]),
        config=values(host=stub.url, apiKey='k'))
    done = both.run({})
    assert (done.results('Pinned'), done.results('Newest')) == ('one', 'two')
