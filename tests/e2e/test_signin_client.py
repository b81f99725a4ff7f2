"""How the command line client signs in: a page, a code for a port of the own machine, PKCE."""
import hashlib
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from harness import jwt
from harness.api import Api
from harness.sender import send
from harness.stack import run_leat

PASSWORD = 'correct horse battery'
VERIFIER = 'v' * 43
REDIRECT = 'http://localhost:59412/'
FORM = {'Content-Type': 'application/x-www-form-urlencoded'}


class Client:
    def __init__(self, stack):
        self.stack = stack
        self.query = {
            'response_type': 'code', 'client_id': 'leat', 'redirect_uri': REDIRECT, 'state': 'a&b=c',
            'code_challenge': jwt.b64(hashlib.sha256(VERIFIER.encode()).digest()),
            'code_challenge_method': 'S256', 'scope': 'openid offline_access', 'audience': 'x'}

    def page(self, method='GET', body=b'', **changes):
        query = {k: v for k, v in {**self.query, **changes}.items() if v is not None}
        return send(self.stack.url + '/authorize', body, method=method, headers=FORM,
                    more='?' + urlencode(query))

    def submit(self, password=PASSWORD, email='ada@example.com', **changes):
        return self.page('POST', urlencode({'email': email, 'password': password}).encode(),
                         **changes)

    def code(self):
        reply = self.submit()
        assert reply.status == 303, reply.text
        assert reply.headers['Location'].startswith(REDIRECT + '?')
        got = parse_qs(urlsplit(reply.headers['Location']).query)
        assert got['state'] == ['a&b=c']
        return got['code'][0]

    def exchange(self, **fields):
        fields = {'grant_type': 'authorization_code', 'client_id': 'leat', 'redirect_uri': REDIRECT,
                  'code_verifier': VERIFIER, **fields}
        return send(self.stack.url + '/oauth/token', urlencode(fields).encode(), headers=FORM)


@pytest.fixture(scope='module')
def client(stack, tenant):
    invitation = run_leat('account', '--postgres', stack.postgres_url, '--organization',
                          tenant.name, '--email', 'ada@example.com')
    assert send(stack.url + '/auth/password',
                {'invitation': invitation, 'password': PASSWORD}).status == 200
    return Client(stack)


@pytest.mark.smoke
def test_from_the_page_to_a_session_that_is_renewed(client):
    page = client.page()
    assert page.status == 200 and 'type="password"' in page.text
    assert page.headers['Content-Type'].startswith('text/html')
    assert "frame-ancestors 'none'" in page.headers['Content-Security-Policy']
    tokens = client.exchange(code=client.code()).json
    assert Api(client.stack.url, tokens['access_token']).ask('{ organization { id } }')
    renewed = send(client.stack.url + '/oauth/token', urlencode({
        'grant_type': 'refresh_token', 'client_id': 'leat',
        'refresh_token': tokens['refresh_token']}).encode(), headers=FORM).json
    assert renewed['refresh_token'] == tokens['refresh_token']


def test_a_code_is_good_once_and_with_its_secret(client, stack):
    code = client.code()
    assert client.exchange(code=code).status == 200
    assert client.exchange(code=code).json['error'] == 'invalid_grant'
    for wrong in ({'code_verifier': 'w' * 43}, {'redirect_uri': 'http://localhost:59413/'},
                  {'code_verifier': ''}, {'redirect_uri': 'https://evil.example/'}):
        code = client.code()
        assert client.exchange(code=code, **wrong).json['error'] == 'invalid_grant', wrong
    assert client.exchange(code='unknown').json['error'] == 'invalid_grant'
    code = client.code()
    stack.sql('UPDATE signin_code SET expires_at = now()')
    assert client.exchange(code=code).json['error'] == 'invalid_grant'
    assert code not in str(stack.sql('SELECT c::text FROM signin_code c'))


@pytest.mark.parametrize('changes', [
    {'redirect_uri': 'https://evil.example/'}, {'redirect_uri': 'http://localhost.evil.example/'},
    {'redirect_uri': 'http://localhost:80@evil.example/'}, {'redirect_uri': 'http://localhost/'},
    {'redirect_uri': 'http://localhost:1/\r\nX: y'}, {'redirect_uri': 'http://localhost:1/?code=x'},
    {'redirect_uri': None}, {'response_type': 'token'}, {'client_id': 'other'},
    {'code_challenge_method': 'plain'}, {'code_challenge': 'short'}, {'state': None},
    {'state': 'x' * 513}])
def test_nobody_is_sent_elsewhere(client, changes):
    for reply in (client.page(**changes), client.submit(**changes)):
        assert reply.status == 400 and reply.headers['Location'] is None


def test_the_page_holds_nothing_of_the_request(client):
    evil = '"><script>alert(1)</script>'
    for reply in (client.page(state=evil), client.submit(password='wrong', email=evil, state=evil)):
        assert 'script' not in reply.text
    reply = client.submit(password='wrong password')
    assert reply.status == 401 and re.search('role="alert">The email address or', reply.text)
    assert reply.headers['Location'] is None
