"""Definitions that cannot be imported are refused with the place and the reason."""
import json

import pytest

from harness import flows as f
from harness.api import ApiError

GOOD = '''definitionVersion: 7
name: Good
description: ""
labels: []
endpointType: flow_specific
configPages: []
requiredConfigVars: []
flows:
  - name: Main
    description: ""
    isSynchronous: false
    endpointSecurityType: customer_optional
    steps:
      - name: Start
        isTrigger: true
        action: {key: webhook, component: {key: webhook-triggers, version: LATEST, isPublic: true}}
        inputs: {}
      - name: Say It
        action: {key: writeLog, component: {key: log, version: LATEST, isPublic: true}}
        inputs:
          level: {type: value, value: info}
          message: {type: reference, value: start.results.body.data}
'''
STEP = '''      - name: Say It
        action: {key: writeLog, component: {key: log, version: LATEST, isPublic: true}}
'''
TRIGGER = '''      - name: Again
        isTrigger: true
        action: {key: webhook, component: {key: webhook-triggers, version: LATEST, isPublic: true}}
'''

# What is replaced by what, the path that is named, the line, and words of the message.
BROKEN = {
    'wrong reference': ('start.results.body', 'begin.results.body',
                        'flows[0].steps[1].inputs.message', 22, 'begin'),
    'unknown action': ('key: writeLog', 'key: writeLogs', 'flows[0].steps[1].action', 18,
                       'writeLogs'),
    'duplicate step': (GOOD[-60:], GOOD[-60:] + STEP, 'flows[0].steps[2]', 23, 'Say It'),
    'same step key': (GOOD[-60:], GOOD[-60:] + STEP.replace('Say It', 'Say-it'),
                      'flows[0].steps[2]', 23, 'sayIt'),
    'two triggers': (GOOD[-60:], GOOD[-60:] + TRIGGER, 'flows[0].steps[2]', 23, 'trigger'),
    'no trigger': ('        isTrigger: true\n', '', 'flows[0].steps', 14, 'trigger'),
    'no flows': (GOOD[GOOD.index('flows:'):], 'flows: []\n', 'flows', 8, 'flow'),
    'wrong type': ('isSynchronous: false', 'isSynchronous: perhaps', 'flows[0].isSynchronous', 11,
                   'perhaps'),
    'unknown version': ('definitionVersion: 7', 'definitionVersion: 99', 'definitionVersion', 1,
                        '99'),
    'cyclic alias': ('labels: []', 'labels: &a [*a]', None, 4, 'never end'),
    'not YAML': ('steps:\n', 'steps: [\n', None, 0, 'YAML'),
    'doubled key': ('name: Good\n', 'name: Good\nname: Bad\n', 'name', 3, 'second'),
}


def refuse(tenant, definition):
    """The errors of an import that must be refused."""
    made, errors = tenant.api.change('importIntegration', 'integration', 'id',
                                     definition=definition)
    assert made is None and errors, 'it was imported'
    return errors


def test_the_good_one_is_good(tenant):
    assert tenant.import_(GOOD)


@pytest.mark.parametrize('name', BROKEN)
def test_broken(tenant, name):
    find, replace, path, line, words = BROKEN[name]
    assert GOOD.count(find) == 1, 'the piece to break is not there once'
    errors = refuse(tenant, GOOD.replace(find, replace))
    text = json.dumps(errors)
    assert words in text
    if path:
        assert any(path in (e['field'] or '') for e in errors) or path in text, text
    if line:
        assert 'line %d' % line in text, text


def test_several_errors_at_a_time(tenant):
    broken = GOOD.replace('start.results', 'begin.results').replace('writeLog', 'writeLogs') \
        .replace('isSynchronous: false', 'isSynchronous: perhaps')
    errors = refuse(tenant, broken)
    messages = [m for e in errors for m in e['messages']]
    assert len(messages) >= 3, messages


def test_a_component_that_is_not_installed(tenant):
    """Files from elsewhere import; the step that needs the component fails when it runs."""
    text = GOOD.replace('name: Good', 'name: Foreign').replace('key: log,', 'key: acme-crm,')
    deployed = tenant.deploy(text)
    execution = deployed.run({'a': 1}, ok=False)
    assert 'acme-crm' in execution.error and execution['errorStep'] == 'Say It'


def test_alias_bomb(tenant):
    lines = ['a: &a0 [x, x, x, x, x, x, x, x, x, x]']
    lines += ['b%d: &a%d [%s]' % (i, i, ', '.join(['*a%d' % (i - 1)] * 10)) for i in range(1, 12)]
    refuse(tenant, GOOD + '\n'.join(lines) + '\n')


def test_too_large(tenant):
    """10 MB: refused by the limit of requests or of definitions, and the server stays up."""
    reply = tenant.api.post({'query': 'mutation($i: ImportIntegrationInput!) { '
                             'importIntegration(input: $i) { integration { id } errors { field '
                             'messages } } }',
                             'variables': {'i': {'definition': GOOD + '#' * 10_000_000}}})
    if reply.status == 200:
        assert reply.json['data']['importIntegration']['errors']
    else:
        assert reply.status == 413
    assert tenant.stack.get('/healthz')[0] == 200


def test_over_five_megabytes(tenant):
    errors = refuse(tenant, GOOD + '#' * (5 * 1024 * 1024))
    assert 'MB' in json.dumps(errors) or 'large' in json.dumps(errors)


def test_deep_nesting(tenant):
    refuse(tenant, GOOD + 'extra: ' + '[' * 5000 + ']' * 5000 + '\n')
    many = f.log('Deep', 'x')
    for i in range(200):
        many = f.loop_n('Loop %d' % i, 1, many)
    refuse(tenant, f.text_of(f.integration('Deep', f.flow('Main', f.trigger(), many))))


@pytest.mark.parametrize('text', ['', ' ', '\n', '---\n', '5', '[]', '"text"', '{}', '\x07'])
def test_not_a_definition(tenant, text):
    refuse(tenant, text)


@pytest.mark.parametrize('text, place', [
    (GOOD.replace('Good', 'Gö\x00od'), 'line 2, column 9'),
    ('\x00' + GOOD, 'line 1, column 1'),
    (GOOD + '\x00', 'line 23, column 1'),
    # A file of UTF-16, read byte by byte, is full of them.
    (GOOD.encode('utf-16-le').decode('latin-1'), 'line 1, column 2')])
def test_nul(tenant, text, place):
    with pytest.raises(ApiError, match='NUL character, at %s' % place):
        refuse(tenant, text)


def test_a_refused_import_changes_nothing(tenant):
    draft = tenant.import_(GOOD.replace('name: Good', 'name: Kept'))
    ask = 'query($id: ID!) { integration(id: $id) { definition updatedAt } }'
    before = tenant.api.ask(ask, id=draft)
    made, errors = tenant.api.change(
        'importIntegration', 'integration', 'id', integrationId=draft,
        definition=GOOD.replace('name: Good', 'name: Kept').replace('writeLog', 'writeLogs'))
    assert made is None and errors
    assert tenant.api.ask(ask, id=draft) == before
