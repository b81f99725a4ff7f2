"""Calls of every operation of the API, made from introspection and the schema files.

Arguments are made by type and name: ids from a registry, texts by what their name means, the rest
the simplest that fits. What this cannot guess is said in VALUES and ID_TYPES below."""
import itertools
import json

from harness import flows as f

numbers = itertools.count(1)

INTROSPECTION = '''{ __schema { types { kind name
  fields(includeDeprecated: true) { name args { name defaultValue type { ...Ref } } type { ...Ref } }
  inputFields { name type { ...Ref } } enumValues { name } } } }
  fragment Ref on __Type { kind name ofType { kind name ofType { kind name
    ofType { kind name ofType { kind name } } } } }'''

DEFINITION = json.dumps(f.integration('Made', f.flow('Main', f.trigger())))

# What a text, number or object is by its name; (operation, name) goes before name alone, and is
# given also where the schema does not ask for it. A function is called, so that each call gets a fresh one.
VALUES = {
    'email': lambda: 'made-%d@example.com' % next(numbers),
    'name': lambda: 'Made %d' % next(numbers),
    'externalId': lambda: 'made-%d' % next(numbers),
    'stableKey': lambda: 'made-%d' % next(numbers),
    'definition': DEFINITION,
    'url': 'https://example.com/made',
    'eventTypes': 'customer.created',
    'avatarUrl': 'https://example.com/made.png',
    'fileName': 'made.png',
    'contentType': 'application/json',
    'headers': '{}',
    'payload': '{}',
    'startedAt': '2026-01-01T00:00:00Z',
    ('removeFifoQueueItems', 'itemCount'): 1,
    ('createAlertGroup', 'name'): 'Made',
    ('createScopedConfigVariable', 'key'): lambda: 'Made %d' % next(numbers),
    ('createScopedConfigVariable', 'variableScope'): 'customer',
    ('createScopedConfigVariable', 'managedBy'): 'customer',
    ('createCustomerConfigVariable', 'key'): lambda: 'Made %d' % next(numbers),
}

# Of which type an id is, where neither the schema nor the name tells.
ID_TYPES = {
    ('testIntegrationFlow', 'id'): 'IntegrationFlow',
    ('testInstanceFlowConfig', 'id'): 'InstanceFlowConfig',
    ('importIntegration', 'integrationId'): 'Integration',
    ('forkIntegration', 'parent'): 'Integration',
    ('uploadMedia', 'objectId'): 'Integration',
    ('integrationDiff', 'from'): 'Integration',
    ('integrationDiff', 'to'): 'Integration',
    'flowId': 'IntegrationFlow',
    'flow': 'IntegrationFlow',
    'resourceId': 'OnPremiseResource',
    ('createScopedConfigVariable', 'parent'): 'ScopedConfigVariable',
    'customerConfigVariableId': 'CustomerConfigVariable',
    'connection': 'Connection',
}

OUTER = {'NON_NULL', 'LIST'}


def named(ref):
    while ref['kind'] in OUTER:
        ref = ref['ofType']
    return ref


def text_of(ref):
    if ref['kind'] == 'NON_NULL':
        return text_of(ref['ofType']) + '!'
    return '[%s]' % text_of(ref['ofType']) if ref['kind'] == 'LIST' else ref['name']


def is_list(ref):
    return ref['kind'] == 'LIST' or (ref['kind'] == 'NON_NULL' and is_list(ref['ofType']))


class Operation:
    def __init__(self, calls, root, field):
        self.calls = calls
        self.root = root  # "Query" or "Mutation"
        self.field = field
        self.name = field['name']
        self.type = named(field['type'])['name']
        self.node = self.type[:-len('Connection')] if self.type.endswith('Connection') else self.type
        # path -> type of the ids it takes; a path is (argument,) or ('input', field, ...)
        self.ids = {}
        self.required_ids = set()
        self.unknown = []  # what somebody must say
        if root == 'Query':
            for arg in field['args']:
                self._look(arg, (arg['name'],), arg['type'])
        else:
            self._look_into(named(self._input()['type'])['name'], ('input',), True, 0)

    def _input(self):
        found = [a for a in self.field['args'] if a['name'] == 'input']
        assert found, '%s takes no input' % self.name
        return found[0]

    def _look_into(self, type_name, path, required, depth):
        for inner in self.calls.types[type_name]['inputFields'] if depth < 4 else []:
            self._look(inner, path + (inner['name'],), inner['type'], required, depth)

    def _look(self, arg, path, ref, required=True, depth=0):
        kind, needed = named(ref), ref['kind'] == 'NON_NULL'
        if kind['name'] == 'ID':
            self.ids[path] = self.calls.id_type(self, path)
            if not self.ids[path]:
                self.unknown.append('%s: of which type is the id %s? Say it in ID_TYPES of %s' % (
                    self.name, '.'.join(path), __file__))
            if required and (needed or path == ('input', 'id')):
                self.required_ids.add(path)
        elif kind['kind'] == 'INPUT_OBJECT' and not kind['name'].endswith('Order'):
            self._look_into(kind['name'], path, required and needed, depth + 1)

    @property
    def payload_object(self):
        """(field, type) of the object in a mutation's payload; None when it has none."""
        made = self.calls.schema.types[self.type].fields if self.type in self.calls.schema.types \
            else {}
        for name, field in made.items():
            if field.directive('result') is not None:
                return name, field.type
        return None

    def arguments(self, ids, also=()):
        """ids: type -> global id. Required arguments, and the optional ids whose paths are given."""
        wanted = self.required_ids | set(also)
        made = {}
        for arg in self.field['args']:
            value = self._value(arg, (arg['name'],), arg['type'], ids, wanted,
                                arg['defaultValue'] is not None)
            if value is not None:
                made[arg['name']] = value
        return made

    def _value(self, arg, path, ref, ids, wanted, has_default=False):
        kind = named(ref)
        needed = ref['kind'] == 'NON_NULL' and not has_default
        inside = any(w[:len(path)] == path for w in wanted)
        if not needed and not inside and (self.name, path[-1]) not in VALUES:
            return None
        if kind['name'] == 'ID':
            value = ids(self.ids[path])
        elif kind['kind'] == 'INPUT_OBJECT' and (self.name, path[-1]) not in VALUES:
            inner = self.calls.types[kind['name']]['inputFields']
            made = {i['name']: self._value(i, path + (i['name'],), i['type'], ids, wanted)
                    for i in inner}
            value = {k: v for k, v in made.items() if v is not None}
        else:
            value = self.calls.scalar(self.name, path[-1], kind)
        return [value] if is_list(ref) and not isinstance(value, list) else value

    def document(self, selection):
        args = self.field['args']
        if not selection and self.calls.types[self.type]['kind'] == 'OBJECT':
            selection = '{ __typename }'
        head = ', '.join('$%s: %s' % (a['name'], text_of(a['type'])) for a in args)
        body = ', '.join('%s: $%s' % (a['name'], a['name']) for a in args)
        return '%s%s { %s%s %s }' % ('mutation' if self.root == 'Mutation' else 'query',
                                     '(%s)' % head if head else '', self.name,
                                     '(%s)' % body if body else '', selection)


class Calls:
    def __init__(self, api, schema):
        self.schema = schema
        got = api.ask(INTROSPECTION)['__schema']['types']
        self.types = {t['name']: t for t in got}

    def operations(self, root):
        return [Operation(self, root, field) for field in self.types[root]['fields']]

    def id_type(self, operation, path):
        """The type of the ids that an argument takes."""
        name = path[-1]
        for key in ((operation.name, name), name):
            if key in ID_TYPES:
                return ID_TYPES[key]
        if operation.root == 'Query':
            told = self.schema.id_type('Query', operation.name, name, operation.node)
            if told:
                return told
        if name == 'id' and operation.root == 'Mutation' and operation.payload_object:
            return operation.payload_object[1]
        guess = name[0].upper() + name[1:]
        for ending in ('', 'Id', 's', 'Ids'):
            if guess.endswith(ending) and guess[:len(guess) - len(ending)] in self.schema.types:
                return guess[:len(guess) - len(ending)]
        for ending in ('', 'Id', 's', 'Ids'):  # "triggers" of AlertTrigger
            short = guess[:len(guess) - len(ending)] if guess.endswith(ending) else ''
            for type_name in sorted(self.schema.types, key=len) if short else []:
                if type_name.endswith(short) and self.schema.table(type_name):
                    return type_name
        if name == 'id' and operation.root == 'Query':
            return operation.node
        if operation.root == 'Mutation':
            for type_name in sorted(self.schema.types, key=len, reverse=True):
                if type_name in operation.name and self.schema.table(type_name):
                    return type_name
        return None

    def scalar(self, operation, name, kind):
        for key in ((operation, name), name):
            if key in VALUES:
                return VALUES[key]() if callable(VALUES[key]) else VALUES[key]
        if kind['kind'] == 'ENUM':
            return self.types[kind['name']]['enumValues'][0]['name']
        simple = {'String': 'made', 'Int': 1, 'BigInt': 1, 'Float': 1.5, 'Boolean': True,
                  'JSONString': '{}', 'JSON': {}, 'JSONOrString': '{}',
                  'DateTime': '2026-01-01T00:00:00Z', 'Date': '2026-01-01',
                  'UUID': '00000000-0000-7000-8000-000000000000'}
        assert kind['name'] in simple, '%s: what is a %s? Say it in VALUES of %s' % (
            operation, kind['name'], __file__)
        return simple[kind['name']]

    # ---- selections ----

    def fields(self, type_name):
        return self.types[type_name]['fields'] or []

    def selection(self, type_name, may, depth):
        """Everything that may be asked without arguments, to a depth; "" for scalars.
        may(type, field) says what the asker's role allows."""
        if self.types[type_name]['kind'] not in ('OBJECT', 'INTERFACE'):
            return ''
        parts = []
        for field in self.fields(type_name):
            inner = named(field['type'])
            if not may(type_name, field['name']) or any(
                    a['type']['kind'] == 'NON_NULL' and a['defaultValue'] is None
                    for a in field['args']):
                continue
            if inner['kind'] in ('SCALAR', 'ENUM'):
                parts.append(field['name'])
                continue
            paged = inner['name'].endswith(('Connection', 'Edge', 'PageInfo'))
            chosen = self.selection(inner['name'], may, depth - (not paged)) \
                if depth > 0 and not inner['name'].endswith('Edge') else ''
            if chosen:
                page = '(first: 3)' if any(a['name'] == 'first' for a in field['args']) else ''
                parts.append('%s%s %s' % (field['name'], page, chosen))
        return '{ %s }' % ' '.join(parts) if parts else ''

    def path_to(self, type_name, may):
        """(query operation, [fields from its type to the other]) that leads to a type."""
        seen, todo = set(), [(o, o.type, []) for o in self.operations('Query')
                             if may('Query', o.name)]
        while todo:
            operation, at, path = todo.pop(0)
            if at == type_name:
                return operation, path
            if at in seen:
                continue
            seen.add(at)
            for field in self.fields(at):
                inner = named(field['type'])
                if inner['kind'] == 'OBJECT' and may(at, field['name']) and not any(
                        a['type']['kind'] == 'NON_NULL' for a in field['args']):
                    todo.append((operation, inner['name'], path + [field['name']]))
        return None
