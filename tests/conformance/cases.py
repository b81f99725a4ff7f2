"""Reads the cases: files of YAML in cases/, each {rule, cases: [...]}. A case is a flow, what is sent
to it and what must be recorded.

  name        unique; the flow's name
  rule        section of the model it is about (the file's, when it has none of its own)
  steps       the steps after the trigger, in the form of an integration file, with these shorthands:
              `do: component.action` for `action`; an input that is text is a literal value, one
              that is a number, a list or a mapping that value's JSON text; the tags below
  take        after the steps: {key: input}, one step "Take" that makes an object of them
  when        after the steps: a condition; one step "Choose" with the branches Yes and Else
  trigger     the trigger's step, default webhook-triggers.webhook; its name is "Start"
  sync, flow  the flow is synchronous; more keys of the flow
  flows       {name: {trigger, steps, take, sync}}: further flows of the same integration
  send        {body, text, base64, type, method, headers, more}; body is sent as JSON
  calls       instead of send and what follows: several in order, each with its expectations
  stub        runs on the worker that has an answer for every component

  gives       the result of Take            chooses   the branch, Yes or Else
  trace       every step after the trigger, in order: {"Name": result}, or
              {"Name @ loop.0": result} for one in an iteration
  fails       the execution fails: text of its error; `at` names the step
  payload     a part of the trigger's result
  logs        every line of steps, "LEVEL text"
  answer      {status, type, headers, body | text | base64}: the HTTP reply
  counts      {invokeType, stepCount, ...}: further fields of the execution
  refused     the definition cannot be imported: text of an error

Tags of inputs: !ref path, !tmpl text, !config key, !list [...], !pairs {...}, !named [[name, input]...],
!conditions {branch: condition}. Tags of results: !any, !fails text."""
import glob
import json
import os
import re

import yaml

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'cases')
TAKEN = 'Take as JSON'  # where an undefined member is none, while a recorded step shows null
VERSION = {'version': 'LATEST', 'isPublic': True}


class Any:
    """Whatever it is."""

    def __eq__(self, other):
        return True

    def __repr__(self):
        return '<anything>'


class Fails:
    """A step that failed with a text."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return '<fails: %s>' % self.text


class Loader(yaml.SafeLoader):
    """Of YAML 1.2, as the product reads it: yes, no, on and off are text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag != 'tag:yaml.org,2002:bool']
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver('tag:yaml.org,2002:bool', re.compile('^(?:true|false)$'), list('tf'))


def literal(v):
    """An input as it is written in integration files."""
    if isinstance(v, dict) and 'type' in v:
        return v
    return {'type': 'value', 'value': v if isinstance(v, str) else json.dumps(v)}


def condition(v):
    if isinstance(v, list) and v and isinstance(v[0], str):
        return [v[0]] + [condition(t) if isinstance(t, list) else literal(t) for t in v[1:]]
    return v


def complex_of(items):
    return {'type': 'complex', 'value': items}


def pairs_of(named):
    return complex_of([dict(literal(v), name=literal(k)) for k, v in named])


def conditions_of(branches):
    return complex_of([{'name': k, 'type': 'complex', 'value': condition(v)}
                       for k, v in branches.items()])


def scalar(kind):
    return lambda loader, node: {'type': kind, 'value': loader.construct_scalar(node)}


def deep(make):
    def construct(loader, node):
        if isinstance(node, yaml.MappingNode):
            return make(loader.construct_mapping(node, deep=True))
        return make(loader.construct_sequence(node, deep=True))
    return construct


for tag, kind in (('!ref', 'reference'), ('!tmpl', 'template'), ('!config', 'configVar')):
    Loader.add_constructor(tag, scalar(kind))
Loader.add_constructor('!list', deep(lambda v: complex_of([literal(i) for i in v])))
Loader.add_constructor('!pairs', deep(lambda v: pairs_of(v.items())))
Loader.add_constructor('!named', deep(pairs_of))
Loader.add_constructor('!conditions', deep(conditions_of))
Loader.add_constructor('!any', lambda loader, node: Any())
Loader.add_constructor('!fails', lambda loader, node: Fails(loader.construct_scalar(node)))


def action_of(name):
    component, key = name.split('.')
    return {'key': key, 'component': dict(VERSION, key=component)}


def step(v):
    made = dict(v)
    if 'do' in made:
        made['action'] = action_of(made.pop('do'))
    made.setdefault('description', '')
    made['inputs'] = {k: literal(i) for k, i in (made.get('inputs') or {}).items()}
    if 'steps' in made:
        made['steps'] = [step(s) for s in made['steps']]
    if 'branches' in made:  # {name: steps} for [{name, steps}]
        branches = made['branches']
        named = branches.items() if isinstance(branches, dict) else \
            [(b['name'], b['steps']) for b in branches]
        made['branches'] = [{'name': n, 'steps': [step(s) for s in steps or []]}
                            for n, steps in named]
    return made


def flow_of(name, v):
    trigger = step(dict({'name': 'Start', 'do': 'webhook-triggers.webhook'},
                        **(v.get('trigger') or {}), isTrigger=True))
    steps = [step(s) for s in v.get('steps') or []]
    if 'take' in v:
        steps.append(step({'name': 'Take', 'do': 'collection-tools.createObject',
                           'inputs': {'keyValueInput': pairs_of(v['take'].items())}}))
        steps.append(step({'name': TAKEN, 'do': 'change-data-format.binaryToJson',
                           'inputs': {'data': {'type': 'reference', 'value': 'take.results'}}}))
    if 'when' in v:
        steps.append(step({'name': 'Choose', 'do': 'branch.branchOnExpression',
                           'inputs': {'conditions': conditions_of({'Yes': v['when']})},
                           'branches': {'Yes': [], 'Else': []}}))
    return dict({'name': name, 'description': '', 'isSynchronous': bool(v.get('sync')),
                 'endpointSecurityType': 'customer_optional', 'steps': [trigger] + steps},
                **(v.get('flow') or {}))


KEYS = set('name rule steps take when trigger sync flow flows send calls stub gives chooses trace '
           'fails at payload logs answer counts refused'.split())
CALL_KEYS = set('flow send gives chooses trace fails at payload logs answer counts'.split())


class Case:
    def __init__(self, file, rule, data):
        assert isinstance(data, dict) and not set(data) - KEYS, (file, data)
        self.data = data
        self.name = data['name']
        self.rule = str(data.get('rule', rule))
        self.file = file
        self.stub = bool(data.get('stub'))
        self.refused = data.get('refused')
        self.calls = data.get('calls') or [
            {k: v for k, v in data.items() if k in CALL_KEYS and k != 'flow'}]
        for call in self.calls:
            assert not set(call) - CALL_KEYS, (file, self.name, call)

    @property
    def id(self):
        return '%s %s: %s' % (self.file, self.rule, self.name)

    def flows(self):
        yield flow_of(self.name, self.data)
        for name, v in (self.data.get('flows') or {}).items():
            yield flow_of(name, v)


def read(path):
    with open(path, encoding='utf-8') as f:
        data = yaml.load(f, Loader)
    file = os.path.basename(path)[:-4]
    return [Case(file, data.get('rule'), case) for case in data['cases']]


def read_all():
    found = [case for path in sorted(glob.glob(os.path.join(FOLDER, '*.yml')))
             for case in read(path)]
    names = [case.name for case in found]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, 'cases need names of their own: %s' % twice
    return found
