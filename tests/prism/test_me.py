"""Who asks, with tokens of a session."""
from harness.api import Api
from harness.sender import send
from harness.stack import run_leat


def test_tokens_of_a_session(prism, stack, tenant):
    invitation = run_leat('account', '--postgres', stack.postgres_url, '--organization',
                          tenant.name, '--email', 'ada@example.com')
    send(stack.url + '/auth/password', {'invitation': invitation, 'password': 'correct horse'})
    tokens = send(stack.url + '/auth/login', {'email': 'ada@example.com', 'rotate': False,
                                              'password': 'correct horse'}).json
    ada = type(prism)(stack, tokens['access_token'], prism.folder)
    ada.env['PRISM_REFRESH_TOKEN'] = tokens['refresh_token']
    assert 'Email: ada@example.com' in ada('me')
    assert ada('me:token') == tokens['access_token']
    assert ada('me:token', '--type', 'refresh') == tokens['refresh_token']
    ada('me:token:revoke', '--no-confirm')
    reply = Api(stack.url, tokens['access_token']).post({'query': '{ organization { id } }'})
    assert reply.status == 401
