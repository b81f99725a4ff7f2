"""Addresses that serve several flows: of an instance, and of an integration for all its customers;
routed by the request or by a preprocess flow."""
import base64

import pytest

from harness import flows as f
from harness.api import Tenant
from harness.sender import send
from harness.wait import wait_until

FLOW_HEADER = f.ref('payload.results.headers.x-flow')
FLOW_BODY = f.ref('payload.results.body.data.flow')
CUSTOMER = f.ref('payload.results.body.data.account.id')


def answer(name, **more):
    """A flow that tells its name and what it was sent."""
    return f.flow(name, f.trigger(), f.make_object(
        'Answer', flow=name, got=f.ref('start.results.body.data'),
        customer=f.ref('start.results.customer.externalId')), **more)


def kind_of(url):
    return base64.b64decode(url.rsplit('/', 1)[1]).decode().split(':')[0]


def refused(reply, status, code, *words):
    assert (reply.status, reply.json['code']) == (status, code), reply.text
    for word in words:
        assert word in reply.json['error'], reply.text


def shared_url(tenant, integration):
    return tenant.api.ask('query($id: ID!) { integration(id: $id) { webhookUrl } }',
                          id=integration)['integration']['webhookUrl']


def wait_gone(url, **options):
    """Until a change is known everywhere, calls may still be taken."""
    return wait_until(lambda: (lambda r: r if r.status != 200 else None)(send(url, **options)), 10,
                      'calls are refused')


# --- one address an instance, routed by the request ------------------------------------------------

@pytest.fixture(scope='module')
def own(tenant):
    return tenant.deploy(f.integration(
        'One Address',
        answer('Orders'),
        answer('Sync Orders', synchronous=True),
        answer('Keyed'),
        answer('Org Key', security='organization', organizationApiKeys=['org-1']),
        f.flow('Fixed', f.trigger(inputs={'statusCode': '202', 'body': 'thanks'})),
        answer('Deduped', queueConfig={
            'usesFifoQueue': True, 'dedupeIdField': f.ref('start.results.body.data.id')}),
        endpointType='instance_specific', flowNameField=FLOW_HEADER),
        api_keys={'Keyed': ['k1']})


def call(deployment, flow, body=b'', **headers):
    return deployment.send(body, headers={'X-Flow': flow, **headers})


@pytest.mark.smoke
def test_one_url_an_instance(own, tenant):
    assert len(set(own.urls.values())) == 1 and kind_of(own.url()) == 'Instance'
    assert base64.b64decode(own.id).decode() == base64.b64decode(
        own.url().rsplit('/', 1)[1]).decode()
    execution = own.run({'n': 1}, headers={'x-flow': 'Orders'}, more='/frag?q=1')
    assert execution['flow']['name'] == 'Orders'
    assert execution.payload['pathFragment'] == 'frag'
    assert execution.payload['webhookUrls'] == own.urls
    assert execution.payload['invokeUrl'] == own.url()
    got = tenant.api.ask('query($id: ID!) { integration(id: $id) { endpointType '
                         'preprocessFlowName webhookUrl } }', id=own.integration)['integration']
    assert got == {'endpointType': 'instance_specific', 'preprocessFlowName': None,
                   'webhookUrl': None}


def test_rules_of_the_chosen_flow(own):
    reply = call(own, 'Sync Orders', {'n': 2})
    assert reply.status == 200 and reply.json['flow'] == 'Sync Orders'
    assert call(own, 'Orders', {'n': 2}, **{'prismatic-synchronous': 'true'}).json['got'] == {'n': 2}
    assert call(own, 'Keyed').status == 401
    assert call(own, 'Keyed', **{'Api-Key': 'k1'}).status == 200
    assert call(own, 'Org Key', **{'Api-Key': 'k1'}).status == 401
    assert call(own, 'Org Key', **{'Api-Key': 'org-1'}).status == 200
    reply = call(own, 'Fixed')
    assert (reply.status, reply.text) == (202, 'thanks')
    own.finished(call(own, 'Deduped', {'id': 7}).execution_id)


def test_wrong_routing(own):
    refused(own.send({'n': 1}), 400, 'routing_value', 'payload.results.headers.x-flow',
            'flowNameField')
    refused(call(own, ''), 400, 'routing_value')
    refused(call(own, 'orders'), 404, 'unknown_flow', '"orders"', 'payload.results.headers.x-flow')
    refused(call(own, 'x' * 3000), 404, 'unknown_flow')
    nobody = base64.b64encode(b'Instance:01890000-0000-7000-8000-000000000000').decode()
    refused(send(own.url().rsplit('/', 1)[0] + '/' + nobody), 404, 'unknown_flow')
    assert own.count() < 20, 'what is refused is no execution'


def test_own_addresses_of_flows_stay(own):
    """Calls between flows take these."""
    url = own.url().rsplit('/', 1)[0] + '/' + own.flow_configs['Orders']
    assert own.finished(send(url, {'n': 3}).execution_id)['flow']['name'] == 'Orders'


def test_calls_between_flows(tenant):
    deployment = tenant.deploy(f.integration(
        'Calls', answer('Callee', synchronous=True),
        f.flow('Caller', f.trigger(), f.step('Call', 'cross-flow.invokeFlow', {
            'flowName': 'Callee', 'data': f.ref('start.results.body.data')}), synchronous=True),
        endpointType='instance_specific', flowNameField=FLOW_BODY))
    reply = deployment.send({'flow': 'Caller', 'n': 5})
    assert reply.status == 200 and reply.json['flow'] == 'Callee', reply.text


def test_pause_and_new_version(tenant):
    definition = f.integration('Changes', answer('A'), answer('B'),
                               endpointType='instance_specific', flowNameField=FLOW_BODY)
    deployment = tenant.deploy(definition)
    deployment.run({'flow': 'A'})
    tenant.api.done('updateInstance', 'instance', 'id', id=deployment.id, enabled=False)
    refused(wait_gone(deployment.url(), body={'flow': 'A'}), 404, 'instance_paused')
    tenant.api.done('updateInstance', 'instance', 'id', id=deployment.id, enabled=True)
    url = deployment.url()
    wait_until(lambda: deployment.send({'flow': 'A'}).status == 200, 10, 'it runs again')
    definition['flows'][1]['name'] = 'C'
    definition['flowNameField'] = FLOW_HEADER
    tenant.publish(definition)
    tenant.api.done('updateInstance', 'instance', 'id', id=deployment.id,
                    integration=deployment.integration)
    tenant.deploy_instance(deployment.id)
    deployment.refresh()
    assert deployment.url() == url
    wait_until(lambda: call(deployment, 'C').status == 200, 10, 'the new version is called')
    refused(call(deployment, 'B'), 404, 'unknown_flow')


# --- one address an integration, routed by the request ---------------------------------------------

@pytest.fixture(scope='module')
def shared(tenant):
    """(url, {customer: deployment})"""
    first = tenant.deploy(f.integration(
        'Shared', answer('Orders', synchronous=True), answer('Events'),
        endpointType='shared_instance', flowNameField=FLOW_BODY, externalCustomerIdField=CUSTOMER),
        customer='One', api_keys={'Orders': ['one-key']})
    made = {'One': first}
    for name in ('Two', 'Three'):
        instance = tenant.instance(first.integration, customer=name)
        tenant.deploy_instance(instance)
        made[name] = type(first)(tenant, first.integration, instance)
    return first.url(), made


def event(customer, flow='Orders', **more):
    return {'account': {'id': customer}, 'flow': flow, **more}


@pytest.mark.smoke
def test_one_url_an_integration(shared, tenant):
    url, made = shared
    assert {u for d in made.values() for u in d.urls.values()} == {url}
    assert kind_of(url) == 'Integration'
    assert shared_url(tenant, made['One'].integration) == url
    for name in ('Two', 'Three'):
        assert send(url, event('x-' + name, n=1)).json['customer'] == 'x-' + name
    execution = made['Two'].finished(send(url, event('x-Two', 'Events')).execution_id)
    assert execution['instance']['id'] == made['Two'].id


def test_keys_are_of_the_customer(shared):
    url, _ = shared
    assert send(url, event('x-One')).status == 401
    assert send(url, event('x-One'), headers={'Api-Key': 'one-key'}).status == 200
    assert send(url, event('x-Two'), headers={'Api-Key': 'one-key'}).status == 200


def test_wrong_customers(shared):
    url, _ = shared
    refused(send(url, {'flow': 'Orders'}), 400, 'routing_value', 'externalCustomerIdField',
            'payload.results.body.data.account.id')
    refused(send(url, event({'no': 'text'})), 400, 'routing_value')
    refused(send(url, event('x-Four')), 404, 'unknown_customer', '"x-Four"')
    refused(send(url, event('nul\0')), 404, 'unknown_customer')
    refused(send(url, event('x-Two', 'Nothing')), 404, 'unknown_flow', '"Nothing"')
    refused(send(url, b'no json'), 400, 'routing_value')


def test_the_customers_newest_instance(shared, tenant):
    url, made = shared
    other = tenant.instance(made['One'].integration, customer='Three')
    tenant.deploy_instance(other)
    other_gets = lambda: made['Three'].tenant.finished(
        send(url, event('x-Three', 'Events')).execution_id)['instance']['id'] == other
    wait_until(other_gets, 10, 'the newest instance is called')
    tenant.api.done('updateInstance', 'instance', 'id', id=other, enabled=False)
    wait_until(lambda: not other_gets(), 10, 'the enabled instance is called')
    tenant.api.done('updateInstance', 'instance', 'id', id=made['Three'].id, enabled=False)
    refused(wait_gone(url, body=event('x-Three')), 404, 'instance_paused')
    tenant.api.done('deleteInstance', 'instance', 'id', id=other)
    tenant.api.done('updateInstance', 'instance', 'id', id=made['Three'].id, enabled=True)
    wait_until(lambda: send(url, event('x-Three')).json.get('customer') == 'x-Three', 10,
               'the enabled instance is called again')


def test_renamed_and_new_customers(shared, tenant):
    url, made = shared
    instance = tenant.instance(made['One'].integration, customer='New')
    tenant.deploy_instance(instance)
    assert send(url, event('x-New')).json['customer'] == 'x-New', 'right after the deploy'
    tenant.api.done('updateCustomer', 'customer', 'id', id=tenant.customers['New'],
                    externalId='x-Renamed')
    wait_until(lambda: send(url, event('x-Renamed')).status == 200, 10, 'the new id is known')
    refused(wait_gone(url, body=event('x-New')), 404, 'unknown_customer')


def test_another_organization(shared, stack):
    url, made = shared
    other = Tenant(stack, 'Other Software')
    theirs = other.deploy(f.integration(
        'Shared', answer('Orders', synchronous=True), endpointType='shared_instance',
        externalCustomerIdField=CUSTOMER), customer='Foreign')
    other_two = other.instance(theirs.integration, customer='Two')
    other.deploy_instance(other_two)
    refused(send(url, event('x-Foreign')), 404, 'unknown_customer')
    assert send(theirs.url(), event('x-Two')).status == 200, 'one flow needs no name'
    before = made['Two'].count()
    assert send(theirs.url(), event('x-Two')).status == 200
    assert made['Two'].count() == before


# --- routed by a preprocess flow -------------------------------------------------------------------

def preprocess(*more, **options):
    """Finds the flow and the customer in what it is sent: one level deeper than the request has
    them."""
    return f.flow('Route', f.trigger(), *more, f.make_object(
        'Decide', flow=f.ref('start.results.body.data.to.flow'),
        customer=f.ref('start.results.body.data.to.customer')), **options)


ROUTED = {'preprocessFlowName': 'Route', 'flowNameField': f.ref('decide.results.flow')}


def to(flow, customer=None, **more):
    return {'to': {'flow': flow, 'customer': customer}, **more}


def children(tenant, execution):
    got = tenant.api.ask(
        'query($by: ExecutionInvokedByInput!) { executionResults(invokedBy: $by) { nodes { id '
        'invokeType lineage { hasChildren invokedBy { id } } } } }',
        by={'id': execution.id, 'startedAt': execution['startedAt']})['executionResults']['nodes']
    for child in got:
        assert child['lineage']['invokedBy'] == {'id': execution.id}
    return [tenant.finished(child['id'], ok=None) for child in got]


def routed(tenant, reply):
    """The one execution that a call led to, through the preprocess flow's."""
    first = tenant.finished(reply.execution_id)
    assert first['flow']['name'] == 'Route'
    made = wait_until(lambda: children(tenant, first), 10, 'the event goes on')
    assert len(made) == 1
    return made[0]


@pytest.fixture(scope='module')
def routing(tenant):
    """One address an instance, a preprocess flow."""
    return tenant.deploy(f.integration(
        'Preprocessed',
        preprocess(f.branch_on('What', 'start.results.body.data.what', drop=[
            f.stop('Drop', '202', 'dropped', 'text/plain')])),
        answer('Orders'), answer('Keyed'),
        f.flow('Queued', f.trigger(), f.join('Answer', 'que', 'ued'), queueConfig={
            'usesFifoQueue': True, 'dedupeIdField': f.ref('start.results.body.data.id')}),
        f.flow('Fails', f.trigger(), f.loop('Each', f.ref('start.results.body.data.nothing'))),
        endpointType='instance_specific', **ROUTED), api_keys={'Route': ['key'], 'Keyed': ['k']})


KEY = {'Api-Key': 'key'}
SYNC = {**KEY, 'prismatic-synchronous': 'true'}


@pytest.mark.smoke
def test_preprocess_of_an_instance(routing, tenant):
    assert routing.send(to('Orders')).status == 401, "the preprocess flow's keys are asked for"
    execution = routed(tenant, routing.send(to('Orders', n=1), headers=KEY, more='/frag?a=b'))
    assert execution['flow']['name'] == 'Orders' and execution['invokeType'] == 'WEBHOOK'
    assert execution.payload['body']['data'] == to('Orders', n=1), 'the request as it came'
    assert execution.payload['pathFragment'] == 'frag'
    assert execution.payload['queryParameters'] == {'a': 'b'}
    assert execution.payload['executionId'] == execution.id


def test_preprocess_and_wait(routing, tenant):
    reply = routing.send(to('Orders', n=2), headers=SYNC)
    assert (reply.status, reply.json['got']) == (200, to('Orders', n=2)), reply.text
    first = tenant.finished(reply.headers['prismatic-executionid'])
    assert first['flow']['name'] == 'Route' and children(tenant, first)[0]['isSynchronous']
    assert routing.send(to('Queued', id=1), headers=SYNC).text == 'queued'
    reply = routing.send(to('Fails'), headers=SYNC)
    assert reply.status == 500 and 'Items' in reply.json['error']


def test_preprocess_ends_early(routing, tenant):
    reply = routing.send(to('Orders', what='drop'), headers=SYNC)
    assert (reply.status, reply.text) == (202, 'dropped')
    first = tenant.finished(reply.headers['prismatic-executionid'])
    assert children(tenant, first) == []


def test_preprocess_misroutes(routing, tenant):
    for sent, status, words in (
            (to('Nothing'), 404, ['flowNameField', 'decide.results.flow', '"Nothing"', '"Orders"']),
            (to('Route'), 404, ['"Route"']),
            (to(None), 400, ['decide.results.flow']),
            ({'to': {}}, 400, ['decide.results.flow', 'missing'])):
        reply = routing.send(sent, headers=SYNC)
        assert reply.status == status, reply.text
        execution = tenant.finished(reply.headers['prismatic-executionid'], ok=False)
        for word in words:
            assert word in reply.json['error'] and word in execution.error, execution.error
        assert execution['status'] == 'ERROR' and execution['resultType'] == 'ERROR'
        assert children(tenant, execution) == []
    tenant.finished(routing.send(to('Nothing'), headers=KEY).execution_id, ok=False)


def test_queue_and_dedupe_of_the_target(tenant):
    deployment = tenant.deploy(f.integration(
        'Preprocessed Queue', preprocess(),
        f.flow('Slow', f.trigger(), f.step('Sleep', 'sleep.sleep', {'ms': '1500'}), queueConfig={
            'usesFifoQueue': True, 'dedupeIdField': f.ref('start.results.body.data.id')}),
        endpointType='instance_specific', **ROUTED))
    replies = [deployment.send(to('Slow', id=i)) for i in (1, 1, 2)]
    firsts = [tenant.finished(r.execution_id) for r in replies]
    slow = lambda: deployment.executions(flow={'name': 'Slow'})
    wait_until(lambda: len(slow()) >= 2, 10, 'both run')
    ends = sorted((tenant.finished(e['id']) for e in slow()), key=lambda e: e['runStartedAt'])
    assert len(ends) == 2, 'one of the same id is enough'
    assert ends[0]['endedAt'] <= ends[1]['runStartedAt'], 'one at a time'
    assert all(x['status'] == 'SUCCESS' for x in firsts)


def test_repeats_of_a_sender(routing, tenant):
    headers = {**KEY, 'Idempotency-Key': 'once'}
    replies = [routing.send(to('Orders'), headers=headers) for _ in range(3)]
    assert len({r.execution_id for r in replies}) == 1
    assert routed(tenant, replies[0])


@pytest.fixture(scope='module')
def hub(tenant):
    """(url, {customer: deployment}) of a shared integration with a preprocess flow that has a
    config variable."""
    first = tenant.deploy(f.integration(
        'Hub', preprocess(f.step('Prefix', 'text-manipulation.join', {
            'strings': f.many(f.config('Prefix')), 'separator': ''})),
        answer('Orders'), answer('Other'),
        config_vars=[f.string_var('Prefix', 'x-')],
        externalCustomerIdField=f.ref('decide.results.customer'),
        endpointType='shared_instance', **ROUTED), customer='One')
    second = tenant.instance(first.integration, customer='Two')
    tenant.deploy_instance(second)
    return first.url(), {'One': first, 'Two': type(first)(tenant, first.integration, second)}


@pytest.mark.smoke
def test_preprocess_of_an_integration(hub, tenant):
    url, made = hub
    assert kind_of(url) == 'Integration' and made['Two'].url() == url
    for name in ('One', 'Two'):
        execution = routed(tenant, send(url, to('Orders', 'x-' + name)))
        assert execution['instance']['id'] == made[name].id
        assert execution.payload['customer']['externalId'] == 'x-' + name
    reply = send(url, to('Other', 'x-Two', n=3), headers={'prismatic-synchronous': 'true'})
    assert (reply.status, reply.json['customer']) == (200, 'x-Two'), reply.text


def test_the_router(hub, tenant):
    url, made = hub
    first = tenant.finished(send(url, to('Orders', 'x-One')).execution_id)
    router = tenant.api.ask('query($id: ID!) { instance(id: $id) { isSystem isRouter customer { id '
                            '} deployedVersion } }', id=first['instance']['id'])['instance']
    assert router == {'isSystem': True, 'isRouter': True, 'customer': None, 'deployedVersion': 1}
    assert not first['isTestExecution'] and first.results('Prefix') == 'x-'
    assert first.payload['customer']['externalId'] == ''
    listed = tenant.api.ask('{ instances(first: 100) { nodes { id } } }')['instances']['nodes']
    assert first['instance']['id'] not in {n['id'] for n in listed}
    _, errors = tenant.api.change('deleteInstance', 'instance', 'id', id=first['instance']['id'])
    assert errors
    tenant.api.done('updateInstance', 'instance', 'id', id=first['instance']['id'],
                    configVariables=[{'key': 'Prefix', 'value': 'y-'}])
    again = lambda: tenant.finished(send(url, to('Orders', 'x-One')).execution_id)
    wait_until(lambda: again().results('Prefix') == 'y-', 10, 'the new value is used')
    tenant.api.done('publishIntegration', 'integration', 'id', id=made['One'].integration)
    wait_until(lambda: tenant.api.ask(
        'query($id: ID!) { instance(id: $id) { deployedVersion } }',
        id=first['instance']['id'])['instance']['deployedVersion'] == 2, 10, 'it follows')
    assert again().results('Prefix') == 'y-', 'values stay'


def test_preprocess_and_wrong_customers(hub, tenant, stack):
    url, made = hub
    other = Tenant(stack, 'Third Software')
    other.instance(other.publish(f.integration('Hub', answer('Orders'))), customer='Theirs')
    for customer, words in (('x-Theirs', ['externalCustomerIdField', 'decide.results.customer',
                                          '"x-Theirs"']), ('', ['empty']), ('o\0', ['"o'])):
        reply = send(url, to('Orders', customer), headers={'prismatic-synchronous': 'true'})
        assert reply.status in (400, 404), reply.text
        execution = tenant.finished(reply.headers['prismatic-executionid'], ok=False)
        for word in words:
            assert word in execution.error
    tenant.api.done('updateInstance', 'instance', 'id', id=made['Two'].id, enabled=False)
    execution = tenant.finished(send(url, to('Orders', 'x-Two')).execution_id, ok=False)
    assert 'paused' in execution.error
    tenant.api.done('updateInstance', 'instance', 'id', id=made['Two'].id, enabled=True)
    before = made['Two'].count()
    assert routed(tenant, send(url, to('Orders', 'x-Two')))
    assert made['Two'].count() == before + 1
