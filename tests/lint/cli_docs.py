#!/usr/bin/python3
"""docs/cli.md is what the command prints of itself: cli_docs.py DOCS LEAT"""
import subprocess
import sys

printed = subprocess.run([sys.argv[2], '--print-docs'], capture_output=True, text=True,
                         check=True).stdout
same = printed == open(sys.argv[1]).read()
print('1..1\n%s 1 - docs/cli.md' % ('ok' if same else 'not ok'))
if not same:
    print('# leat --print-docs > docs/cli.md')
sys.exit(0 if same else 1)
