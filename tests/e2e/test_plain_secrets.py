"""No secret is plain anywhere: secrets of every kind are set and used, then everything that is kept is read:
the whole database, the log that PostgreSQL writes ahead, the store of NATS, what processes say.

A new kind of secret is set in `known`; a new column of bytes is sealed, or named at the end."""
import base64
import json
import os
import re
import secrets as random
import subprocess
from urllib.parse import quote

import pytest

from harness import flows as f
from harness import jwt
from harness.api import Api, Tenant
from harness.people import organization_of
from harness.sender import send
from harness.services import postgres_program
from harness.smtp import Smtp
from harness.stack import Stack, run_leat
from harness.stub import Stub
from harness.wait import wait_until

MARK = 'mark' + random.token_hex(8)  # not a secret: it must be found, or the search is blind


def new(kind):
    """With what JSON and URLs write in another way."""
    return '%s-"%%\\%s' % (kind, random.token_hex(12))


def forms(secret):
    """How bytes of the secret may look: as they are, in JSON, URLs, hex and base64 at each offset."""
    raw = secret.encode()
    found = {raw, json.dumps(secret)[1:-1].encode(), quote(secret, safe='').encode(),
             raw.hex().encode(), raw.hex().upper().encode(),
             json.dumps(json.dumps(secret)[1:-1])[1:-1].encode()}
    for shift in range(3):
        text = base64.b64encode(b'\0' * shift + raw)[(0, 2, 3)[shift]:]
        text = text[:len(text) - 4]  # the end depends on what follows
        found |= {text, text.replace(b'+', b'-').replace(b'/', b'_'), text.hex().encode()}
    return found


@pytest.fixture(scope='module')
def third_party():
    made = Stub()
    for path in ('/used', '/alert', '/event'):
        made.on(path, {})
    yield made
    made.close()


@pytest.fixture(scope='module')
def stack(cluster):
    mailbox = Smtp()
    os.environ['LEAT_SMTP_PASSWORD'] = new('smtp')
    try:
        made = Stack(cluster, controlplane_args=(
            '--allow-addresses', '127.0.0.0/8', '--log-level', 'debug', '--smtp-host', '127.0.0.1',
            '--smtp-port', mailbox.port, '--smtp-tls', 'none', '--smtp-username', 'leat')).start()
        made.wal_from = made.sql('SELECT pg_walfile_name(pg_current_wal_lsn())')[0][0]
        made.smtp_password = os.environ['LEAT_SMTP_PASSWORD']
    finally:
        del os.environ['LEAT_SMTP_PASSWORD']
    yield made
    made.stop()
    mailbox.close()


def connect(tenant, third_party, known):
    """A flow that uses a connection, called with an API key."""
    known['connection'], known['api key'] = new('connection'), 'key-' + random.token_hex(12)
    main = tenant.deploy(
        f.integration('Secretive', f.flow('Main', f.trigger(), f.step(
            'Get', 'http.httpGet', {'url': third_party.url + '/used',
                                    'connection': f.config('Login')}),
            f.log('Say', MARK)),
            config_vars=[{'key': 'Login', 'dataType': 'connection', 'orgOnly': False,
                          'connection': {'key': 'basic', 'component': {
                              'key': 'http', 'version': 'LATEST', 'isPublic': True}},
                          'inputs': {'username': {'type': 'value', 'value': ''},
                                     'password': {'type': 'value', 'value': ''}}}]),
        config={'Login': {'values': json.dumps([
            {'name': 'username', 'type': 'value', 'value': 'ada'},
            {'name': 'password', 'type': 'value', 'value': known['connection']}])}},
        api_keys={'Main': [known['api key']]})
    main.run({'say': MARK}, headers={'Api-Key': known['api key']})
    # The password itself is what the third party got.
    sent = third_party.seen('/used')[0].headers['Authorization'].split()[1]
    assert base64.b64decode(sent).decode() == 'ada:' + known['connection']
    return main


def tell(tenant, third_party, main, known):
    """Webhooks of alerts and events, and e-mail with a login."""
    known.update({'alert header': new('alert'), 'event header': new('event'),
                  'event secret': new('hmac')})
    api = tenant.api
    hook = api.done('createAlertWebhook', 'alertWebhook', 'id', name='A', payloadTemplate='$NAME',
                    url=third_party.url + '/alert',
                    headers=json.dumps({'X-Key': known['alert header']}))['id']
    api.done('createWebhookEndpoint', 'webhookEndpoint', 'id', name='E', secret=known['event secret'],
             url=third_party.url + '/event', eventTypes=['instance.disabled'],
             headers=json.dumps({'X-Key': known['event header']}))
    triggers = api.ask('{ alertTriggers { nodes { id name } } }')['alertTriggers']['nodes']
    me = api.ask('{ authenticatedUser { id } }')['authenticatedUser']['id']
    api.done('createAlertMonitor', 'alertMonitor', 'id', name='Off', instance=main.id, users=[me],
             webhooks=[hook],
             triggers=[t['id'] for t in triggers if t['name'] == 'Instance Disabled'])
    api.done('updateInstance', 'instance', 'id', id=main.id, enabled=False)
    for path, secret in (('/alert', 'alert header'), ('/event', 'event header')):
        wait_until(lambda: third_party.seen(path), 30, path)
        assert third_party.seen(path)[0].headers['X-Key'] == known[secret]
    wait_until(lambda: tenant.stack.sql('SELECT 1 FROM alert_delivery WHERE email IS NOT NULL AND '
                                        'attempts > 0'), 30, 'an e-mail is tried')


def sign_in(tenant, known, folder):
    """All tokens and passwords of people and programs."""
    stack, api = tenant.stack, tenant.api
    known['first token'], known['password'] = api.token, new('password')
    known['other password'] = new('wrong')
    (folder / 'word').write_text(known['password'] + '\n')
    account = ['--postgres', stack.postgres_url, '--organization', tenant.name, '--email',
               'owner@example.com']
    known['invitation'] = run_leat('account', *account)
    run_leat('account', *account, '--password-file', str(folder / 'word'))
    for word in ('other password', 'password'):
        reply = send(stack.url + '/auth/login', {'email': 'owner@example.com',
                                                 'password': known[word]})
    assert reply.status == 200
    known['access token'], known['refresh token'] = (
        reply.json[k] for k in ('access_token', 'refresh_token'))
    Api(stack.url, known['access token']).done('createCustomer', 'customer', 'id', name='Acme',
                                               externalId='acme', description=MARK)
    fresh = send(stack.url + '/auth/refresh', {'refresh_token': known['refresh token']})
    known['next refresh token'] = fresh.json['refresh_token']
    known['api token'] = api.ask('mutation { createApiToken(input: {name: "P"}) { token } }'
                                 )['createApiToken']['token']
    made = api.ask('mutation { createOrganizationSigningKey(input: {}) { result { privateKey } } }')
    pem = made['createOrganizationSigningKey']['result']['privateKey']
    known['signing key'] = pem.split('\n')[3]
    known['embedded token'] = jwt.sign(jwt.load(pem), jwt.claims(organization_of(api)))
    assert Api(stack.url, known['embedded token']).ask('{ authenticatedUser { id } }')


@pytest.fixture(scope='module')
def known(stack, third_party, tmp_path_factory):
    """Name -> secret."""
    tenant = Tenant(stack, 'Secretive')
    made = {'smtp password': stack.smtp_password}
    for name in ('master.key', 'bus.key'):
        with open(stack.path(name)) as file:
            made[name] = file.read().strip()
    main = connect(tenant, third_party, made)
    tell(tenant, third_party, main, made)
    sign_in(tenant, made, tmp_path_factory.mktemp('word'))
    assert len(made) >= 17
    return made


def look(known, data, where):
    found = [name for name, secret in known.items() for form in forms(secret) if form in data]
    for name in ('master.key', 'bus.key'):
        if bytes.fromhex(known[name]) in data or base64.b64encode(
                bytes.fromhex(known[name])) in data:
            found.append(name)
    assert not found, '%s has %s' % (where, sorted(set(found)))


def test_forms_are_found():
    secret = new('x')
    for around in ('', 'a', 'ab', 'abc'):
        text = (around + secret + around).encode()
        for data in (text, text.hex().encode(), base64.b64encode(text),
                     base64.b64encode(text).hex().encode(),
                     base64.urlsafe_b64encode(text), json.dumps(secret).encode(),
                     json.dumps({'a': json.dumps({'b': secret})}).encode()):
            with pytest.raises(AssertionError):
                look({'x': secret, 'master.key': '00' * 32, 'bus.key': '11' * 32}, data, 'here')


def test_the_database(known, stack):
    dump = subprocess.run([postgres_program('pg_dump'), stack.postgres_url], check=True,
                          capture_output=True).stdout
    assert MARK.encode() in dump
    look(known, dump, 'the dump')
    # What is kept as bytes, and what is packed in it.
    look(known, b''.join(bytes.fromhex(t) for t in re.findall(r'\\\\x((?:[0-9a-f]{2})+)',
                                                              dump.decode())), 'the bytes')


def test_the_log_ahead(known, stack):
    end = stack.sql('SELECT pg_walfile_name(pg_current_wal_lsn())')[0][0]
    folder = os.path.join(stack.postgres.data, 'pg_wal')
    files = [n for n in sorted(os.listdir(folder)) if stack.wal_from <= n <= end and len(n) == 24]
    data = b''
    for name in files:
        with open(os.path.join(folder, name), 'rb') as file:
            data += file.read()
    assert MARK.encode() in data
    look(known, data, 'the write-ahead log')


def test_nats_and_logs(known, stack):
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(stack.nats.store)
             for name in names]
    assert paths, 'NATS keeps something'
    logs = [p.log_path for p in [*stack.processes, stack.postgres.process]]
    for path in [*paths, *logs]:
        with open(path, 'rb') as file:
            data = file.read()
        assert data or path not in logs
        look(known, data, path)


# ---- columns of bytes ----

# Digests, and what holds no credentials. Any other column of bytes is sealed, and called so.
PLAIN = '''
    api_token.token_hash audit_entry.hash audit_entry.previous audit_head.dropped_hash audit_head.hash
    component_blob.bytes component_blob.hash component_file.hash connection_consent.client_digest
    connection_consent.state_hash connection_token.client_digest
    execution.request execution_checkpoint.logs execution_checkpoint.steps execution_progress.steps
    execution_queue.dedupe_hash execution_result.steps execution_retry.unique_id
    execution_value_chunk.data instance_flow_config.api_key_hashes
    integration.definition_hash media.bytes persisted_state.store refresh_token.token_hash
    signin_code.code_hash unique_request.unique_id user_invitation.token_hash
    webhook_idempotency.key_hash'''.split()
FILLED = {'organization.data_key', 'instance_config_variable.sealed_inputs',
          'instance_revision.sealed_config', 'instance_flow_config.sealed_api_keys',
          'alert_webhook.sealed_headers', 'webhook_endpoint.sealed_secret',
          'webhook_endpoint.sealed_headers'}


def test_every_column_of_bytes_is_sealed_or_known(known, stack):
    columns = {r[0] for r in stack.sql(
        "SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = "
        "a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND "
        "c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped "
        "AND a.atttypid IN ('bytea'::regtype, 'bytea[]'::regtype)")}
    assert FILLED <= columns and set(PLAIN) <= columns
    for column in sorted(columns - set(PLAIN)):
        table, name = column.split('.')
        assert name.startswith('sealed_') or column == 'organization.data_key', (
            'is %s sealed? Then call it so; else name it in PLAIN' % column)
        begins = {r[0] for r in stack.sql('SELECT DISTINCT get_byte(%s, 0) FROM %s WHERE %s IS NOT '
                                          'NULL' % (name, table, name))}
        # The version of the seal.
        assert begins == {1} or (not begins and column not in FILLED), column
