"""The audit log: every mutation, sign-in and command leaves an entry, and only those who may see it."""
import subprocess

import pytest

from harness import flows as f
from harness.api import Api, ApiError, Tenant
from harness.people import Person, organization_of, plain_id
from harness.process import sanitizer_env
from harness.sender import send
from harness.stack import program, run_leat

ASK = '''query($object: String, $action: String, $last: Int) {
  auditLog(first: $last, objectId: $object, action: $action) { nodes { position createdAt actorType
    actorName action objectType objectId objectName changedFields address hash
    user { email } apiToken { name } } } }'''


@pytest.fixture(scope='module')
def tenant(stack):
    return Tenant(stack, 'Audited')


def entries(api, **filters):
    """Oldest first."""
    return api.ask(ASK, **filters)['auditLog']['nodes'][::-1]


def test_what_a_user_does(tenant):
    api = tenant.api
    made = api.done('createCustomer', 'customer', 'id', name='Acme', labels=['a'])['id']
    api.done('updateCustomer', 'customer', 'id', id=made, description='secret words')
    refused, errors = api.change('updateCustomer', 'customer', 'id', id=made, name=' ')
    assert errors
    api.done('deleteCustomer', 'customer', 'id', id=made)
    got = entries(api, object=made)
    assert [(e['action'], sorted(e['changedFields']), e['objectName']) for e in got] == [
        ('customer.created', ['labels', 'name'], 'Acme'),
        ('customer.updated', ['description'], 'Acme'), ('customer.deleted', [], 'Acme')]
    for e in got:
        assert e['actorType'] == 'token' and e['actorName'] == e['user']['email']
        assert e['objectType'] == 'Customer' and e['objectId'] == made
        assert e['apiToken']['name'] == 'leat token' and e['address'] == '127.0.0.1'
    assert 'secret words' not in str(entries(api))
    positions = [e['position'] for e in entries(api)]
    assert positions == list(range(positions[0], positions[0] + len(positions)))


def test_switching_an_instance(tenant):
    main = tenant.deploy(f.integration('Switched', f.flow('Main', f.trigger())))
    for enabled in (False, False, True):
        tenant.api.done('updateInstance', 'instance', 'id', id=main.id, enabled=enabled)
    assert [e['action'] for e in entries(tenant.api, object=main.id)] == [
        'instance.created', 'instance.deployed', 'instance.updated', 'instance.disabled',
        'instance.updated', 'instance.updated', 'instance.enabled']
    tenant.api.ask('mutation($d: String!) { validateIntegrationSchema(input: {definition: $d}) { '
                   'errors { field } } }', d='{}')
    assert not entries(tenant.api, action='integration_schema.validated')
    before = entries(tenant.api)[-1]['position']
    main.run({})
    assert entries(tenant.api)[-1]['position'] == before, 'executions are not audited'


def test_commands_and_tokens(tenant):
    first = entries(tenant.api)[:3]
    assert [(e['actorType'], e['action'], e['objectName']) for e in first] == [
        ('command', 'organization.created', 'Audited'),
        ('command', 'user.created', 'owner@example.com'),
        ('command', 'api_token.created', 'leat token')]
    made = tenant.api.ask('mutation { createApiToken(input: {name: "Short"}) { token apiToken { id '
                          '} } }')['createApiToken']
    tenant.api.done('revokeApiToken', 'apiToken', 'id', id=made['apiToken']['id'])
    late = Api(tenant.stack.url, made['token'])
    for _ in range(3):
        assert late.post({'query': '{ organization { id } }'}).status == 401
    got = entries(tenant.api, object=made['apiToken']['id'])
    assert [e['action'] for e in got] == ['api_token.created', 'api_token.revoked',
                                          'api_token.refused']
    assert made['token'] not in str(tenant.stack.sql('SELECT e::text FROM audit_entry e'))


def test_signing_in(tenant, tmp_path):
    stack = tenant.stack
    (tmp_path / 'word').write_text('correct horse battery\n')
    run_leat('account', '--postgres', stack.postgres_url, '--organization', tenant.name, '--email',
             'owner@example.com', '--password-file', str(tmp_path / 'word'))

    def sign_in(**more):
        return send(stack.url + '/auth/login', {'email': 'owner@example.com', **more,
                                                'organization': organization_of(tenant.api)})
    assert sign_in(password='wrong horse battery').status == 401
    assert send(stack.url + '/auth/login', {'email': 'nobody@example.com', 'password': 'x' * 12}
                ).status == 401
    tokens = sign_in(password='correct horse battery').json
    signed = Api(stack.url, tokens['access_token'])
    customer = signed.done('createCustomer', 'customer', 'id', name='By hand')['id']
    fresh = send(stack.url + '/auth/refresh', {'refresh_token': tokens['refresh_token']}).json
    assert send(stack.url + '/auth/refresh', {'refresh_token': tokens['refresh_token']}
                ).status == 401
    assert send(stack.url + '/auth/logout', {'refresh_token': fresh['refresh_token']}).status == 200
    again = sign_in(password='correct horse battery').json
    assert send(stack.url + '/auth/logout', {'refresh_token': again['refresh_token']}).status == 200
    got = entries(tenant.api, object=signed_user(tenant))
    assert [e['action'] for e in got] == [
        'user.created', 'user.password_set', 'user.sign_in_refused', 'user.signed_in',
        'user.refresh_token_reused', 'user.signed_in', 'user.signed_out']
    assert {e['address'] for e in got[2:]} == {'127.0.0.1'}
    assert entries(tenant.api, object=customer)[0]['actorType'] == 'user'
    assert 'horse' not in str(stack.sql('SELECT e::text FROM audit_entry e'))


def signed_user(tenant):
    return tenant.api.ask('{ authenticatedUser { id } }')['authenticatedUser']['id']


def test_who_may_see_it(tenant):
    organization = organization_of(tenant.api)
    for role, may in (('admin', True), ('integrator', False)):
        person = Person(tenant.stack, organization, role)
        if may:
            assert entries(person.api)
        else:
            with pytest.raises(ApiError):
                entries(person.api)
    page = tenant.api.ask('{ auditLog(first: 2) { nodes { position } pageInfo { endCursor '
                          'hasNextPage } } }')['auditLog']
    after = tenant.api.ask('query($c: String) { auditLog(first: 2, after: $c) { nodes { position } '
                           '} }', c=page['pageInfo']['endCursor'])['auditLog']['nodes']
    newest = page['nodes'][0]['position']
    assert [n['position'] for n in page['nodes'] + after] == list(range(newest, newest - 4, -1))
    assert tenant.api.ask('{ auditLog(action_Istartswith: "customer.", position_Lte: 50) { nodes { '
                          'action } } }')['auditLog']['nodes']
    assert entries(tenant.api, object='nonsense') == []


def test_verify(tenant):
    stack = tenant.stack

    def verify(*arguments):
        done = subprocess.run([program('leat'), 'audit', 'verify', '--postgres', stack.postgres_url,
                               *arguments], capture_output=True, text=True, timeout=60,
                              env=sanitizer_env())
        return done.returncode, done.stdout.strip(), done.stderr.strip()
    status, told, error = verify()
    assert status == 0, error
    end = next(line for line in told.splitlines() if ' Audited: ok' in line).rsplit(' ', 1)[1]
    assert end == '%(position)d:%(hash)s' % entries(tenant.api)[-1]
    tenant.customer('One more')
    assert verify('--organization', 'Audited', '--expect', end)[0] == 0
    assert verify('--organization', 'Audited', '--expect', end[:-1] + '%x' % (
        int(end[-1], 16) ^ 1))[0] == 1
    assert verify('--expect', 'x', '--organization', 'Audited')[0] == 1
    organization = plain_id(organization_of(tenant.api))
    stack.sql("SET session_replication_role = replica; UPDATE audit_entry SET actor_name = 'x' "
              "WHERE position = 3 AND organization_id = '%s'" % organization)
    status, _, error = verify()
    assert status == 1 and 'Audited: entry 3 (' in error and 'hash' in error
