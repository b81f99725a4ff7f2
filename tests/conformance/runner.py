"""Deploys the flows of cases, many in one integration, calls them and compares what was recorded."""
import base64
import json

from cases import TAKEN, Any, Fails
from harness import flows as f
from harness.stack import Stack, program
from harness.process import Process

CONFIG_VARS = [
    f.string_var('Base'), f.string_var('Text', 'Tea'),
    f.string_var('Key with Blanks', 'blank'),
    f.string_var('Braces', '{{#Text}} {{$start.results}}'),
    f.string_var('Number', '12.5', dataType='number'),
    f.string_var('Zero', '0', dataType='number'),
    f.string_var('Digits', '007'),
    f.string_var('Yes', 'true', dataType='boolean'),
    f.string_var('No', 'false', dataType='boolean'),
    f.string_var('List', '["a","b"]', collectionType='valuelist'),
    f.string_var('Pairs', '[{"key":"k","value":"v"}]', collectionType='keyvaluelist'),
    f.string_var('Choice', 'two', dataType='picklist', pickList=['one', 'two']),
    f.string_var('Date', '2026-02-03', dataType='date'),
    f.string_var('Snippet', '{"a": 1}', dataType='code', codeLanguage='json'),
    f.string_var('Form', '{"a": [1, true]}', dataType='jsonForm'),
]
GROUP = 40  # cases in an integration


class StubbedStack(Stack):
    """With a worker that has an answer for every component there is not."""

    def _worker(self, i):
        return Process('worker-%d' % i, [
            program('tests/conformance/conformance-worker'), '--nats', self.nats.url,
            '--bus-key-file', self.path('bus.key'), '--allow-addresses', '127.0.0.0/8,::1/128'],
            self.folder)


def text_of(name, flows):
    return json.dumps(f.integration(name, *flows, config_vars=CONFIG_VARS), ensure_ascii=False)


class Runner:
    """Cases by name, deployed in groups when the first of a group is asked for."""

    def __init__(self, tenant, base_url, cases):
        self.tenant = tenant
        self.base_url = base_url
        self.groups = {}
        self.deployed = {}
        cases = [c for c in cases if not c.refused]
        for file in sorted({c.file for c in cases}):
            of_file = [c for c in cases if c.file == file]
            for i in range(0, len(of_file), GROUP):
                group = of_file[i:i + GROUP]
                for case in group:
                    self.groups[case.name] = ('%s %d' % (file, i // GROUP), group)

    def deployment(self, case):
        name, group = self.groups[case.name]
        if name not in self.deployed:
            flows = [flow for c in group for flow in c.flows()]
            self.deployed[name] = self.tenant.deploy(text_of('Cases of ' + name, flows),
                                                     config={'Base': self.base_url})
        return self.deployed[name]

    def run(self, case):
        deployed = self.deployment(case)
        for call in case.calls:
            Call(self.tenant, deployed, case, call).run()

    def refuse(self, case):
        draft, errors = self.tenant.api.change('importIntegration', 'integration', 'id',
                                               definition=text_of(case.name, case.flows()))
        assert draft is None, 'the definition was taken'
        told = json.dumps(errors, ensure_ascii=False)
        assert case.refused in told, told


def same(want, got):
    """Equal as JSON: a number is no boolean."""
    if isinstance(want, Any):
        return True
    if isinstance(want, dict) and isinstance(got, dict):
        return want.keys() == got.keys() and all(same(want[k], got[k]) for k in want)
    if isinstance(want, list) and isinstance(got, list):
        return len(want) == len(got) and all(same(w, g) for w, g in zip(want, got))
    return isinstance(want, bool) == isinstance(got, bool) and want == got


def part_of(want, got, path='payload'):
    if isinstance(want, dict) and isinstance(got, dict):
        for key in want:
            assert key in got, '%s has no %s: %s' % (path, key, sorted(got))
            part_of(want[key], got[key], path + '.' + key)
    else:
        assert same(want, got), '%s: %r, must be %r' % (path, got, want)


class Call:
    def __init__(self, tenant, deployed, case, call):
        self.tenant = tenant
        self.deployed = deployed
        self.case = case
        self.call = call

    def send(self):
        what = dict(self.call.get('send') or {})
        body = b''
        if 'text' in what:
            body = what['text'].encode()
        elif 'base64' in what:
            body = base64.b64decode(what['base64'])
        elif 'body' in what:
            body = json.dumps(what['body']).encode()
            what.setdefault('type', 'application/json')
        headers = {k: str(v) for k, v in (what.get('headers') or {}).items()}
        if what.get('type'):
            headers['Content-Type'] = what['type']
        return self.deployed.send(body, self.call.get('flow') or self.case.name, headers=headers,
                                  method=what.get('method', 'POST'), more=what.get('more', ''))

    def run(self):
        reply = self.send()
        self.check_answer(reply)
        execution = reply.headers.get('prismatic-executionid') or reply.json.get('executionId')
        assert execution, 'no execution id in the reply'
        ok = 'fails' not in self.call
        self.execution = self.tenant.finished(execution, ok)
        self.steps = self.execution.steps
        if self.steps[-1]['displayStepName'] == TAKEN:
            self.steps[-2]['results'] = json.loads(self.steps[-1]['results'])
            del self.steps[-1]
        assert self.steps[0]['displayStepName'] == 'Start'
        self.check_status()
        self.check_trace()
        if 'payload' in self.call:
            part_of(self.call['payload'], self.execution.payload)
        if 'logs' in self.call:
            lines = ['%s %s' % (n['level'], n['message']) for n in self.execution.logs[::-1]
                     if n['stepName']]  # the newest come first
            assert lines == self.call['logs']

    def check_status(self):
        want = dict({'status': 'ERROR' if 'fails' in self.call else 'SUCCESS'},
                    **(self.call.get('counts') or {}))
        for key, value in want.items():
            assert self.execution[key] == value, '%s: %r' % (key, self.execution[key])
        if 'fails' in self.call:
            assert self.call['fails'] in self.execution.error, self.execution.error
        if 'at' in self.call:
            assert self.execution['errorStep'] == self.call['at']

    def check_trace(self):
        if 'gives' in self.call:
            got = self.execution.results('Take')
            assert same(self.call['gives'], got), 'Take: %r' % got
        if 'chooses' in self.call:
            assert self.execution.results('Choose') == self.call['chooses']
            assert self.execution.step('Choose')['branchName'] == self.call['chooses']
        if 'trace' in self.call:
            want = [next(iter(entry.items())) for entry in self.call['trace']]
            names = [self.title(s) for s in self.steps[1:]]
            assert names == [n for n, _ in want]
            for (name, result), recorded in zip(want, self.steps[1:]):
                self.check_step(name, result, recorded)

    @staticmethod
    def title(recorded):
        path = recorded['loopPath']
        return recorded['displayStepName'] + (' @ ' + path if path else '')

    @staticmethod
    def check_step(name, want, got):
        if isinstance(want, Fails):
            assert got['hasError'] and want.text in (got['error'] or ''), '%s: %r' % (name, got)
            return
        assert isinstance(want, Any) or not got['hasError'], '%s failed: %s' % (name, got['error'])
        assert same(want, got['results']), '%s: %r, must be %r' % (name, got['results'], want)

    def check_answer(self, reply):
        want = self.call.get('answer')
        if want is None:
            return
        assert reply.status == want.get('status', 200), '%d: %s' % (reply.status, reply.body)
        if 'type' in want:
            assert reply.headers.get('Content-Type') == want['type']
        for name, value in (want.get('headers') or {}).items():
            assert reply.headers.get(name) == value, '%s: %r' % (name, reply.headers.get(name))
        if 'body' in want:
            assert same(want['body'], reply.json), reply.text
        if 'text' in want:
            assert reply.text == want['text']
        if 'base64' in want:
            assert base64.b64encode(reply.body).decode() == want['base64']
