#!/usr/bin/python3
"""Turns sql/*.sql into the table of named queries: gen_queries.py OUT.h OUT.c FILE...

A query starts at a line "-- name: some_name" and ends at the next one."""
import os
import re
import sys


def read(files):
    queries = {}
    for path in sorted(files, key=os.path.basename):
        name, lines = None, []
        for line in open(path):
            m = re.match(r'-- name: ([a-z][a-z0-9_]*)\s*$', line)
            if m:
                add(queries, name, lines, path)
                name, lines = m.group(1), []
            elif name:
                if not line.lstrip().startswith('--'):
                    lines.append(line.rstrip())
            elif line.strip() and not line.startswith('--'):
                sys.exit('%s: SQL before the first "-- name:"' % path)
        add(queries, name, lines, path)
    return queries


def add(queries, name, lines, path):
    if name is None:
        return
    text = '\n'.join(lines).strip().rstrip(';')
    if not text or name in queries:
        sys.exit('%s: query %s is empty or defined twice' % (path, name))
    queries[name] = text


def main():
    out_h, out_c, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    queries = read(files)
    names = sorted(queries)
    with open(out_h, 'w') as h:
        h.write('/* Generated from store/sql by gen_queries.py; do not edit. */\n#pragma once\n\n')
        h.write('enum query_id {\n%s    _QUERY_N\n};\n' %
                ''.join('    QUERY_%s,\n' % n.upper() for n in names))
        h.write('struct query {\n    const char *name;\n    const char *sql;\n};\n')
        h.write('extern const struct query query_table[_QUERY_N];\n')
    with open(out_c, 'w') as c:
        c.write('/* Generated from store/sql by gen_queries.py; do not edit. */\n#include "queries.h"\n\n')
        c.write('const struct query query_table[_QUERY_N] = {\n')
        for n in names:
            text = queries[n].replace('\\', '\\\\').replace('"', '\\"')
            text = '\n'.join('     "%s\\n"' % line for line in text.split('\n'))
            c.write('    {"%s",\n%s},\n' % (n, text))
        c.write('};\n')


main()
