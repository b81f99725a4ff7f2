"""The product's expression code as a function: the program conformance-evaluate, kept running."""
import json
import subprocess

from harness.process import sanitizer_env
from harness.stack import program


class Evaluator:
    def __init__(self):
        self.child = subprocess.Popen([program('tests/conformance/conformance-evaluate')],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      env=sanitizer_env())

    def ask(self, **question):
        self.child.stdin.write(json.dumps(question).encode() + b'\n')
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        assert line, 'the evaluator ended: status %s' % self.child.wait()
        return json.loads(line)

    def close(self):
        self.child.stdin.close()
        assert self.child.wait(30) == 0
