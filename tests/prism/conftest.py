"""The field's own command line client, unchanged, against a live control plane."""
import json
import os
import re
import shutil
import subprocess

import pytest

from harness import flows as f
from harness.npm import node_modules

HERE = os.path.dirname(os.path.abspath(__file__))
NODE_LEAST = 20


class PrismError(AssertionError):
    pass


class Prism:
    def __init__(self, stack, token, folder):
        self.folder = folder
        self.main = os.path.join(node_modules(HERE), '@prismatic-io', 'prism', 'lib', 'run.js')
        self.env = {'PATH': os.environ['PATH'], 'HOME': folder, 'PRISMATIC_URL': stack.url,
                    'PRISM_ACCESS_TOKEN': token, 'PRISM_QUIET': '1', 'NO_COLOR': '1'}

    def path(self, name, text=None):
        """A file in the folder where the client runs."""
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(path, 'w') as file:
                file.write(text if isinstance(text, str) else json.dumps(text))
        return path

    def run(self, *arguments):
        return subprocess.run([shutil.which('node'), self.main, *arguments], env=self.env,
                              cwd=self.folder, capture_output=True, text=True, timeout=120)

    def __call__(self, *arguments):
        """What a command that must succeed prints."""
        done = self.run(*arguments)
        if done.returncode != 0:
            raise PrismError('prism %s: %d\n%s%s' % (' '.join(arguments), done.returncode,
                                                      done.stdout, done.stderr))
        return done.stdout.strip()

    def fails(self, *arguments):
        """What a command that must fail says."""
        done = self.run(*arguments)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def rows(self, *arguments):
        """The rows of a listing, with all columns, as dictionaries."""
        return json.loads(self(*arguments, '--extended', '--output', 'json'))


def node_version():
    node = shutil.which('node')
    text = subprocess.run([node, '--version'], capture_output=True, text=True).stdout if node else ''
    found = re.match(r'v(\d+)', text)
    return int(found.group(1)) if found else 0


@pytest.fixture(scope='module')
def prism(stack, tenant, tmp_path_factory):
    if node_version() < NODE_LEAST:
        pytest.skip('the client needs Node.js %d' % NODE_LEAST)
    return Prism(stack, tenant.api.token, str(tmp_path_factory.mktemp('prism')))


@pytest.fixture(scope='module')
def orders(prism):
    """The id of an imported integration of one flow."""
    definition = f.integration('Orders', f.flow(
        'Main', f.trigger(), f.join('Greet', 'order ', f.ref('start.results.body.data.n'))))
    return prism('integrations:import', '--path', prism.path('orders.yml', definition))
