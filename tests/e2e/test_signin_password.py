"""Local users: invitations, passwords, sessions that are renewed, ended and revoked."""
import base64
import json
import threading

import pytest

from harness.api import Api
from harness.sender import send
from harness.stack import run_leat

ME = '{ authenticatedUser { email role { name } } }'
PASSWORD = 'correct horse battery'


class People:
    """Local users of an organization."""

    def __init__(self, stack, tenant):
        self.stack = stack
        self.tenant = tenant

    def account(self, email, *options):
        return run_leat('account', '--postgres', self.stack.postgres_url, '--organization',
                        self.tenant.name, '--email', email, *options)

    def post(self, path, **body):
        return send(self.stack.url + path, body)

    def form(self, **fields):
        body = '&'.join('%s=%s' % (k, v) for k, v in fields.items()).encode()
        return send(self.stack.url + '/oauth/token', body,
                    headers={'Content-Type': 'application/x-www-form-urlencoded'})

    def make(self, email, password=PASSWORD):
        reply = self.post('/auth/password', invitation=self.account(email), password=password)
        assert reply.status == 200, reply.text
        return email

    def login(self, email, password=PASSWORD, **more):
        reply = self.post('/auth/login', email=email, password=password, **more)
        assert reply.status == 200, reply.text
        assert reply.headers['Cache-Control'] == 'no-store'
        return reply.json

    def works(self, tokens):
        reply = Api(self.stack.url, tokens['access_token']).post({'query': ME})
        assert reply.status in (200, 401), reply.text
        return reply.status == 200


@pytest.fixture(scope='module')
def people(stack, tenant):
    return People(stack, tenant)


@pytest.fixture(scope='module')
def ada(people):
    return people.make('ada@example.com')


@pytest.mark.smoke
def test_invitation_password_session(people, ada):
    tokens = people.login('Ada@Example.com')
    assert tokens['token_type'] == 'Bearer' and tokens['expires_in'] == 900
    payload = tokens['access_token'].split('.')[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + '=' * (-len(payload) % 4)))
    assert claims['exp'] - claims['iat'] == 900
    me = Api(people.stack.url, tokens['access_token']).ask(ME)['authenticatedUser']
    assert me == {'email': ada, 'role': {'name': 'owner'}}


def test_an_invitation_is_good_once(people):
    old, new = people.account('bob@example.com'), people.account('bob@example.com')
    weak = people.post('/auth/password', invitation=new, password='short')
    assert weak.status == 400 and 'bytes' in weak.json['error']
    for invitation, status in ((old, 401), ('leat_i_x', 401), ('', 400), (new, 200), (new, 401)):
        reply = people.post('/auth/password', invitation=invitation, password=PASSWORD)
        assert reply.status == status, reply.text


def test_a_new_password_ends_all_sessions(people, tmp_path):
    email = people.make('cleo@example.com')
    tokens = people.login(email)
    assert people.works(tokens)
    people.make(email, 'another password')
    assert not people.works(tokens)
    assert people.post('/auth/refresh', refresh_token=tokens['refresh_token']).status == 401
    assert people.post('/auth/login', email=email, password=PASSWORD).status == 401
    path = tmp_path / 'password'
    path.write_text('a password from a file\n')
    people.account(email, '--password-file', str(path))
    assert people.works(people.login(email, 'a password from a file'))


def test_refusals_are_alike(people, ada):
    """Whether there is such a user, in this organization, with a password, is not told."""
    people.account('invited@example.com')
    replies = [people.post('/auth/login', **body) for body in (
        {'email': ada, 'password': 'wrong password'},
        {'email': 'nobody@example.com', 'password': PASSWORD},
        {'email': 'invited@example.com', 'password': PASSWORD},
        {'email': ada, 'password': PASSWORD, 'organization': 'x'},
        {'email': ada, 'password': PASSWORD, 'organization': base64.b64encode(
            b'Organization:01234567-89ab-7def-8123-456789abcdef').decode()})]
    assert {(r.status, r.text) for r in replies} == {(401, replies[0].text)}


def test_bad_requests(people):
    for path in ('/auth/login', '/auth/refresh', '/auth/password', '/auth/logout'):
        assert people.post(path).status == 400
        assert send(people.stack.url + path, b'[1]').status == 400
        assert send(people.stack.url + path, b'{"email": 5, "password": null}').status == 400
        assert send(people.stack.url + path, method='GET').status == 405
        assert send(people.stack.url + path, b'x' * 20000).status == 413
    assert people.post('/auth/other').status == 404
    assert people.post('/auth/login', email='a\0b', password='x').status == 400


def test_refresh_rotates_and_reuse_ends_the_session(people, ada):
    first, other = people.login(ada), people.login(ada)
    second = people.post('/auth/refresh', refresh_token=first['refresh_token']).json
    assert second['refresh_token'] != first['refresh_token']
    assert people.works(first) and people.works(second)
    reused = people.post('/auth/refresh', refresh_token=first['refresh_token'])
    assert reused.status == 401
    assert not people.works(first) and not people.works(second)
    assert people.post('/auth/refresh', refresh_token=second['refresh_token']).status == 401
    assert people.works(other)


def test_two_renewals_at_once_are_one_and_a_reuse(people, ada):
    token, seen = people.login(ada)['refresh_token'], []
    threads = [threading.Thread(target=lambda: seen.append(
        people.post('/auth/refresh', refresh_token=token).status)) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(seen) == [200, 401, 401, 401]


def test_logout_ends_one_and_revoke_all(people, ada):
    one, two, three = people.login(ada), people.login(ada), people.login(ada)
    assert people.post('/auth/logout', refresh_token=one['refresh_token']).status == 200
    assert [people.works(t) for t in (one, two, three)] == [False, True, True]
    assert people.post('/auth/revoke', refresh_token=two['refresh_token']).status == 200
    assert [people.works(t) for t in (one, two, three)] == [False, False, False]
    assert people.post('/auth/revoke', refresh_token='unknown').status == 200


def test_clients_that_keep_their_token(people, ada):
    """As the command line client does, by the form of OAuth 2."""
    meta = json.loads(people.stack.get('/auth/meta')[1])
    assert meta['domain'] == people.stack.url.split('//')[1]
    tokens = people.login(ada, rotate=False)
    for _ in range(2):
        reply = people.form(grant_type='refresh_token', client_id=meta['clientId'],
                            refresh_token=tokens['refresh_token'])
        assert reply.status == 200 and people.works(reply.json), reply.text
        assert reply.json['refresh_token'] == tokens['refresh_token']
    people.post('/auth/revoke', refresh_token=tokens['refresh_token'])
    reply = people.form(grant_type='refresh_token', refresh_token=tokens['refresh_token'])
    assert reply.status == 400 and reply.json['error'] == 'invalid_grant'
    assert people.form(grant_type='password').json['error'] == 'unsupported_grant_type'


def test_nothing_of_it_is_stored(people, ada, stack):
    tokens = people.login(ada)
    with stack.postgres.connect(stack.database) as db:
        rows = [db.execute('SELECT t::text FROM %s t' % table).fetchall() for table in (
            'user_password', 'user_invitation', 'user_session', 'refresh_token')]
        db.execute('SET ROLE leat_api')
        for table in ('user_password', 'user_session'):
            assert db.execute("SELECT has_table_privilege('leat_api', %s, 'SELECT')",
                              [table]).fetchone() == (False,)
    text = str(rows)
    assert '$argon2id$v=19$m=19456,t=2,p=1$' in text
    assert PASSWORD not in text and tokens['refresh_token'] not in text


def test_tampered_access_tokens(people, ada):
    tokens = people.login(ada)
    head, body, mac = tokens['access_token'].split('.')
    for wrong in ('.'.join((head, body, mac[:-1])), '.'.join((head, body, mac[::-1])),
                  '.'.join((head, body[:-4] + 'AAAA', mac)), head + '.' + body + '.', head + '..'):
        assert not people.works({'access_token': wrong})


def test_roles_of_the_marketplace_have_no_sessions(people, stack, tenant):
    """They come in by embedded tokens only, whatever they were before."""
    tokens = people.login(people.make('mona@example.com'))
    customer = tenant.customer('Of the marketplace')
    refreshed = people.post('/auth/refresh', refresh_token=tokens['refresh_token']).json
    stack.sql("UPDATE app_user SET role = 'marketplace_admin', customer_id = (SELECT id FROM customer "
              "WHERE name = 'Of the marketplace') WHERE email = 'mona@example.com'")
    assert customer and not people.works(tokens) and not people.works(refreshed)


def test_guessing_is_bounded(people):
    email = people.make('dora@example.com')
    statuses = [people.post('/auth/login', email=email, password='guess %d' % i).status
                for i in range(11)]
    assert statuses == [401] * 10 + [429]
    reply = people.post('/auth/login', email=email.upper(), password=PASSWORD)
    assert reply.status == 429 and 0 < int(reply.headers['Retry-After']) <= 900
