"""What the schema files say beyond introspection: who may use a field, and what ids are of.

Only definitions are read, by a small parser of the schema language; the files extend each other."""
import glob
import os
import re

from harness.people import CUSTOMER_ROLES, ORGANIZATION_ROLES
from harness.stack import ROOT

TOKEN = re.compile(r'"""(?:[^"]|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"|[A-Za-z_]\w*|-?\d[\d.]*|[!()\[\]{}:=@|&,]'
                   r'|#[^\n]*|\s+')
ANYBODY = {'org': 'guest', 'customer': 'customer_member'}


class Field:
    def __init__(self):
        self.directives = []  # (name, {argument: text})
        self.args = {}        # name -> Field
        self.type = None      # the innermost name

    def directive(self, name):
        return next((args for n, args in self.directives if n == name), None)


class Type(Field):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.fields = {}


class Reader:
    def __init__(self, text):
        tokens = [t for t in TOKEN.findall(text) if not t.isspace() and t[0] not in '#,']
        # Descriptions stand for themselves; a text after ":" is a value.
        self.tokens = [t for i, t in enumerate(tokens)
                       if not t.startswith('"') or tokens[i - 1] in ':=[' or (
                           not t.startswith('"""') and tokens[i - 1].startswith('"'))]
        self.at = 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ''

    def next(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def skip(self, token):
        found = self.peek() == token
        self.at += found
        return found

    def value(self):
        if self.skip('['):
            items = []
            while not self.skip(']'):
                items.append(self.value())
            return items
        return self.next().strip('"')

    def directives(self):
        made = []
        while self.skip('@'):
            name, args = self.next(), {}
            if self.skip('('):
                while not self.skip(')'):
                    key = self.next()
                    assert self.skip(':'), 'a directive of the schema: @%s' % name
                    args[key] = self.value()
            made.append((name, args))
        return made

    def type_name(self):
        inner = self.next()
        while inner == '[':
            inner = self.next()
        while self.peek() in (']', '!') and self.peek():
            self.next()
        return inner

    def inputs(self, end):
        made = {}
        while not self.skip(end):
            field = made[self.next()] = Field()
            assert self.skip(':')
            field.type = self.type_name()
            if self.skip('='):
                self.value()
            field.directives = self.directives()
        return made

    def fields(self):
        made = {}
        while not self.skip('}'):
            field = made[self.next()] = Field()
            if self.skip('('):
                field.args = self.inputs(')')
            assert self.skip(':')
            field.type = self.type_name()
            field.directives = self.directives()
        return made

    def definition(self, types):
        self.skip('extend')
        kind = self.next()
        if kind == 'directive':
            while self.next() != 'on':
                pass
            self.next()
            while self.skip('|'):
                self.next()
            return
        made = types.setdefault(self.next(), Type(kind))
        if self.skip('implements'):
            while self.peek() not in ('@', '{', '') and (self.skip('&') or self.next()):
                pass
        made.directives += self.directives()
        if kind == 'enum' and self.skip('{'):
            while not self.skip('}'):
                self.next()
                self.directives()
        elif kind == 'input' and self.skip('{'):
            made.fields.update(self.inputs('}'))
        elif kind in ('type', 'interface') and self.skip('{'):
            made.fields.update(self.fields())


class Schema:
    def __init__(self):
        self.types = {}
        for path in sorted(glob.glob(os.path.join(ROOT, 'controlplane/api/schema/*.graphql'))):
            with open(path) as f:
                reader = Reader(f.read())
            while reader.peek():
                reader.definition(self.types)

    def field(self, type_name, name):
        """None for what is made by the server: connections, their arguments."""
        made = self.types.get(type_name)
        return made.fields.get(name) if made else None

    def says_who(self, type_name, name):
        return self.field(type_name, name).directive('role') is not None

    def role(self, type_name, name):
        """{'org': lowest role, 'customer': lowest role or None}."""
        field, owner = self.field(type_name, name), self.types.get(type_name)
        said = (field and field.directive('role')) or (owner and owner.directive('role'))
        return {'customer': None, **said} if said else ANYBODY

    def allows(self, person, type_name, name):
        """Whether a Person may use the field."""
        role = self.role(type_name, name)
        if not person.of_customer:
            return person.level >= ORGANIZATION_ROLES.index(role['org'])
        return role['customer'] is not None and (
            person.level >= CUSTOMER_ROLES.index(role['customer']))

    def id_type(self, type_name, field_name, argument, node=None):
        """The type of the object whose id the argument takes, where the schema tells it."""
        field = self.field(type_name, field_name)
        own = field.args.get(argument) if field else None
        where = own.directive('where') if own else None
        if where:
            return where.get('gid')
        for name, args in self.types[node].directives if node in self.types else []:
            if name == 'arg' and args['name'] == argument:
                return args.get('gid')
        return None

    def table(self, type_name):
        """The table that holds the objects of a type; None when there is none."""
        made = self.types.get(type_name)
        table = made.directive('table') if made else None
        found = re.match(r'(\w+) \{t\}', table['from']) if table else None
        return found.group(1) if found else None
