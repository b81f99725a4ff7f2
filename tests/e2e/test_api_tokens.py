"""API tokens: names, scopes, expiry, last use, revocation."""
import pytest

from harness.api import Api, Tenant
from harness.stack import run_leat

MINE = '{ apiTokens(sortBy: [{field: CREATED_AT, direction: DESC}]) { nodes { id name scope expiresAt ' \
       'revokedAt lastUsedAt user { email } } } }'
MAKE = '''mutation($input: CreateApiTokenInput!) { createApiToken(input: $input) {
  apiToken { id name scope expiresAt lastUsedAt } token errors { field messages } } }'''


class Tokens:
    def __init__(self, tenant):
        self.api = tenant.api
        self.url = tenant.stack.url

    def make(self, api=None, **value):
        """(the token's Api, its row)"""
        got = (api or self.api).ask(MAKE, input=value)['createApiToken']
        assert got['errors'] == [], got
        return Api(self.url, got['token']), got['apiToken']

    def refused(self, api=None, **value):
        got = (api or self.api).ask(MAKE, input=value)['createApiToken']
        assert got['apiToken'] is None and got['token'] is None
        return got['errors'][0]['field']

    def row(self, token_id):
        row, = [n for n in self.api.ask(MINE)['apiTokens']['nodes'] if n['id'] == token_id]
        return row

    def revoke(self, token_id, api=None):
        return (api or self.api).change('revokeApiToken', 'apiToken', 'id', id=token_id)


@pytest.fixture(scope='module')
def tokens(tenant):
    return Tokens(tenant)


def forbidden(reply):
    return reply.json['errors'][0]['extensions']['code'] == 'FORBIDDEN'


CUSTOMER = {'query': 'mutation { createCustomer(input: {name: "By token"}) { customer { id } } }'}
KEY = {'query': '{ organization { signingKeys { totalCount } } }'}


@pytest.mark.smoke
def test_scopes(tokens):
    read, row = tokens.make(name='Reader', scope='read', expiresInDays=7)
    assert row['scope'] == 'read' and row['expiresAt'] and row['lastUsedAt'] is None
    assert read.ask('{ customers { totalCount } }')
    assert forbidden(read.post(CUSTOMER)) and forbidden(read.post(KEY))
    write, _ = tokens.make(name='Writer', scope='write')
    assert write.post(CUSTOMER).json['data']['createCustomer']['customer']
    assert forbidden(write.post(KEY))
    admin, row = tokens.make(name='Admin')
    assert row['scope'] == 'admin' and row['expiresAt'] is None
    assert admin.ask(KEY['query'])
    assert tokens.row(row['id'])['lastUsedAt'] and tokens.row(row['id'])['user']['email']


def test_a_token_gives_no_more_than_it_has(tokens):
    write, _ = tokens.make(name='Writer', scope='write')
    assert tokens.refused(write, name='More', scope='admin') == 'scope'
    assert tokens.refused(write, name='More by default') == 'scope'
    tokens.make(write, name='Less', scope='read')


def test_bad_input(tokens):
    assert tokens.refused(name=' ') == 'name'
    assert tokens.refused(name='x' * 201) == 'name'
    assert tokens.refused(name='x', scope='owner') == 'scope'
    for days in (0, -1, 3651):
        assert tokens.refused(name='x', expiresInDays=days) == 'expiresInDays'


def test_revocation_and_expiry(tokens, stack):
    api, row = tokens.make(name='Short', expiresInDays=1)
    assert api.post({'query': MINE}).status == 200
    stack.sql("UPDATE api_token SET expires_at = now() WHERE name = 'Short'")
    assert api.post({'query': MINE}).status == 401
    api, row = tokens.make(name='Revoked')
    assert tokens.revoke(row['id'], api)[1] == []
    assert api.post({'query': MINE}).status == 401
    assert tokens.row(row['id'])['revokedAt']


def test_strangers_revoke_nothing(tokens, stack):
    api, row = tokens.make(name='Ours')
    other = Tokens(Tenant(stack, 'Strangers Ltd'))
    assert 'does not exist' in other.revoke(row['id'])[1][0]['messages'][0]
    assert other.api.ask('{ apiTokens(name: "Ours") { totalCount } organization { apiTokens(name: '
                         '"Ours") { totalCount } } }') == {
        'apiTokens': {'totalCount': 0}, 'organization': {'apiTokens': {'totalCount': 0}}}
    assert api.post({'query': MINE}).status == 200


def test_an_admin_revokes_the_tokens_of_others(tokens, stack):
    other = Api(stack.url, stack.token('Acme Software', 'second@example.com'))
    made, row = tokens.make(other, name='Of the second')
    assert [n['name'] for n in tokens.api.ask(
        '{ organization { apiTokens(name: "Of the second") { nodes { name } } } }')[
            'organization']['apiTokens']['nodes']] == ['Of the second']
    weak, _ = tokens.make(name='Writer', scope='write')
    assert 'takes an admin' in tokens.revoke(row['id'], weak)[1][0]['messages'][0]
    assert tokens.revoke(row['id'])[1] == []
    assert made.post({'query': MINE}).status == 401


def test_from_the_command_line(stack):
    token = run_leat('token', '--postgres', stack.postgres_url, '--organization', 'Acme Software',
                     '--email', 'owner@example.com', '--scope', 'read')
    api = Api(stack.url, token)
    assert forbidden(api.post(CUSTOMER))
    assert api.ask('{ listUserTenants { nodes { orgName url systemSuspended } } }')[
        'listUserTenants']['nodes'] == [{'orgName': 'Acme Software', 'url': stack.url,
                                         'systemSuspended': False}]
