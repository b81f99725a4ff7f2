"""Components that organizations publish: versions and their files, what the API shows of them,
integrations that use them."""
import copy
import hashlib

import pytest

from harness import bundle as b
from harness import flows as f
from harness.png import png
from harness.sender import send

RESULT = '''component { id versionNumber } packageUploadUrl sourceUploadUrl iconUploadUrl
  connectionIconUploadUrls { connectionKey iconUploadUrl }
  connectionAvatarIconUploadUrls { connectionKey iconUploadUrl }'''
SHOWN = '''query($key: String!, $all: Boolean, $native: Boolean) {
  components(first: 5, key: $key, allVersions: $all, includeComponentsForCodeNativeIntegrations: $native) { nodes {
    id versionNumber label category public signature iconUrl versionComment attributes
    documentationUrl forCodeNativeIntegration customer { name } versionCreatedBy { email }
    actions { nodes { id key label isTrigger isDataSource dataSourceType detailDataSource { label }
      scheduleSupport synchronousResponseSupport staticBranchNames examplePayload
      inputs { nodes { key label type required default model } } } }
    connections { nodes { id key label oauth2Type iconUrl inputs { nodes { key type shown } } } } } } }'''


def publish(tenant, **changed):
    return tenant.api.done('publishComponent', 'publishResult', RESULT,
                           **{**copy.deepcopy(b.SHOP), **changed})


def refused(tenant, **changed):
    made, errors = tenant.api.change('publishComponent', 'publishResult', RESULT,
                                     **{**copy.deepcopy(b.SHOP), **changed})
    assert made is None
    return {e['field']: e['messages'][0] for e in errors}


def versions(tenant, key, every=True, native=False):
    return tenant.api.ask(SHOWN, key=key, all=every, native=native)['components']['nodes']


def put(url, data):
    reply = send(url, data, method='PUT', headers={'Content-Type': 'application/zip'})
    return reply.status, reply.body.decode()


def step(name, action, inputs=None, version='LATEST', **more):
    made = f.step(name, action, inputs, **more)
    made['action']['component'].update(isPublic=False, version=version)
    return made


def test_publish_and_upload(tenant):
    first = publish(tenant, comment='one', attributes='{"commitHash": "abc"}')
    assert first['component']['versionNumber'] == 1
    assert [u['connectionKey'] for u in first['connectionIconUploadUrls']] == ['apiKey']
    assert first['connectionAvatarIconUploadUrls'] == []
    made, = versions(tenant, 'shop')
    assert (made['label'], made['category'], made['public'], made['signature'], made['iconUrl']) == (
        'Shop', 'Shops', False, None, None)
    assert (made['versionComment'], made['attributes']) == ('one', '{"commitHash": "abc"}')
    assert made['versionCreatedBy'] == {'email': 'owner@example.com'}
    package = b.package()
    assert put(first['packageUploadUrl'], b'no archive')[0] == 422
    assert put(first['packageUploadUrl'], package)[0] == 200
    assert put(first['packageUploadUrl'], b.package('changed'))[0] == 409
    assert put(first['sourceUploadUrl'], b.package('source'))[0] == 200
    assert put(first['iconUploadUrl'], png(64, 32))[0] == 422
    assert put(first['iconUploadUrl'], png(64))[0] == 200
    assert put(first['connectionIconUploadUrls'][0]['iconUploadUrl'], png(32))[0] == 200
    made, = versions(tenant, 'shop')
    assert made['signature'] == hashlib.sha1(package).hexdigest()
    assert send(made['iconUrl'], method='GET').body == png(64)
    assert send(made['connections']['nodes'][0]['iconUrl'], method='GET').body == png(32)
    # The package is not given away, and an address to read is none to write.
    assert send(first['packageUploadUrl'], method='GET').status == 404
    assert put(made['iconUrl'], png(64))[0] == 404


def test_versions_share_bytes(tenant, stack):
    key = 'twice'
    for n in (1, 2):
        done = publish(tenant, definition=b.definition(key))
        assert done['component']['versionNumber'] == n
        assert put(done['packageUploadUrl'], b.package('the same'))[0] == 200
    count = "SELECT count(*) FROM component_blob WHERE hash = %s"
    digest = hashlib.sha256(b.package('the same')).digest()
    assert stack.sql(count, digest) == [(1,)]
    assert [v['versionNumber'] for v in versions(tenant, key, False)] == [2]
    newest, oldest = sorted(versions(tenant, key), key=lambda v: -v['versionNumber'])
    assert oldest['signature'] == newest['signature'] and oldest['id'] != newest['id']
    tenant.api.done('deleteComponent', 'component', 'id', id=oldest['id'])
    assert versions(tenant, key) == []
    assert stack.sql(count, digest) == [(0,)]


def test_what_is_shown(tenant):
    publish(tenant, definition=b.definition('whole', documentationUrl='https://shop.example/docs'))
    made, = versions(tenant, 'whole')
    assert made['documentationUrl'] == 'https://shop.example/docs'
    actions = {a['key']: a for a in made['actions']['nodes']}
    assert len({a['id'] for a in actions.values()}) == 5
    get = actions['getOrder']
    assert (get['label'], get['isTrigger'], get['examplePayload']) == (
        'Getorder', False, '{"data": {"id": 1}}')
    assert get['inputs']['nodes'][1] == {'key': 'expand', 'label': 'Expand', 'type': 'boolean',
                                         'required': False, 'default': 'true', 'model': []}
    assert actions['pick']['staticBranchNames'] == ['big', 'small']
    assert actions['pick']['inputs']['nodes'][0]['model'] == [{'label': 'Big', 'value': 'big'}]
    assert (actions['orderPlaced']['isTrigger'], actions['orderPlaced']['scheduleSupport'],
            actions['orderPlaced']['synchronousResponseSupport']) == (True, 'invalid', 'valid')
    source = actions['listOrders']
    assert (source['isDataSource'], source['dataSourceType'], source['detailDataSource']) == (
        True, 'picklist', {'label': 'Describe'})
    assert [c['oauth2Type'] for c in made['connections']['nodes']] == [None, 'authorization_code']
    assert made['connections']['nodes'][0]['inputs']['nodes'] == [
        {'key': 'apiKey', 'type': 'password', 'shown': True}]
    publish(tenant, definition=b.definition('native', forCodeNativeIntegration=True))
    assert versions(tenant, 'native') == []
    assert len(versions(tenant, 'native', native=True)) == 1


@pytest.mark.parametrize('changed, field, words', [
    ({'definition': b.definition('no spaces')}, 'definition', 'letters'),
    ({'definition': b.definition('mine', public=True)}, 'definition', 'built-in'),
    ({'actions': [b.shown('a'), b.shown('a')]}, 'actions[1].key', 'twice'),
    ({'actions': [b.shown('a', [b.field('')])]}, 'actions[0].inputs[0].key', 'bytes'),
    ({'triggers': [b.shown('t', scheduleSupport='often')]}, 'triggers[0].scheduleSupport', 'valid'),
    ({'actions': [b.shown('a', examplePayload='{')]}, 'actions[0].examplePayload', 'JSON'),
    ({'connections': [{'key': 'c', 'label': 'C', 'oauth2Type': 'magic'}]},
     'connections[0].oauth2Type', 'client_credentials'),
    ({'attributes': '[]'}, 'attributes', 'object'),
    ({'comment': 'x' * 20000}, 'comment', 'bytes'),
    ({'actions': [b.shown('a%d' % n) for n in range(501)]}, 'actions', '500'),
])
def test_refused(tenant, changed, field, words):
    told = refused(tenant, **changed)
    assert words in told[field], told


def test_integrations_are_checked(tenant):
    publish(tenant, definition=b.definition('used'))
    publish(tenant, definition=b.definition('used'), actions=[b.shown('newer')])

    def imported(*steps, start=None):
        data = tenant.api.ask('''mutation($d: String!) { importIntegration(input: {definition: $d}) {
            integration { id } warnings errors { field messages } } }''', d=f.text_of(f.integration(
                'Uses it', f.flow('Main', start or f.trigger(), *steps))))['importIntegration']
        return data['integration'], [m for e in data['errors'] for m in e['messages']], data['warnings']

    made, errors, _ = imported(step('Get', 'used.gone'))
    assert made is None
    assert 'has no action "gone"' in errors[0] and 'flows[0].steps[1].action.key' in errors[0]
    # A version that is pinned counts, the newest otherwise.
    assert 'no action "getOrder"' in imported(step('Get', 'used.getOrder'))[1][0]
    assert 'has no version 7; its newest is 2' in imported(step('Get', 'used.newer', version=7))[1][0]
    made, errors, warnings = imported(step('Get', 'used.getOrder', version=1))
    assert made and not errors
    assert any('"orderId" (Orderid) is required' in w for w in warnings)
    assert 'trigger' in imported(step('Get', 'used.orderPlaced', version=1))[1][0]
    start = step('Start', 'used.orderPlaced', version=1, isTrigger=True)
    assert imported(f.log('Tell', 'x'), start=start)[1] == []
    # What is not there is told of; a built-in one of the same name is not meant.
    assert any('"http" is not installed' in w for w in imported(step('Get', 'http.httpGet'))[2])


def test_deleted_only_while_unused(tenant):
    id = publish(tenant, definition=b.definition('needed'))['component']['id']
    draft = tenant.publish(f.integration('Needs it', f.flow('Main', f.trigger(),
                                                            step('Get', 'needed.getOrder'))))
    tenant.import_(f.integration('Needs it', f.flow('Main', f.trigger(), f.log('Tell', 'x'))))
    _, errors = tenant.api.change('deleteComponent', 'component', 'id', id=id)
    assert errors[0]['field'] == 'id' and '"Needs it"' in errors[0]['messages'][0]
    tenant.api.done('deleteIntegration', 'integration', 'id', id=draft)
    assert tenant.api.done('deleteComponent', 'component', 'id', id=id) == {'id': id}
    builtin = tenant.api.ask('{ components(key: "http") { nodes { id } } }')['components']['nodes'][0]
    _, errors = tenant.api.change('deleteComponent', 'component', 'id', id=builtin['id'])
    assert 'Built-in' in errors[0]['messages'][0]


def test_of_a_customer(tenant):
    customer, other = tenant.customer('Owner'), tenant.customer('Another')
    publish(tenant, definition=b.definition('theirs'), customer=customer)
    made, = versions(tenant, 'theirs')
    assert made['customer'] == {'name': 'Owner'}
    told = refused(tenant, definition=b.definition('theirs'))
    assert 'belong to a customer' in told['customer']
    definition = f.text_of(f.integration('Theirs', f.flow('Main', f.trigger(),
                                                          step('Get', 'theirs.gone'))))

    def errors(**more):
        return tenant.api.change('importIntegration', 'integration', 'id', definition=definition,
                                 **more)[1]
    assert 'has no action "gone"' in errors(customer=customer)[0]['messages'][0]
    assert errors(customer=other) == []


def test_its_code_does_not_run(tenant):
    """JavaScript is kept and shown; a step that needs it fails with words."""
    publish(tenant, definition=b.definition('scripted'))
    made = tenant.deploy(f.integration('Scripted', f.flow(
        'Main', f.trigger(), step('Get', 'scripted.getOrder', {'orderId': '1'}))))
    execution = made.run(ok=False)
    assert 'component "scripted"' in execution.error and 'JavaScript' in execution.error
