"""The `leat` command as a client of the API."""
import json
import os
import subprocess

import pytest

from harness import flows as f
from harness.process import sanitizer_env
from harness.stack import program


class Leat:
    """The real command, for a tenant, in a folder."""

    def __init__(self, tenant, folder):
        self.folder = str(folder)
        self.env = {**sanitizer_env(), 'LEAT_URL': tenant.api.url, 'LEAT_TOKEN': tenant.api.token,
                    'HOME': self.folder, 'TZ': 'UTC'}

    def run(self, *arguments, stdin=None, **env):
        return subprocess.run([program('leat'), *arguments], env={**self.env, **env},
                              cwd=self.folder, input=stdin or '', capture_output=True, text=True,
                              timeout=120)

    def __call__(self, *arguments, status=0, **more):
        """What it prints."""
        done = self.run(*arguments, **more)
        assert done.returncode == status, 'leat %s: %d\n%s%s' % (
            ' '.join(arguments), done.returncode, done.stdout, done.stderr)
        return done.stdout

    def json(self, *arguments, status=0, **more):
        return json.loads(self(*arguments, '--json', status=status, **more))

    def fails(self, *arguments, status=1, **more):
        """What it says."""
        done = self.run(*arguments, **more)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stderr

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path


@pytest.fixture(scope='module')
def leat(tenant, tmp_path_factory):
    return Leat(tenant, tmp_path_factory.mktemp('leat'))


def orders(text):
    return f.integration('Orders', f.flow('Main', f.trigger(), f.log('Tell', text)))


@pytest.mark.smoke
def test_from_a_file_to_a_running_instance(leat, tenant):
    leat.write('orders.yml', orders('hello'))
    assert leat.json('import', 'orders.yml', '--publish')['versionNumber'] == 1
    instance = tenant.instance(tenant.import_(orders('hello')), 'Corner', name='Corner orders')
    url = leat.json('deploy', 'Corner/Corner orders')[0]['flowConfigs']['nodes'][0]['webhookUrl']
    assert '/trigger/' in url
    assert [r['name'] for r in leat.json('integrations')] == ['Orders']
    rows = leat.json('instances', '--integration', 'Orders')
    assert [(r['id'], r['deployedVersion']) for r in rows] == [(instance, 1)]
    table = leat('instances', '--customer', 'x-Corner').splitlines()
    assert table[0].split() == ['CUSTOMER', 'INSTANCE', 'INTEGRATION', 'VERSION', 'STATE', 'LAST',
                                'RUN'] and 'deployed' in table[1]
    assert leat.json('customers', '--name', 'corn')[0]['externalId'] == 'x-Corner'

    leat.write('orders.yml', orders('bye'))
    assert '~ input message (flow Main, step Tell)' in leat(
        'diff', 'Orders', '--file', 'orders.yml', status=3)
    assert leat('diff', 'Orders').strip() == 'No changes.'
    leat('import', '-', stdin=open(leat.folder + '/orders.yml').read())
    assert leat.json('diff', 'Orders', status=3)['changes'][0]['name'] == 'message'
    assert 'published version 2' in leat('publish', 'Orders', '--comment', 'second')
    assert 'deployed version 2' in leat('deploy', '--all-of', 'Orders', '--version', 'latest')
    leat('export', 'Orders', '--version', '1', '-o', 'one.yml')
    leat('import', 'one.yml')
    assert leat('diff', 'Orders', '1', 'draft').strip() == 'No changes.'


def test_what_is_wrong_is_told(leat, tenant):
    leat.write('bad.yml', 'name: X\nflows: [{name: 7, steps: }]\n')
    said = leat.fails('import', 'bad.yml')
    assert 'line 2' in said
    assert leat.json('import', 'bad.yml', status=1)['error']['problems'][0]['messages']
    assert 'Did you mean:' in leat.fails('export', 'Order')
    assert 'no version 9' in leat.fails('export', 'Orders', '--version', '9')
    assert 'is no version' in leat.fails('export', 'Orders', '--version', 'x', status=2)
    assert 'did you mean `leat import`' in leat.fails('imprt', status=2)
    for customer in ('One', 'Two'):
        tenant.instance(tenant.import_(orders('x')), customer, name='Same')
    said = leat.fails('deploy', 'Same')
    assert 'several' in said and 'One/Same' in said and 'Two/Same' in said
    assert 'does not know the token' in leat.fails('customers', LEAT_TOKEN='leat_wrong')
    assert 'cannot reach' in leat.fails('customers', LEAT_URL='http://127.0.0.1:1')
    assert 'is not the API' in leat.fails('customers', '--url', tenant.api.url + '/healthz')


@pytest.fixture(scope='module')
def failing(tenant):
    """An instance whose flow fails when the payload says so."""
    return tenant.deploy(f.integration('Picky', f.flow(
        'Main', f.trigger(), f.log('Tell', f.ref('start.results.body.data.text')),
        f.branch_on('Which', 'start.results.body.data.text',
                    bad=[f.stop('No', status='x{')]))), customer='Picky Ltd', name='Picky one')


def test_executions_logs_and_replays(leat, failing):
    good = failing.run({'text': 'hello log'}).id
    rows = leat.json('executions', '--instance', 'Picky one')
    assert [(r['id'], r['status']) for r in rows] == [(good, 'SUCCESS')]
    assert good in leat('executions', '--customer', 'Picky Ltd', '--since', '5m')
    said = leat('executions', good, '--watch', '--log')
    assert 'ok   Tell' in said and 'INFO hello log' in said and 'succeeded in' in said
    lines = [json.loads(line) for line in leat('logs', '--execution', good, '--json').splitlines()]
    assert 'hello log' in [line['message'] for line in lines]
    assert 'Picky one / Tell' in leat('logs', '--instance', 'Picky one', '--search', 'hello')
    replayed, = leat.json('replay', good, '--wait')
    assert replayed['status'] == 'SUCCESS' and replayed['replay'] != good
    assert 'does not exist' in leat('replay', 'nonsense', status=1)
    assert leat.json('replay', '--failed', '--instance', 'Picky one', '--yes') == []
    assert '--status is' in leat.fails('executions', '--status', 'BAD', status=2)
    assert 'no execution' in leat.fails('executions', 'nonsense')


def test_lines_that_come_are_followed(leat, failing):
    follower = subprocess.Popen([program('leat'), 'logs', '--instance', 'Picky one', '--follow',
                                 '--json'], env=leat.env, stdout=subprocess.PIPE, text=True)
    try:
        failing.run({'text': 'while it follows'})
        for line in follower.stdout:
            if 'while it follows' in line:
                break
    finally:
        follower.terminate()
        follower.communicate()


def test_a_flow_by_hand(leat, failing):
    leat.write('payload.json', {'text': 'by hand'})
    said = leat('test', 'Picky', '--payload', '@payload.json', '--log')
    assert 'ok   Start' in said and 'INFO by hand' in said and 'succeeded' in said
    got = leat.json('test', '--instance', 'Picky one', 'Main', '--payload', '{"text": "x"}')
    assert got['status'] == 'SUCCESS' and got['isTestExecution']
    assert 'There is:' in leat.fails('test', 'Picky', 'Other')


SHOP = f.string_var('Shop', 'x')
SERVICE = {'key': 'Service', 'dataType': 'connection', 'orgOnly': False,
           'connection': {'key': 'basic', 'component': {'key': 'http', 'version': 'LATEST',
                                                        'isPublic': True}}, 'inputs': {}}


def fleet(text):
    return f.integration('Fleet', f.flow('Main', f.trigger(), f.log('Tell', text)),
                         config_vars=[SHOP, f.string_var('Hidden'), SERVICE])


CUSTOMER = '''name: Roadrunner
externalId: road
labels: [Fast]
'''
INSTANCE = '''name: Delivery
customer: road
integration: Fleet
description: by files
configVariables:
  Shop: %s
  Hidden: "${ENV:FLEET_HIDDEN}"
  Service:
    inputs: {username: "${FILE:user.txt}", password: "${ENV:FLEET_PASSWORD}"}
'''
SECRETS = {'FLEET_HIDDEN': 'hidden-text', 'FLEET_PASSWORD': 'the-password'}


def plan_of(got):
    return {(i['kind'], i['name']): i['actions'] for i in got['plan'] if i['actions']}


def test_a_fleet_in_files(leat, tenant):
    leat.write('fleet/integrations/fleet.yml', fleet('one'))
    leat.write('fleet/customers/road.yml', CUSTOMER)
    leat.write('fleet/instances/delivery.yml', INSTANCE % 'Corner')
    leat.write('fleet/user.txt', 'coyote\n')
    got = leat.json('apply', 'fleet', '--plan', status=3, **SECRETS)
    assert plan_of(got) == {
        ('integration', 'Fleet'): ['create', 'publish'], ('customer', 'Roadrunner'): ['create'],
        ('instance', 'road/Delivery'): ['create', 'deploy']}
    assert got['done'] == 0
    done = leat.run('apply', 'fleet', '--yes', **SECRETS)
    assert done.returncode == 0, done.stderr
    assert '3 changes applied' in done.stdout
    again = leat.run('apply', 'fleet', '--plan', '--prune', **SECRETS)
    assert again.returncode == 0, again.stdout
    assert 'not compared' in again.stdout and 'Everything is as the files say' in again.stdout
    row, = leat.json('instances', '--integration', 'Fleet')
    assert row['deployedVersion'] == 1 and row['configState'] == 'FULLY_CONFIGURED'

    leat.write('fleet/integrations/fleet.yml', fleet('two'))
    leat.write('fleet/customers/road.yml', CUSTOMER + 'description: beep\n')
    leat.write('fleet/instances/delivery.yml', INSTANCE % 'Other' + 'enabled: false\n')
    said = leat('apply', 'fleet', '--plan', status=3, **SECRETS)
    for line in ('~ input message (flow Main, step Tell)', 'description: nothing -> beep',
                 'Shop: Corner -> Other', 'version: 1 -> the one to publish',
                 'enabled: true -> false'):
        assert line in said, said
    leat('apply', 'fleet', '--yes', **SECRETS)
    assert leat.json('apply', 'fleet', '--plan', **SECRETS)['changes'] == 0
    row, = leat.json('instances', '--integration', 'Fleet')
    assert (row['deployedVersion'], row['enabled']) == (2, False)

    changed = {**SECRETS, 'FLEET_HIDDEN': 'another-text'}
    said = leat('apply', 'fleet', '--plan', status=3, **changed)
    assert 'Hidden: (secret) -> (secret)' in said and 'text' not in said
    said = leat('apply', 'fleet', '--plan', '--secrets', status=3, **SECRETS)
    assert 'Service: nothing -> (secret)' in said and 'password' not in said

    os.remove(leat.folder + '/fleet/instances/delivery.yml')
    os.remove(leat.folder + '/fleet/customers/road.yml')
    os.remove(leat.folder + '/fleet/integrations/fleet.yml')
    got = leat.json('apply', 'fleet', '--plan', '--prune', status=3)
    assert list(plan_of(got)) == [('instance', 'Roadrunner/Delivery'), ('customer', 'Roadrunner'),
                                  ('integration', 'Fleet')], 'nothing that others made'
    leat('apply', 'fleet', '--prune', '--yes')
    assert leat.json('customers', '--name', 'Roadrunner') == []


def test_mistakes_in_files(leat):
    leat.write('wrong/integrations/bad.yml', 'name: X\nflows: 7\n')
    leat.write('wrong/integrations/unknown.yml', f.integration('Unknown', f.flow(
        'Main', f.trigger(), f.step('No', 'log.noSuchAction'))))
    leat.write('wrong/customers/a.yml', 'name: A\nlables: [x]\n')
    leat.write('wrong/customers/b.yml', 'name: [')
    leat.write('wrong/instances/i.yml', INSTANCE % '"${ENV:NOT_SET}"')
    leat.write('wrong/instances/j.yml', 'name: J\ncustomer: A\n')
    said = leat.fails('apply', 'wrong', '--yes', FLEET_HIDDEN='x', FLEET_PASSWORD='the-password')
    for line in ('integrations/bad.yml:2:', 'customers/a.yml:2:1: unknown key "lables": did you '
                 'mean labels?', 'customers/b.yml:', 'instances/i.yml:6:9: the environment variable '
                 'NOT_SET is not set', 'user.txt', 'j.yml:1:1: integration is missing'):
        assert line in said, said
    assert 'the-password' not in said
    for name in ('integrations/bad.yml', 'customers/a.yml', 'customers/b.yml', 'instances/i.yml',
                 'instances/j.yml'):
        os.remove(leat.folder + '/wrong/' + name)
    leat.write('wrong/customers/a.yml', 'name: A\n')
    leat.write('wrong/instances/k.yml', 'name: K\ncustomer: B\nintegration: Orders\n')
    leat.write('wrong/instances/l.yml', 'name: L\ncustomer: A\nintegration: None\n')
    leat.write('wrong/instances/m.yml', 'name: M\ncustomer: A\nintegration: Unknown\n'
                                        'configVariables: {Shop: x}\n')
    said = leat.fails('apply', 'wrong', '--yes')
    for line in ('unknown.yml: ', 'noSuchAction', 'k.yml:1:1: there is no customer "B"',
                 'l.yml:1:1: there is no integration "None"',
                 'm.yml:4:19: the integration has no config variable "Shop"'):
        assert line in said, said
    assert all(c['name'] != 'A' for c in leat.json('customers', '--name', 'A'))
    assert 'has none of the folders' in leat.fails('apply', '.', '--plan')


def test_the_first_error_ends_it(leat):
    needs = f.integration('Needy', f.flow('Main', f.trigger()), config_vars=[
        {'key': 'Must', 'dataType': 'string', 'orgOnly': False}])
    leat.write('half/integrations/needy.yml', needs)
    leat.write('half/instances/a.yml', 'name: A\ncustomer: Half\nintegration: Needy\n')
    leat.write('half/instances/b.yml', 'name: B\ncustomer: Half\nintegration: Needy\n'
                                       'configVariables: {Must: x}\n')
    leat.write('half/customers/half.yml', 'name: Half\n')
    said = leat.fails('apply', 'half', '--yes')
    assert 'instance Half/A' in said and 'Must' in said and '2 of 4 are done' in said
    leat.write('half/instances/a.yml', 'name: A\ncustomer: Half\nintegration: Needy\n'
                                       'configVariables: {Must: y}\n')
    assert '2 changes applied' in leat('apply', 'half', '--yes')
    assert leat.json('apply', 'half', '--plan')['changes'] == 0


def test_tokens(leat):
    made = leat.json('token', 'create', 'For a report', '--scope', 'read', '--expires-days', '7')
    token, row = made['token'], made['apiToken']
    assert leat('customers', LEAT_TOKEN=token)
    leat.write('orders.yml', orders('x'))
    assert 'scope' in leat.fails('import', 'orders.yml', LEAT_TOKEN=token)
    leat.write('token', token + '\n')
    assert row['id'] in leat('token', 'list', '--token-file', 'token', LEAT_TOKEN='')
    assert 'revoked' in leat('token', 'revoke', row['id'])
    assert row['id'] not in leat('token', 'list', '--everybody')
    assert 'does not know the token' in leat.fails('customers', LEAT_TOKEN=token)


def test_doctor(leat, stack):
    arguments = ['doctor', '--postgres', stack.postgres_url, '--nats', stack.nats.url, '--url',
                 stack.url, '--master-key-file', stack.path('master.key'), '--bus-key-file',
                 stack.path('bus.key')]
    done = leat.run(*arguments, '--json')
    found = [(c['check'], c['health'], c['found']) for c in json.loads(done.stdout)]
    assert ('NATS', 'OK', 'connected') in found
    for check, words in (('PostgreSQL', 'version 15'), ('schema', ', Leat '),
                         ('clock', 'database\'s clock'), ('control plane', '/readyz answers 200'),
                         ('master key', 'opens the secrets'), ('streams', 'LEAT_RESULT')):
        assert any(c == check and h == 'OK' and words in f for c, h, f in found), (check, found)
    # The tests' own PostgreSQL gives durability away for speed.
    assert ('PostgreSQL', 'FAIL', 'fsync = off') in found and done.returncode == 1
    leat.write('other.key', 'a' * 64)
    arguments[arguments.index('--master-key-file') + 1] = 'other.key'
    said = leat.run(*arguments).stdout
    assert 'does not open the secrets' in said and '-> ' in said
    assert 'cannot be reached' in leat.run('doctor', '--nats', 'nats://127.0.0.1:1').stdout


def test_completion(leat):
    script = leat('completion', 'bash')
    for words, wanted in ((['imp'], ['import']), (['token', ''], ['create', 'list', 'revoke']),
                          (['apply', '--pl'], ['--plan']),
                          (['token', 'create', '--sc'], ['--scope'])):
        done = subprocess.run(
            ['bash', '-c', script + 'COMP_WORDS=(leat "$@"); COMP_CWORD=$#; _leat; '
             'printf "%s\\n" "${COMPREPLY[@]}"', 'bash', *words], capture_output=True, text=True,
            cwd=leat.folder)
        assert done.stderr == ''
        assert set(wanted) <= set(done.stdout.split()), (words, done.stdout)
    assert 'bashcompinit' in leat('completion', 'zsh')
    assert 'which shell' in leat.fails('completion', 'fish', status=2)
