"""Embedded tokens: an organization signs for users of its customers, with keys it makes or imports."""
import base64
import threading

import pytest

from harness import jwt
from harness.api import Api, Tenant

ME = '{ authenticatedUser { id name email externalId role { name } customer { id externalId name ' \
     'concurrencyLimit } } }'
KEYS = '{ organization { id signingKeys { nodes { id publicKey privateKeyPreview imported issuedAt ' \
       '} } } }'


class Embedding:
    """An organization with an imported key."""

    def __init__(self, tenant):
        self.tenant = tenant
        self.api = tenant.api
        self.id = self.api.ask(KEYS)['organization']['id']
        self.key = jwt.new_key()
        self.key_id = self.import_(self.key)

    def import_(self, key, **options):
        return self.api.done('importOrganizationSigningKey', 'organizationSigningKey', 'id',
                             publicKey=jwt.public_pem(key, **options))['id']

    def delete(self, key_id):
        self.api.done('deleteOrganizationSigningKey', 'organizationSigningKey', 'id', id=key_id)

    def token(self, key=None, header=None, **claims):
        return jwt.sign(key or self.key, jwt.claims(self.id, **claims), header)

    def as_(self, token):
        return Api(self.tenant.stack.url, token)

    def me(self, **claims):
        return self.as_(self.token(**claims)).ask(ME)['authenticatedUser']

    def refused(self, token):
        """The words of a token that is not taken."""
        reply = self.as_(token).post({'query': ME})
        assert reply.status == 401, reply.text
        assert reply.json['code'] == 'api.unauthenticated'
        return reply.json['error']


@pytest.fixture(scope='module')
def embedding(tenant):
    made = Embedding(tenant)
    assert made.me(customer_name='Acme')['customer']['externalId'] == 'acme'
    return made


@pytest.mark.smoke
def test_first_sight_makes_customer_and_user(embedding):
    claims = dict(customer='harbour', customer_name='Harbour Ltd', sub='ada', external_id='ada-1',
                  name='Ada', concurrent_execution_limit=7)
    me = embedding.me(**claims)
    assert me['customer'] == {'id': me['customer']['id'], 'externalId': 'harbour',
                              'name': 'Harbour Ltd', 'concurrencyLimit': 7}
    assert (me['name'], me['externalId'], me['role']['name']) == ('Ada', 'ada-1', 'marketplace_admin')
    assert embedding.me(**{**claims, 'life': 601}) == me
    # The next token may name another role; the customer stays as it is.
    user = embedding.as_(embedding.token(**{**claims, 'role': 'user', 'name': 'Ada L.'}))
    assert user.ask('{ authenticatedUser { id name role { name } } }')['authenticatedUser'] == {
        'id': me['id'], 'name': 'Ada L.', 'role': {'name': 'marketplace_user'}}
    again = embedding.me(**{**claims, 'name': 'Ada L.', 'customer_name': 'Other',
                            'concurrent_execution_limit': 9})
    assert again == {**me, 'name': 'Ada L.'}


def test_user_of_a_customer_sees_that_alone(embedding, tenant):
    tenant.customer('Somebody else')
    api = embedding.as_(embedding.token(sub='bob'))
    assert [c['externalId'] for c in api.ask('{ customers { nodes { externalId } } }')[
        'customers']['nodes']] == ['acme']
    reply = api.post({'query': KEYS})
    assert reply.json['errors'][0]['extensions']['code'] == 'FORBIDDEN'
    reply = api.post({'query': 'mutation { createOrganizationSigningKey(input: {}) { result { '
                               'privateKey } } }'})
    assert reply.json['errors'][0]['extensions']['code'] == 'FORBIDDEN'


def test_the_same_subject_of_two_customers_is_two_users(embedding):
    one = embedding.me(sub='eve@example.com')
    other = embedding.me(sub='eve@example.com', customer='other', customer_name='Other Inc')
    assert one['id'] != other['id'] and one['customer']['id'] != other['customer']['id']
    assert one['email'] == 'eve@example.com' and other['email'].endswith('@embedded.invalid')


def test_an_owner_is_not_taken_over(embedding):
    me = embedding.me(sub='owner@example.com', external_id='owner@example.com')
    assert me['role']['name'] == 'marketplace_admin' and me['email'] != 'owner@example.com'


def test_a_crowd_at_once_makes_one_of_each(embedding, tenant):
    seen, failed = [], []

    def ask(i):
        try:
            seen.append(embedding.me(customer='crowd', customer_name='Crowd', sub='c', life=600 + i))
        except AssertionError as e:
            failed.append(e)
    threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed and len({m['id'] for m in seen}) == 1
    assert tenant.stack.sql("SELECT count(*) FROM customer WHERE external_id = 'crowd'") == [(1,)]


def test_customers_that_cannot_be(embedding, tenant):
    assert 'external id' in embedding.refused(embedding.token(customer='nobody'))
    assert 'name' in embedding.refused(embedding.token(customer='nobody', customer_name='Acme'))
    assert tenant.stack.sql("SELECT count(*) FROM customer WHERE external_id = 'nobody'") == [(0,)]


@pytest.mark.parametrize('claims, word', [
    ({'life': -100}, 'exp'), ({'exp': None}, 'exp'), ({'iat': None}, 'iat'), ({'exp': 'x'}, 'exp'),
    ({'life': 24 * 3600 + 1}, 'exp'), ({'iat': 1000, 'exp': 1600}, 'expired'),
    ({'nbf': 99999999999}, 'nbf'), ({'sub': ''}, 'sub'), ({'sub': 'x' * 256}, 'sub'),
    ({'customer': None}, 'customer'), ({'role': 'owner'}, 'role'),
    ({'concurrent_execution_limit': 0}, 'concurrent_execution_limit'),
])
def test_wrong_claims_are_told(embedding, claims, word):
    assert word in embedding.refused(embedding.token(**claims))


def test_signatures(embedding):
    payload = jwt.claims(embedding.id)
    assert embedding.refused(jwt.unsigned(payload))
    assert 'RS256' in embedding.refused(jwt.sign(embedding.key, payload, {'alg': 'none'}))
    assert 'RS256' in embedding.refused(jwt.sign_hs256(jwt.public_pem(embedding.key), payload))
    assert 'not signed' in embedding.refused(embedding.token(key=jwt.new_key()))
    head, body, signature = embedding.token().split('.')
    other = jwt.b64({**payload, 'sub': 'somebody-else'})
    assert 'not signed' in embedding.refused('.'.join((head, other, signature)))
    assert embedding.refused('.'.join((head, body, signature[:-8])))


def test_organizations_are_apart(embedding, stack):
    """An organization that does not exist answers as one whose key did not sign."""
    others = Embedding(Tenant(stack, 'Strangers Ltd'))
    token = jwt.sign(others.key, jwt.claims(embedding.id))
    nowhere = base64.b64encode(b'Organization:01234567-89ab-7def-8123-456789abcdef').decode()
    assert embedding.refused(token) == embedding.refused(
        jwt.sign(others.key, jwt.claims(nowhere)))
    made, errors = others.api.change('deleteOrganizationSigningKey', 'organizationSigningKey', 'id',
                                     id=embedding.key_id)
    assert made is None and 'does not exist' in errors[0]['messages'][0]
    assert [k['id'] for k in others.api.ask(KEYS)['organization']['signingKeys']['nodes']] == [
        others.key_id]


def test_a_made_key_signs_and_is_shown_once(embedding, stack):
    made = embedding.api.ask('mutation { createOrganizationSigningKey(input: {clientMutationId: '
                             '"x"}) { clientMutationId result { privateKey publicKey } '
                             'organizationSigningKey { id privateKeyPreview imported } errors { '
                             'field } } }')['createOrganizationSigningKey']
    key = jwt.load(made['result']['privateKey'])
    assert key.key_size == 4096 and made['errors'] == [] and made['clientMutationId'] == 'x'
    assert jwt.public_pem(key) == made['result']['publicKey']
    row = made['organizationSigningKey']
    tail = made['result']['privateKey'].replace('\n', '').split('-----END')[0].rstrip('=')[-8:]
    assert row == {'id': row['id'], 'privateKeyPreview': '********' + tail, 'imported': False}
    secret = made['result']['privateKey'].split('\n')[3]
    with stack.postgres.connect(stack.database) as db:
        rows = db.execute('SELECT k::text FROM organization_signing_key k').fetchall()
    assert secret not in str(rows)
    token = embedding.token(key=key)
    assert embedding.as_(token).ask(ME)['authenticatedUser']
    # A token that was seen costs two statements of the query, and none to know it.
    before = stack.metric('leat_db_statements')
    embedding.as_(token).ask(ME)
    warm = stack.metric('leat_db_statements') - before
    before = stack.metric('leat_db_statements')
    embedding.as_(embedding.token(key=key, life=599)).ask(ME)
    assert stack.metric('leat_db_statements') - before > warm
    embedding.delete(row['id'])
    assert 'not signed' in embedding.refused(token)
    assert embedding.me()


def test_import(embedding):
    key = jwt.new_key()
    made = embedding.import_(key, pkcs1=True)
    row, = [k for k in embedding.api.ask(KEYS)['organization']['signingKeys']['nodes']
            if k['id'] == made]
    assert row['publicKey'] == jwt.public_pem(key) and row['imported'] is True
    assert row['privateKeyPreview'] is None and row['issuedAt']
    for text, word in ((jwt.public_pem(key), 'before'), ('x', 'PEM'), ('', 'PEM'),
                       ('x' * 20000, 'PEM'), (jwt.public_pem(jwt.new_key(1024)), 'bits')):
        got, errors = embedding.api.change('importOrganizationSigningKey',
                                           'organizationSigningKey', 'id', publicKey=text)
        assert got is None and errors[0]['field'] == 'publicKey', text
        assert word in errors[0]['messages'][0]
    embedding.delete(made)


def test_keys_are_few(stack):
    many = Embedding(Tenant(stack, 'Keys Ltd'))
    for _ in range(9):
        many.import_(jwt.new_key())
    got, errors = many.api.change('importOrganizationSigningKey', 'organizationSigningKey', 'id',
                                  publicKey=jwt.public_pem(jwt.new_key()))
    assert got is None and '10 keys' in errors[0]['messages'][0]
