#!/usr/bin/python3
"""docs/config.md is what the programs print: config_docs.py DOCS PROGRAM..."""
import subprocess
import sys

docs, programs = open(sys.argv[1]).read(), sys.argv[2:]
print('1..%d' % len(programs))
failed = False
for number, program in enumerate(programs, 1):
    printed = subprocess.run([program, '--print-config'], capture_output=True, text=True,
                             check=True).stdout
    same = printed.strip() and printed.strip() in docs
    failed = failed or not same
    print('%s %d - %s' % ('ok' if same else 'not ok', number, program.split('/')[-1]))
sys.exit(1 if failed else 0)
