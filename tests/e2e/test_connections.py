"""Connections by OAuth 2.0, against a real authorization server: consent, renewal by several
replicas, what flows see of it, what happens when it ends."""
import json
import shutil
import uuid
from urllib.parse import parse_qs, urlsplit

import pytest

from harness import flows as f
from harness.api import Deployment, Tenant
from harness.oauth2 import OAuth2Server, consent
from harness.people import Person, global_id, organization_of, plain_id
from harness.process import Process, free_port
from harness.sender import send
from harness.stack import Stack, make_folder, program
from harness.wait import wait_until

LOOPBACK = ('--allow-addresses', '127.0.0.0/8')
VARIABLE = 'key status refreshAt error authorizeUrl id'


@pytest.fixture(scope='module')
def stack(cluster):
    made = Stack(cluster, controlplane_args=LOOPBACK).start()
    yield made
    made.stop()


@pytest.fixture(scope='module')
def server(stack):
    folder = make_folder('oauth2')
    made = OAuth2Server(folder, stack.url + '/oauth2/callback').start()
    yield made
    made.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope='module')
def second(stack):
    """Another replica, which renews tokens, too."""
    port = free_port()
    args = list(stack.controlplane.args)
    args[args.index('--port') + 1] = str(port)
    made = Process('controlplane-2', args, stack.folder).start()
    url = 'http://127.0.0.1:%d/readyz' % port

    def ready():
        try:
            return send(url, method='GET', timeout=2).status == 200
        except OSError:
            return False
    wait_until(ready, 60, 'the second replica is ready')
    yield made
    made.stop()
    assert not made.trouble()


@pytest.fixture(scope='module')
def acme(stack, tenant):
    """A component whose connection asks for PKCE."""
    stack.sql("INSERT INTO component (id, organization_id, key, version, label, is_public, metadata) "
              "VALUES (%s, %s, 'acme', 1, 'Acme', false, %s::jsonb)", uuid.uuid4(),
              plain_id(organization_of(tenant.api)), json.dumps({'actions': [], 'connections': [
                  {'key': 'oauth2', 'oauth2Type': 'authorization_code', 'oauth2PkceMethod': 'S256'},
                  {'key': 'plain', 'oauth2Type': 'authorization_code', 'oauth2PkceMethod': 'plain'},
                  {'key': 'machine', 'oauth2Type': 'client_credentials'}, {'key': 'key'}]}))
    return 'acme'


def variable(connection='oauth2', key='Acme', **more):
    return {'key': key, 'dataType': 'connection', 'orgOnly': False, 'inputs': {},
            'connection': {'key': connection, 'component': {
                'key': 'acme', 'version': 'LATEST', 'isPublic': False}}, **more}


def values(fields):
    return {'values': json.dumps([{'name': k, 'type': 'value', 'value': v}
                                  for k, v in fields.items()])}


def deploy(tenant, name, url, fields, connection='oauth2', **more):
    return tenant.deploy(f.integration(
        name, f.flow('Main', f.trigger(), f.step('Get', 'http.httpGet', {
            'url': url, 'connection': f.config('Acme')})),
        config_vars=[variable(connection, **more)]), config={'Acme': values(fields)})


def read(made, key='Acme'):
    got = made.api.ask('query($id: ID!) { instance(id: $id) { configVariables { nodes { %s } } } }'
                       % VARIABLE, id=made.id)['instance']['configVariables']['nodes']
    return next(v for v in got if v['key'] == key)


def wait_status(made, status, timeout=30):
    return wait_until(lambda: (lambda v: v if v['status'] == status else None)(read(made)),
                      timeout, 'the connection is ' + status)


def code_fields(server, **more):
    return server.fields('app', **{'authorizeUrl': server.url + '/auth', 'scopes': 'openid', **more})


def sent(stub):
    return stub.seen('/x')[-1].headers['Authorization']


@pytest.fixture(scope='module')
def connected(tenant, server, acme):
    """An instance whose connection somebody has consented to; its flow calls the server itself."""
    server.set(access=3600)
    made = deploy(tenant, 'Code', server.url + '/me', code_fields(server))
    before = read(made)
    assert before['status'] == 'pending' and before['refreshAt'] is None
    made.pages = consent(before['authorizeUrl'])
    return made


def test_consent(connected, server):
    """From the address to begin at to a token that the other side takes."""
    last = connected.pages[-1]
    assert (last.status_code, 'Connected' in last.text) == (200, True), last.text
    assert "default-src 'none'" in last.headers['Content-Security-Policy']
    asked = parse_qs(urlsplit(connected.pages[0].headers['Location']).query)
    assert asked['code_challenge_method'] == ['S256'] and asked['client_id'] == ['app']
    assert asked['redirect_uri'] == [connected.tenant.stack.url + '/oauth2/callback']
    assert len(server.seen('authorization_code')[-1]['verifier']) == 43
    now = read(connected)
    assert now['status'] == 'active' and now['refreshAt'] and now['error'] is None
    assert connected.run({}).results('Get') == {'sub': 'ada'}


def test_a_state_is_used_once(connected, server):
    back = next(p.url for p in connected.pages if '/oauth2/callback' in p.url)
    before = len(server.seen())
    again = send(back, method='GET', more='?' + urlsplit(back).query)
    assert again.status == 400 and 'used already' in again.text
    foreign = send(back, method='GET', more='?code=x&state=' + 'A' * 43)
    assert foreign.status == 400
    for query in ('', '?state=', '?code=x', '?state=%00'):
        assert send(back, method='GET', more=query).status == 400
    assert len(server.seen()) == before and read(connected)['status'] == 'active'


def test_where_to_begin_is_signed(connected, tenant, stack):
    url = read(connected)['authorizeUrl']
    at = len(url) - 20
    forged = url[:at] + ('A' if url[at] != 'A' else 'B') + url[at + 1:]
    assert send(forged, method='GET').status == 403
    assert send(stack.url + '/oauth2/authorize/', method='GET').status == 403
    assert send(stack.url + '/oauth2/other', method='GET').status == 404


def test_a_state_is_of_the_connection_it_began_with(tenant, server, acme):
    """What was changed while somebody consented needs another consent; an old state is no use."""
    made = deploy(tenant, 'Changed', server.url + '/me', code_fields(server))
    begun = send(read(made)['authorizeUrl'], method='GET')
    assert begun.status == 303
    tenant.api.done('updateInstance', 'instance', 'id', id=made.id, configVariables=[
        {'key': 'Acme', **values(code_fields(server, scopes='openid read'))}])
    state = parse_qs(urlsplit(begun.headers['Location']).query)['state'][0]
    back = send(tenant.stack.url + '/oauth2/callback', method='GET', more='?code=x&state=' + state)
    assert back.status == 409 and read(made)['status'] == 'pending'
    tenant.stack.sql("UPDATE connection_consent SET expires_at = now()")
    begun = send(read(made)['authorizeUrl'], method='GET')
    tenant.stack.sql("UPDATE connection_consent SET expires_at = now()")
    state = parse_qs(urlsplit(begun.headers['Location']).query)['state'][0]
    back = send(tenant.stack.url + '/oauth2/callback', method='GET', more='?code=x&state=' + state)
    assert back.status == 400


def test_who_does_not_agree(tenant, server, acme):
    made = deploy(tenant, 'Denied', server.url + '/me', code_fields(server),
                  meta={'oAuthFailureRedirectUri': server.url + '/seen?failed=1'})
    pages = consent(read(made)['authorizeUrl'], agree=False)
    assert pages[-1].url.endswith('/seen?failed=1')
    now = read(made)
    assert now['status'] == 'failed' and 'access_denied' in now['error']
    wrong = deploy(tenant, 'Wrong secret', server.url + '/me',
                   code_fields(server, clientSecret='wrong'))
    last = consent(read(wrong)['authorizeUrl'])[-1]
    assert last.status_code == 400 and 'invalid_client' in last.text
    assert read(wrong)['status'] == 'failed' and 'wrong' not in read(wrong)['error']


def test_incomplete(tenant, server, acme):
    made = deploy(tenant, 'Incomplete', server.url + '/me', {'clientId': 'app'})
    page = send(read(made)['authorizeUrl'], method='GET')
    assert page.status == 422 and 'no tokenUrl' in page.text


def test_renewal_by_several_replicas(tenant, server, acme, second):
    """One request each time, whoever asks; a run after it has the new token."""
    server.set(access=3)
    made = deploy(tenant, 'Renewed', server.url + '/me', code_fields(server), connection='plain')
    assert consent(read(made)['authorizeUrl'])[-1].status_code == 200
    before = len(server.seen('refresh_token'))
    first = read(made)['refreshAt']
    wait_until(lambda: read(made)['refreshAt'] != first, 30, 'the token is renewed')
    server.set(access=3600)
    second_time = read(made)['refreshAt']
    wait_until(lambda: read(made)['refreshAt'] != second_time, 30, 'the token is renewed again')
    renewals = server.seen('refresh_token')[before:]
    assert len(renewals) == 2 and not any(r['error'] for r in renewals)
    stub_token = renewals[-1]['access_token']
    wait_until(lambda: made.run({}, ok=None).error is None, 10, 'a run with the new token')
    assert made.tenant.stack.sql("SELECT count(*) FROM connection_token WHERE lease IS NOT NULL"
                                 )[0][0] == 0 and stub_token


def test_client_credentials(tenant, server, acme, stub, second):
    """Asked for when it is deployed, and again before it ends, and a flow has the newest one."""
    server.set(access=3)
    stub.on('/x', {})
    made = deploy(tenant, 'Machine', stub.url + '/x', server.fields('machine', scopes='read'),
                  connection='machine')
    wait_status(made, 'active')
    assert read(made)['authorizeUrl'] is None
    before = len(server.seen('client_credentials'))
    server.set(access=3600)
    wait_until(lambda: len(server.seen('client_credentials')) == before + 1, 20, 'another token')

    def newest():
        made.run({})
        return sent(stub) == 'Bearer ' + server.seen('client_credentials')[-1]['access_token']
    wait_until(newest, 10, 'the flow sends the new token')


def test_inputs_that_refer(tenant, server, acme, stub):
    """The server's address stands in another config variable."""
    server.set(access=3600)
    stub.on('/x', {})
    fields = server.fields('machine')
    fields.pop('tokenUrl')
    var = variable('machine')
    var['inputs'] = {'tokenUrl': f.template('{{#Site}}/token')}
    made = tenant.deploy(f.integration('Refers', f.flow('Main', f.trigger(), f.step(
        'Get', 'http.httpGet', {'url': stub.url + '/x', 'connection': f.config('Acme')})),
        config_vars=[var, f.string_var('Site', server.url)]), config={'Acme': values(fields)})
    wait_status(made, 'active')


def test_a_replica_that_died_gives_it_back(tenant, server, acme, stub):
    """What it left behind: a claim and a lease. Who comes after it asks once."""
    server.set(access=3600)
    made = deploy(tenant, 'Left', stub.url + '/x', server.fields('machine'), connection='machine')
    wait_status(made, 'active')
    before = len(server.seen('client_credentials'))
    token = plain_id(read(made)['id'])
    tenant.stack.sql("UPDATE connection_token SET lease = gen_random_uuid(), attempts = 1, "
                     "next_at = now() + interval '1 second' WHERE id = %s", token)

    def left():
        return tenant.stack.sql('SELECT lease IS NOT NULL, attempts FROM connection_token WHERE '
                                'id = %s', token)[0]
    wait_until(lambda: left() == (False, 0), 20, 'somebody else asked')
    assert len(server.seen('client_credentials')) == before + 1


def test_the_end_of_a_token(tenant, server, acme):
    """A renewal that is refused ends it, and whoever watches is told."""
    server.set(access=3, refresh=1)
    made = deploy(tenant, 'Ended', server.url + '/me', code_fields(server))
    kinds = {t['name']: t['id'] for t in tenant.api.ask(
        '{ alertTriggers { nodes { id name } } }')['alertTriggers']['nodes']}
    monitor = tenant.api.done('createAlertMonitor', 'alertMonitor', 'id', name='Connections',
                              instance=made.id, triggers=[kinds['Connection Threw an Exception']])
    assert consent(read(made)['authorizeUrl'])[-1].status_code == 200
    server.set(access=3600, refresh=3600)
    assert 'invalid_grant' in wait_status(made, 'error')['error']
    got = tenant.api.ask('query($id: ID!) { alertMonitor(id: $id) { triggered events { nodes { '
                         'details } } } }', id=monitor['id'])['alertMonitor']
    assert got['triggered'] and 'Acme: ' in got['events']['nodes'][0]['details']
    assert consent(read(made)['authorizeUrl'])[-1].status_code == 200
    assert read(made)['status'] == 'active' and read(made)['error'] is None


def test_by_hand(tenant, server, acme, stub):
    """Tokens from elsewhere, and taking them away; runs see it without a deploy."""
    stub.on('/x', {})
    made = deploy(tenant, 'By hand', stub.url + '/x', code_fields(server))
    identity = read(made)['id']
    assert 'authorized' in made.run({}, ok=False).error

    def import_(**more):
        return tenant.api.change('updateOAuth2Connection', 'instanceConfigVariable', VARIABLE,
                                 id=identity, **more)
    got, errors = import_(accessToken='from elsewhere', tokenType='Bearer', refreshToken='r',
                          expiresIn=3600, additionalTokenFields='{"site": "eu"}',
                          context='{"who": "me"}')
    assert not errors and got['status'] == 'active' and got['refreshAt']

    def run():
        execution = made.run({}, ok=None)
        return sent(stub) if execution.error is None else execution.error
    wait_until(lambda: run() == 'Bearer from elsewhere', 10, 'the token is used')
    got, errors = import_(refreshAt='2099-01-01T00:00:00Z')
    assert not errors and got['refreshAt'].startswith('2099')
    assert import_(status='ERROR')[0]['status'] == 'error'
    for wrong in ({'status': 'FINE'}, {'context': '[]'}, {'additionalTokenFields': '{'},
                  {'expiresIn': -1}):
        made_, errors = import_(**wrong)
        assert made_ is None and [e['field'] for e in errors] == list(wrong)
    tenant.api.done('disconnectConnection', 'instanceConfigVariable', 'status', id=identity)
    assert read(made)['status'] == 'pending'
    wait_until(lambda: 'authorized' in run(), 10, 'the token is gone')
    _, errors = import_(status='active')
    assert errors[0]['field'] == 'accessToken'
    other = tenant.deploy(f.integration('None', f.flow('Main', f.trigger()),
                                        config_vars=[f.string_var('Acme', 'x')]))
    _, errors = tenant.api.change('disconnectConnection', 'instanceConfigVariable', 'id',
                                  id=read(other)['id'])
    assert errors[0]['messages'] == ['This is no connection by OAuth 2.0 of its own.']
    assert tenant.stack.sql("SELECT count(*) FROM connection_token WHERE position('elsewhere' in "
                            "encode(sealed_token, 'escape')) > 0")[0][0] == 0


def test_another_organization(connected, stack):
    foreign = Tenant(stack, 'Foreign')
    for mutation in ('disconnectConnection', 'updateOAuth2Connection'):
        _, errors = foreign.api.change(mutation, 'instanceConfigVariable', 'id',
                                       id=read(connected)['id'])
        assert errors == [{'field': 'id', 'messages': ['The InstanceConfigVariable does not exist.']}]
    assert read(connected)['status'] == 'active'


# ---- reusable connections ----

SCOPED = 'id key stableKey managedBy variableScope status authorizeUrl connection { key component { ' \
    'key } } instances { totalCount } inputs { nodes { name value hasValue } }'


def connection_id(tenant, key):
    component = tenant.stack.sql(
        "SELECT c.id, md5(c.id::text || %s)::uuid FROM component c WHERE c.key = 'acme'", key)[0]
    return global_id('Connection', component[1])


def inputs(**given):
    return [{'name': k, 'type': 'value', 'value': v} for k, v in given.items()]


def scoped(tenant, stable_key, connection, scope='org', managed_by='org', **given):
    return tenant.api.done('createScopedConfigVariable', 'scopedConfigVariable', SCOPED,
                           key='The ' + stable_key, stableKey=stable_key, variableScope=scope,
                           managedBy=managed_by, connection=connection_id(tenant, connection),
                           inputs=inputs(**given))


def uses(name, stable_key, url):
    return f.integration(name, f.flow('Main', f.trigger(), f.step('Get', 'http.httpGet', {
        'url': url, 'connection': f.config('Acme')})), config_vars=[
            {'key': 'Acme', 'dataType': 'connection', 'orgOnly': False,
             'useScopedConfigVar': stable_key}])


def errors_of(api, mutation, field, **value):
    made, errors = api.change(mutation, field, 'id', **value)
    assert made is None
    return {e['field']: e['messages'][0] for e in errors}


def test_a_connection_of_the_organization(tenant, server, acme, stub):
    """One token for all who use it; it cannot go while somebody does."""
    server.set(access=3600)
    stub.on('/x', {})
    made = scoped(tenant, 'shared-machine', 'machine', **server.fields('machine', scopes='read'))
    assert made['connection'] == {'key': 'machine', 'component': {'key': 'acme'}}
    assert all(i['hasValue'] and i['value'] is None for i in made['inputs']['nodes'])
    one, two = (tenant.deploy(uses('Shared %s' % n, 'shared-machine', stub.url + '/x'))
                for n in 'ab')
    before = len(server.seen('client_credentials'))
    wait_status(one, 'active')
    for deployed in (one, two):
        wait_until(lambda d=deployed: d.run({}, ok=None).error is None, 10, 'it has the token')
        assert sent(stub) == 'Bearer ' + server.seen('client_credentials')[-1]['access_token']
    assert len(server.seen('client_credentials')) <= before + 1
    assert 'Instances use' in errors_of(tenant.api, 'deleteScopedConfigVariable',
                                        'scopedConfigVariable', id=made['id'])['id']
    assert 'none of' not in errors_of(tenant.api, 'disconnectConnection', 'instanceConfigVariable',
                                      id=read(one)['id'])['id']
    got = tenant.api.ask('{ scopedConfigVariables(stableKey: "shared-machine") { nodes { instances '
                         '{ totalCount } status } } }')['scopedConfigVariables']['nodes']
    assert got == [{'instances': {'totalCount': 2}, 'status': 'active'}]
    tenant.api.done('deleteInstance', 'instance', 'id', id=two.id)
    tenant.stack.sql("UPDATE instance_config_variable SET scoped_config_variable_id = NULL")
    tenant.api.done('deleteScopedConfigVariable', 'scopedConfigVariable', 'id', id=made['id'])
    blocked = errors_of(tenant.api, 'updateInstance', 'instance', id=one.id, enabled=True)
    assert 'REFERENCES_DELETED_CONNECTION' in blocked['enabled']


def wait_key(made, stub, key):
    """Webhooks hear of a deploy a moment later."""
    def ask():
        made.run({})
        return sent(stub) == key
    wait_until(ask, 10, 'runs send ' + key)


def test_connections_of_customers(tenant, server, acme, stub):
    """Customers choose theirs; a change deploys again when it is asked to, and is frozen until."""
    stub.on('/x', {})
    shared = scoped(tenant, 'own-keys', 'key', 'customer', 'customer', scheme='Key')
    assert shared['status'] is None
    customer = tenant.customer('Customer')
    api = Person(tenant.stack, organization_of(tenant.api), 'customer_admin', customer).api
    foreign = Person(tenant.stack, organization_of(tenant.api), 'customer_admin',
                     tenant.customer('Somebody else')).api

    def make(api, name, key, **more):
        return api.done('createCustomerConfigVariable', 'customerConfigVariable', 'id key status',
                        scopedConfigVariable=shared['id'], key=name, inputs=inputs(apiKey=key), **more)
    first, second_ = make(api, 'First', 'one'), make(api, 'Second', 'two')
    other = make(foreign, 'First', 'of another')
    integration = tenant.publish(uses('Chosen', 'own-keys', stub.url + '/x'))
    instance = tenant.instance(integration)
    assert 'need a value' in errors_of(tenant.api, 'deployInstance', 'instance', id=instance)[
        'configVariables']

    def choose(variable):
        return tenant.api.change('updateInstance', 'instance', 'id configState', id=instance,
                                 configVariables=[{'key': 'Acme',
                                                   'customerConfigVariableId': variable['id']}])
    assert 'does not exist' in choose(other)[1][0]['messages'][0]
    assert choose(first)[0]['configState'] == 'FULLY_CONFIGURED'
    tenant.deploy_instance(instance)
    made = Deployment(tenant, integration, instance)
    wait_key(made, stub, 'Key one')
    change = {'id': first['id'], 'inputs': inputs(apiKey='changed')}
    api.done('updateCustomerConfigVariable', 'customerConfigVariable', 'id', **change)
    wait_key(made, stub, 'Key one')
    api.done('updateCustomerConfigVariable', 'customerConfigVariable', 'id', redeploy=True, **change)
    wait_key(made, stub, 'Key changed')
    assert choose(second_)[1] == []
    tenant.deploy_instance(instance)
    wait_key(made, stub, 'Key two')
    tenant.api.done('updateScopedConfigVariable', 'scopedConfigVariable', 'id', id=shared['id'],
                    inputs=inputs(scheme='Token'), redeploy=True)
    wait_key(made, stub, 'Token two')
    assert 'Instances use' in errors_of(api, 'deleteCustomerConfigVariable',
                                        'customerConfigVariable', id=second_['id'])['id']
    api.done('deleteCustomerConfigVariable', 'customerConfigVariable', 'id', id=first['id'])
    seen = foreign.ask('{ customerConfigVariables { nodes { id customer { name } } } '
                       'scopedConfigVariables { nodes { stableKey } } }')
    assert [n['id'] for n in seen['customerConfigVariables']['nodes']] == [other['id']]
    assert [n['stableKey'] for n in seen['scopedConfigVariables']['nodes']] == ['own-keys']
    assert 'does not exist' in errors_of(foreign, 'deleteCustomerConfigVariable',
                                         'customerConfigVariable', id=second_['id'])['id']


def test_what_the_organization_holds_for_customers(tenant, server, acme, stub):
    """One a customer, found without being chosen; consented to by itself; tests have their own."""
    server.set(access=3600)
    shared = scoped(tenant, 'for-them', 'oauth2', 'customer', 'org', **code_fields(server))
    integration = tenant.publish(uses('For them', 'for-them', server.url + '/me'))
    instance = tenant.instance(integration)
    own = tenant.api.done('createCustomerConfigVariable', 'customerConfigVariable',
                          'id status authorizeUrl', scopedConfigVariable=shared['id'],
                          customer=tenant.customer('Customer'))
    assert own['status'] == 'pending'
    assert consent(own['authorizeUrl'])[-1].status_code == 200
    tenant.deploy_instance(instance)
    made = Deployment(tenant, integration, instance)
    assert read(made)['status'] == 'active'
    assert made.run({}).results('Get') == {'sub': 'ada'}
    tenant.api.done('disconnectCustomerConnection', 'customerConfigVariable', 'status',
                    id=own['id'])
    assert read(made)['status'] == 'pending'
    tested = tenant.api.done('createCustomerConfigVariable', 'customerConfigVariable',
                             'isTest customer { id } key', scopedConfigVariable=shared['id'],
                             isTest=True)
    assert tested == {'isTest': True, 'customer': None, 'key': 'The for-them'}


def test_wrong_reusable_ones(tenant, acme):
    given = {'key': 'Wrong', 'stableKey': 'wrong', 'variableScope': 'org',
             'connection': connection_id(tenant, 'key')}
    for wrong in ({'stableKey': 'Wrong'}, {'variableScope': 'all'}, {'managedBy': 'nobody'},
                  {'managedBy': 'customer'}, {'key': ' '}, {'connection': global_id(
                      'Connection', uuid.uuid4())}, {'inputs': inputs(**{'': 'x'})},
                  {'oAuthRedirectConfig': {'oAuthSuccessRedirectUri': 'javascript:x'}}):
        assert list(errors_of(tenant.api, 'createScopedConfigVariable', 'scopedConfigVariable',
                              **{**given, **wrong})) == list(wrong)
    tenant.api.done('createScopedConfigVariable', 'scopedConfigVariable', 'id', **given)
    assert 'stableKey' in errors_of(tenant.api, 'createScopedConfigVariable',
                                    'scopedConfigVariable', **{**given, 'key': 'Other'})


def test_templates(tenant, acme, stub):
    """Their presets stand below what is given."""
    stub.on('/x', {})
    made = tenant.api.done('createConnectionTemplate', 'connectionTemplate',
                           'id connection { key } presets { key value }', name='Preset',
                           connection=connection_id(tenant, 'key'),
                           presets=[{'key': 'apiKey', 'value': 'preset'},
                                    {'key': 'scheme', 'value': 'Key'}])
    assert made['presets'] == [{'key': 'apiKey', 'value': None}, {'key': 'scheme', 'value': None}]
    var = variable('key')
    var['connection']['template'] = 'Preset'
    var['inputs'] = {'apiKey': f.value('')}
    definition = f.integration('Of a template', f.flow('Main', f.trigger(), f.step(
        'Get', 'http.httpGet', {'url': stub.url + '/x', 'connection': f.config('Acme')})),
        config_vars=[var])
    wait_key(tenant.deploy(definition), stub, 'Key preset')
    deployed = tenant.deploy(definition, config={'Acme': values({'apiKey': 'given'})})
    wait_key(deployed, stub, 'Key given')
    got = tenant.api.ask('query($id: ID!) { instance(id: $id) { configVariables { nodes { '
                         'requiredConfigVariable { key connectionTemplate { inputFieldTemplates { '
                         'nodes { inputField { key } value } } } } } } } }', id=deployed.id)
    template = got['instance']['configVariables']['nodes'][0]['requiredConfigVariable']
    assert template['connectionTemplate']['inputFieldTemplates']['nodes'][0] == {
        'inputField': {'key': 'apiKey'}, 'value': None}
    twice = [{'key': 'a', 'value': '1'}, {'key': 'a', 'value': '2'}]
    assert 'twice' in errors_of(tenant.api, 'updateConnectionTemplate', 'connectionTemplate',
                                id=made['id'], presets=twice)['presets']
    tenant.api.done('deleteConnectionTemplate', 'connectionTemplate', 'id', id=made['id'])
