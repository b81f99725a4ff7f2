"""Users, their roles, the organization and what customers show of themselves, over the API."""
import contextlib
import subprocess
import threading
import uuid

import pytest

from harness import flows as f
from harness.api import ApiError, Tenant
from harness.people import (CUSTOMER_ROLES, ORGANIZATION_ROLES, Person, global_id,
                            organization_of, plain_id)
from harness.process import sanitizer_env
from harness.stack import program

LIST = '''query listUsers($after: String) { organization { users(after: $after) {
  nodes { id name email externalId phone role { name } } pageInfo { hasNextPage endCursor } } } }'''
WHOAMI = '''query whoami { authenticatedUser { name email tenantId org { id name }
  customer { id name } } }'''


def role(name):
    return global_id('Role', name)


@pytest.fixture(scope='module')
def organization(tenant):
    return organization_of(tenant.api)


@pytest.fixture(scope='module')
def customer(tenant):
    return tenant.customer('Customer')


@pytest.fixture(scope='module')
def person(stack, organization, customer):
    """role -> somebody who has it."""
    return lambda name, **more: Person(stack, organization, name, **{
        'customer': customer if name in CUSTOMER_ROLES else None, **more})


def make(api, email, role_name='integrator', customer=None, **more):
    mutation = 'createCustomerUser' if customer else 'createOrganizationUser'
    return api.change(mutation, 'user', 'id', email=email, role=role(role_name),
                      **({'customer': customer} if customer else {}), **more)


def refused(answer, field, words):
    made, errors = answer
    assert made is None
    assert [e['field'] for e in errors] == [field]
    assert words in errors[0]['messages'][0]


def test_roles(tenant):
    fields = 'id name description level permissions embeddedOnly'
    got = tenant.api.ask('{ organizationRoles { %s } customerRoles { %s } }' % (fields, fields))
    organization, customer = got['organizationRoles'], got['customerRoles']
    assert [r['name'] for r in organization] == ORGANIZATION_ROLES[::-1]
    assert [r['name'] for r in customer] == CUSTOMER_ROLES[::-1]
    assert all(r['description'] and r['id'] == role(r['name']) for r in organization + customer)
    assert [r['level'] for r in organization] == [5, 4, 3, 2, 1]
    for higher, lower in zip(organization, organization[1:]):
        assert set(lower['permissions']) < set(higher['permissions'])
    assert [r['name'] for r in customer if r['embeddedOnly']] == ['marketplace_admin',
                                                                  'marketplace_user']


def test_who_am_i(tenant, organization, customer, person):
    got = tenant.api.ask(WHOAMI)['authenticatedUser']
    assert got['org'] == {'id': organization, 'name': tenant.name} and got['customer'] is None
    assert got['tenantId'] == organization
    for name in CUSTOMER_ROLES:
        somebody = person(name)
        got = somebody.api.ask(WHOAMI)['authenticatedUser']
        assert got == {'name': 'The ' + name, 'email': somebody.email, 'tenantId': organization,
                       'org': None, 'customer': {'id': customer, 'name': 'Customer'}}


def test_tenants(tenant, organization, stack):
    got = tenant.api.ask('query ListUserTenants { listUserTenants { nodes { tenantId url orgName '
                         'awsRegion systemSuspended } } }')['listUserTenants']['nodes']
    assert got == [{'tenantId': organization, 'url': stack.url, 'orgName': tenant.name,
                    'awsRegion': None, 'systemSuspended': False}]


def test_a_user_of_the_organization(tenant, organization):
    made, errors = make(tenant.api, ' Ada@Example.com ', 'admin', phone='+44 20 7946 0018',
                        externalId='u-1')
    assert errors == []
    users = tenant.api.ask(LIST)['organization']['users']['nodes']
    ada = next(u for u in users if u['id'] == made['id'])
    assert ada == {'id': made['id'], 'name': '', 'email': 'Ada@Example.com', 'externalId': 'u-1',
                   'phone': '+44 20 7946 0018', 'role': {'name': 'admin'}}
    refused(make(tenant.api, 'ADA@example.COM'), 'email', 'There is a user')
    assert Tenant(tenant.stack, 'Elsewhere').api.done(
        'createOrganizationUser', 'user', 'email', email='ada@example.com', role=role('guest'))
    got = tenant.api.ask('query($id: ID!) { user(id: $id) { email role { level } org { id } } '
                         'users(role_Name: "admin", email_Icontains: "ADA@") { totalCount } }',
                         id=made['id'])
    assert got == {'user': {'email': 'Ada@Example.com', 'role': {'level': 4},
                            'org': {'id': organization}}, 'users': {'totalCount': 1}}


def test_a_user_of_a_customer(tenant, customer):
    made, errors = make(tenant.api, 'cust@example.com', 'customer_admin', customer, name='C',
                        externalId='c-1')
    assert errors == []
    got = tenant.api.ask('''query listCustomerUsers($id: ID!, $after: String) { customer(id: $id) {
        users(after: $after, email: "cust@example.com") { nodes { id name email externalId
        role { name } } pageInfo { hasNextPage endCursor } } } }''', id=customer)
    assert got['customer']['users']['nodes'] == [
        {'id': made['id'], 'name': 'C', 'email': 'cust@example.com', 'externalId': 'c-1',
         'role': {'name': 'customer_admin'}}]
    refused(make(tenant.api, 'd@example.com', 'customer_admin', customer, externalId='c-1'),
            'externalId', 'external id')
    other = tenant.customer('Other customer')
    assert make(tenant.api, 'd@example.com', 'customer_admin', other, externalId='c-1')[1] == []
    assert tenant.api.ask('query($c: ID) { users(customer: $c) { nodes { email } } }', c=other)[
        'users']['nodes'] == [{'email': 'd@example.com'}]


@pytest.mark.parametrize('value, field, words', [
    ({'email': 'nobody'}, 'email', 'not an e-mail'),
    ({'email': ' '}, 'email', 'must not be empty'),
    ({'email': 'a b@c.d'}, 'email', 'not an e-mail'),
    ({'email': 'x' * 300 + '@example.com'}, 'email', 'not an e-mail'),
    ({'phone': 'call me'}, 'phone', 'telephone'),
    ({'name': 'x' * 501}, 'name', 'at most 500'),
    ({'externalId': 'x' * 501}, 'externalId', 'at most 500'),
    ({'role': 'x'}, 'role', 'does not exist'),
    ({'role': role('king')}, 'role', 'does not exist'),
    ({'role': global_id('User', 'owner')}, 'role', 'does not exist'),
    ({'role': role('customer_admin')}, 'role', 'organizationRoles'),
])
def test_bad_input(tenant, value, field, words):
    value = {'email': 'new@example.com', 'role': role('guest'), **value}
    refused(tenant.api.change('createOrganizationUser', 'user', 'id', **value), field, words)


def test_customer_is_needed_by_the_organization_only(tenant, customer, person):
    value = {'email': 'by-admin@example.com', 'role': role('customer_member')}
    refused(tenant.api.change('createCustomerUser', 'user', 'id', **value), 'customer', 'required')
    made = person('customer_admin').api.done('createCustomerUser', 'user', 'customer { id }',
                                             **value)
    assert made['customer']['id'] == customer
    refused(tenant.api.change('createCustomerUser', 'user', 'id', email='e@example.com',
                              customer=customer, role=role('guest')), 'role', 'customerRoles')


def test_nobody_gives_more_than_the_own_role(person, customer):
    admin = person('admin').api
    refused(make(admin, 'o@example.com', 'owner'), 'role', 'Your role')
    assert make(admin, 'o@example.com', 'admin')[1] == []
    guest = person('guest')
    refused(admin.change('updateUser', 'user', 'id', id=guest.id, role=role('owner')), 'role',
            'Your role')
    admin.done('updateUser', 'user', 'id', id=guest.id, role=role('admin'))
    refused(admin.change('updateUser', 'user', 'id', id=person('owner').id, name='x'), 'id',
            'Your role')
    integrator = person('integrator').api
    refused(integrator.change('updateUser', 'user', 'id', id=guest.id, name='x'), 'id', 'Your role')
    assert make(integrator, 'i@example.com', 'customer_admin', customer)[1] == []
    with pytest.raises(ApiError, match='FORBIDDEN'):
        make(person('restricted_integrator').api, 'j@example.com', 'customer_member', customer)
    with pytest.raises(ApiError, match='FORBIDDEN'):
        make(integrator, 'k@example.com', 'guest')


def test_the_own_profile(person):
    for name in ORGANIZATION_ROLES + CUSTOMER_ROLES:
        me = person(name)
        me.api.done('updateUser', 'user', 'id', id=me.id, name='Me', phone='123 456',
                    darkMode=True, darkModeSyncWithOs=False, avatarUrl='https://example.com/a.png')
        fields = 'name phone darkMode darkModeSyncWithOs avatarUrl'
        got = me.api.ask('{ authenticatedUser { %s } }' % fields)['authenticatedUser']
        assert got == {'name': 'Me', 'phone': '123 456', 'darkMode': True,
                       'darkModeSyncWithOs': False, 'avatarUrl': 'https://example.com/a.png'}
        if name in ('admin', 'owner', 'customer_admin'):
            me.api.done('updateUser', 'user', 'id', id=me.id, externalId='mine-' + name)
            continue
        highest = 'customer_admin' if name in CUSTOMER_ROLES else 'owner'
        for field, value in (('role', role(highest)), ('externalId', 'x'), ('featureFlags', '{}')):
            refused(me.api.change('updateUser', 'user', 'id', id=me.id, **{field: value}), field,
                    'Your role')


@pytest.mark.parametrize('value', ['javascript:alert(1)', 'ftp://example.com/a', 'https://', 'a',
                                   'https://example.com/"onload=', 'https://' + 'x' * 3000])
def test_bad_avatars(person, value):
    me = person('guest')
    refused(me.api.change('updateUser', 'user', 'id', id=me.id, avatarUrl=value), 'avatarUrl',
            'URL')


def test_an_owner_stays(stack):
    tenant = Tenant(stack, 'Owned')
    me = tenant.api.ask('{ authenticatedUser { id } }')['authenticatedUser']['id']
    refused(tenant.api.change('updateUser', 'user', 'id', id=me, role=role('admin')), 'role',
            'must keep an owner')
    refused(tenant.api.change('deleteUser', 'user', 'id', id=me), 'id', 'yourself')
    second = Person(stack, organization_of(tenant.api), 'owner')
    tenant.api.done('updateUser', 'user', 'id', id=me, role=role('admin'))
    refused(second.api.change('updateUser', 'user', 'id', id=second.id, role=role('guest')), 'role',
            'must keep an owner')
    refused(tenant.api.change('deleteUser', 'user', 'id', id=second.id), 'id', 'Your role')


def test_two_owners_do_not_end_each_other(stack):
    tenant = Tenant(stack, 'Duel')
    organization = organization_of(tenant.api)
    first = tenant.api.ask('{ authenticatedUser { id } }')['authenticatedUser']['id']

    def attempt(one, way, value):
        with contextlib.suppress(ApiError):  # who lost may not ask any more
            one.api.change(way, 'user', 'id', **value)
    ways = [('updateUser', {'role': role('guest')}), ('deleteUser', {})]
    for way, more in ways * 4:
        pair = [Person(stack, organization, 'owner') for _ in range(2)]
        stack.sql("UPDATE app_user SET role = 'guest' WHERE id = %s", plain_id(first))
        posts = [threading.Thread(target=attempt, args=(one, way, {'id': other.id, **more}))
                 for one, other in (pair, pair[::-1])]
        for post in posts:
            post.start()
        for post in posts:
            post.join()
        left = stack.sql("SELECT count(*) FROM app_user WHERE organization_id = %s AND role = "
                         "'owner'", plain_id(organization))[0][0]
        assert left == 1, way
        stack.sql("DELETE FROM app_user WHERE role = 'owner' AND organization_id = %s",
                  plain_id(organization))


def test_delete(person, stack):
    owner, gone = person('owner'), person('integrator')
    assert owner.api.done('deleteUser', 'user', 'id email', id=gone.id) == {
        'id': gone.id, 'email': gone.email}
    assert gone.api.post({'query': '{ authenticatedUser { id } }'}).status == 401
    assert owner.api.ask('query($id: ID!) { user(id: $id) { id } }', id=gone.id)['user'] is None
    refused(owner.api.change('deleteUser', 'user', 'id', id=gone.id), 'id', 'does not exist')


def test_customer_admins_manage_their_own_users_only(tenant, person, customer):
    boss, member = person('customer_admin'), person('customer_member')
    stranger = person('customer_member', customer=tenant.customer('Rival'))
    boss.api.done('updateUser', 'user', 'id', id=member.id, role=role('customer_admin'))
    for other in (stranger, person('guest')):
        refused(boss.api.change('updateUser', 'user', 'id', id=other.id, name='x'), 'id',
                'does not exist')
        refused(boss.api.change('deleteUser', 'user', 'id', id=other.id), 'id', 'does not exist')
    refused(make(boss.api, 'r@example.com', 'customer_member', tenant.customer('Rival')),
            'customer', 'does not exist')
    seen = boss.api.ask('{ users { nodes { customer { id } } } }')['users']['nodes']
    assert seen and all(u['customer']['id'] == customer for u in seen)
    boss.api.done('deleteUser', 'user', 'id', id=member.id)


def test_embedded_roles_have_no_tokens(person, stack, tenant):
    member = person('customer_member')
    tenant.api.done('updateUser', 'user', 'id', id=member.id, role=role('marketplace_user'))
    assert member.api.post({'query': '{ authenticatedUser { id } }'}).status == 401
    done = subprocess.run([program('leat'), 'token', '--postgres', stack.postgres_url,
                           '--organization', tenant.name, '--email', member.email.upper()],
                          capture_output=True, text=True, env=sanitizer_env())
    assert done.returncode != 0 and 'embedded marketplace only' in done.stderr


def test_update_organization(stack, person):
    tenant = Tenant(stack, 'To be renamed')
    own = organization_of(tenant.api)
    fields = 'id name labels avatarUrl marketplaceName brandedElements featureFlags'
    tenant.api.done('updateOrganization', 'organization', 'id', name='Renamed', labels=['B', 'a'],
                    avatarUrl='/files/logo.png', marketplaceName='Shop', featureFlags='{"x": true}',
                    brandedElements='{"a": "b"}')
    assert tenant.api.ask('{ organization { %s } }' % fields)['organization'] == {
        'id': own, 'name': 'Renamed', 'labels': ['b', 'a'], 'avatarUrl': '/files/logo.png',
        'marketplaceName': 'Shop', 'featureFlags': '{"x": true}', 'brandedElements': '{"a": "b"}'}
    tenant.api.done('updateOrganization', 'organization', 'id', id=own, avatarUrl='')
    assert tenant.api.ask('{ organization { avatarUrl name } }')['organization'] == {
        'avatarUrl': None, 'name': 'Renamed'}
    for value, field, words in (({'name': ' '}, 'name', 'must not be empty'),
                                ({'featureFlags': '[]'}, 'featureFlags', 'JSON'),
                                ({'id': organization_of(person('owner').api)}, 'id',
                                 'does not exist')):
        refused(tenant.api.change('updateOrganization', 'organization', 'id', **value), field,
                words)
    with pytest.raises(ApiError, match='FORBIDDEN'):
        person('admin').api.change('updateOrganization', 'organization', 'id', name='Mine')


def test_a_customer_goes_with_what_is_its_own(tenant, stack, organization):
    made = tenant.api.done('createCustomer', 'customer', 'id', name='Leaving')['id']
    somebody = Person(stack, organization, 'customer_admin', made)
    draft = tenant.import_(f.integration('Of its own', f.flow('Main', f.trigger())), customer=made)
    tenant.api.done('deleteCustomer', 'customer', 'name', id=made)
    got = tenant.api.ask('query($i: ID!, $u: ID!) { integration(id: $i) { id } user(id: $u) { id } }',
                         i=draft, u=somebody.id)
    assert got == {'integration': None, 'user': None}


def test_integrations_of_a_customer_that_is_not_there(tenant, stack):
    elsewhere = Tenant(stack, 'Far away').customer('Theirs')
    for gone in (elsewhere, global_id('Customer', uuid.uuid4()), 'x'):
        refused(tenant.api.change('importIntegration', 'integration', 'id', customer=gone,
                                  definition=f.text_of(f.integration('X', f.flow(
                                      'Main', f.trigger())))), 'customer', 'does not exist')


def test_customers_do_not_see_what_is_the_organization_s_only(tenant, person, customer):
    secret = 'zz-internal'
    draft = tenant.publish(f.integration(
        'With secrets', f.flow('Main', f.trigger(), f.log('Say', secret)), documentation=secret,
        config_vars=[f.string_var('Open', 'a'), f.string_var('Internal', secret, orgOnly=True)]))
    instance = tenant.instance(draft, config={'Open': 'b', 'Internal': secret + '-set'})
    boss = person('customer_admin').api
    ask = '''query($id: ID!) { instance(id: $id) { configVariables { nodes { key value } }
        integration { definition requiredConfigVariables { nodes { key defaultValue } } } } }'''
    got = boss.ask(ask, id=instance)['instance']
    assert secret not in str(got) and got['integration']['definition'] == ''
    assert got['configVariables']['nodes'] == [{'key': 'Open', 'value': 'b'}]
    refused(boss.change('updateInstance', 'instance', 'id', id=instance, configVariables=[
        {'key': 'Internal', 'value': 'mine'}]), 'configVariables', 'no config variable')
    boss.done('updateInstance', 'instance', 'id', id=instance,
              configVariables=[{'key': 'Open', 'value': 'c'}])
    boss.done('deployInstance', 'instance', 'id', id=instance)
    got = tenant.api.ask(ask, id=instance)['instance']['configVariables']['nodes']
    assert {v['key']: v['value'] for v in got} == {'Open': 'c', 'Internal': secret + '-set'}


def test_customers_show_themselves(tenant, person):
    made = tenant.api.done('createCustomer', 'customer', 'id', name='Shown', labels=['VIP'],
                           allowEmbeddedDesigner=True, concurrentExecutionLimit=7)['id']
    fields = '''avatarUrl allowEmbeddedDesigner allowWorkflowCopilot concurrentExecutionLimit
        concurrencyLimit starred attachments { name url }'''
    ask = 'query($id: ID!) { customer(id: $id) { %s } customerLabels }' % fields
    got = tenant.api.ask(ask, id=made)
    assert 'vip' in got['customerLabels']
    assert got['customer'] == {
        'avatarUrl': None, 'allowEmbeddedDesigner': True, 'allowWorkflowCopilot': False,
        'concurrentExecutionLimit': 7, 'concurrencyLimit': 7, 'starred': False, 'attachments': []}
    attachment = {'name': 'Contract', 'url': 'https://example.com/c.pdf'}
    tenant.api.done('updateCustomer', 'customer', 'id', id=made, starred=True,
                    allowWorkflowCopilot=True, addAttachment=attachment,
                    concurrentExecutionLimit=None)
    got = tenant.api.ask(ask, id=made)['customer']
    assert (got['starred'], got['attachments'], got['concurrencyLimit']) == (
        True, [attachment], None)
    assert got['allowEmbeddedDesigner'] and got['allowWorkflowCopilot']
    assert not person('guest').api.ask(ask, id=made)['customer']['starred'], 'each has own stars'
    tenant.api.done('updateCustomer', 'customer', 'id', id=made, starred=False, renameAttachment={
        'name': 'Old contract', 'oldName': 'Contract', 'url': attachment['url']})
    got = tenant.api.ask(ask, id=made)['customer']
    assert not got['starred'] and got['attachments'] == [{**attachment, 'name': 'Old contract'}]
    for change, field in (({'removeAttachment': attachment}, 'removeAttachment'),
                          ({'renameAttachment': {'oldName': 'x', 'name': 'y', 'url': 'z'}},
                           'renameAttachment'),
                          ({'addAttachment': {'name': 'x', 'url': 'javascript:x'}},
                           'addAttachment'),
                          ({'addAttachment': {'name': ' ', 'url': '/x'}}, 'addAttachment'),
                          ({'concurrentExecutionLimit': 0}, 'concurrentExecutionLimit')):
        assert [e['field'] for e in tenant.api.change(
            'updateCustomer', 'customer', 'id', id=made, **change)[1]] == [field]
    tenant.api.done('updateCustomer', 'customer', 'id', id=made,
                    removeAttachment={**attachment, 'name': 'Old contract'})
    assert tenant.api.ask(ask, id=made)['customer']['attachments'] == []
