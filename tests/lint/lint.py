#!/usr/bin/python3
"""House rules that a machine can check. Each check is a function in CHECKS; it yields
"file:line: words". Run by `meson test --suite lint` as TAP."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
C_DIRS = ('common', 'proto', 'worker', 'controlplane')
HARD_CAP = 1000

# An include from the left side may only reach the modules on the right side.
REACHES = {
    'common': ('common',),
    'proto': ('common', 'proto'),
    'worker': ('common', 'proto', 'worker'),
    'controlplane': ('common', 'proto', 'controlplane'),
}
# Inside the control plane: folder -> folders it may not include.
CONTROLPLANE_REFUSED = {
    'domain': ('store', 'http', 'hooks', 'api', 'dispatch', 'recorder', 'schedule', 'cli'),
    'store': ('http', 'hooks', 'api', 'dispatch', 'recorder', 'schedule', 'cli', 'definitions'),
    'dispatch': ('http', 'hooks', 'api', 'recorder', 'schedule', 'cli'),
    'recorder': ('http', 'hooks', 'api', 'dispatch', 'schedule', 'cli'),
    'hooks': ('api', 'recorder', 'schedule', 'cli'),
    'http': ('recorder', 'schedule', 'cli', 'dispatch'),
}
# Only these folders may include a library's header.
LIBRARY_HOMES = {
    # The component speaks to databases of customers; the platform's own is the store's alone.
    'libpq-fe.h': ('controlplane/store/', 'worker/components/postgres/'),
    'hiredis.h': ('worker/components/redis/',),
    'libssh2.h': ('worker/components/sftp/',),
    'libssh2_sftp.h': ('worker/components/sftp/',),
    'nats/nats.h': ('proto/bus',),
    'nats.h': ('proto/bus',),
    'curl/curl.h': ('worker/net/',),
    'h2o.h': ('controlplane/http/', 'controlplane/hooks/'),
    'yaml.h': ('common/definition/',),
}
BANNED = ('strcpy strcat sprintf vsprintf strncpy strtok gets atoi atol atoll atof localtime gmtime '
          'ctime asctime alloca rand srand system popen setjmp longjmp usleep sleep').split()


def tracked(*suffixes):
    out = subprocess.run(['git', 'ls-files'], cwd=ROOT, capture_output=True, text=True)
    if out.returncode == 0 and out.stdout:
        names = out.stdout.split('\n')
    else:
        names = []
        for folder, dirs, files in os.walk(ROOT):
            dirs[:] = [d for d in dirs if not d.startswith(('build', '.git', 'node_modules'))]
            names += [os.path.relpath(os.path.join(folder, f), ROOT) for f in files]
    return sorted(n for n in names if n.endswith(suffixes) and os.path.exists(os.path.join(ROOT, n)))


def c_sources():
    return [n for n in tracked('.c', '.h') if n.split('/')[0] in C_DIRS]


def read(name):
    with open(os.path.join(ROOT, name), encoding='utf-8') as f:
        return f.read()


def without_comments_and_strings(text):
    """Blanks comments and literals, keeps lines."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r'[^\n]', ' ', m.group()), text)


def check_file_length():
    for name in tracked('.c', '.h', '.py', '.sql', '.ts', '.tsx', '.graphql'):
        lines = read(name).count('\n')
        if lines >= HARD_CAP:
            yield '%s:1: %d lines; split it by noun (the cap is %d)' % (name, lines, HARD_CAP)


def check_include_direction():
    homes = {}
    for name in tracked('.h'):
        homes.setdefault(os.path.basename(name), set()).add(name)
    for name in c_sources():
        part = name.split('/')[0]
        for number, line in enumerate(read(name).split('\n'), 1):
            m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not m:
                continue
            found = [h for h in homes.get(os.path.basename(m.group(1)), ())
                     if h.endswith('/' + m.group(1))]
            for header in found:
                if len(found) == 1 and header.split('/')[0] not in REACHES[part]:
                    yield '%s:%d: %s may not include %s' % (name, number, part, header)
                if part == 'controlplane' and header.startswith('controlplane/'):
                    own, other = name.split('/')[1], header.split('/')[1]
                    if len(found) == 1 and other in CONTROLPLANE_REFUSED.get(own, ()):
                        yield '%s:%d: %s may not include %s' % (name, number, own, header)


def check_libraries():
    for name in c_sources():
        for number, line in enumerate(read(name).split('\n'), 1):
            m = re.match(r'\s*#\s*include\s+<([^>]+)>', line)
            homes = LIBRARY_HOMES.get(m.group(1)) if m else None
            if homes and not name.startswith(homes):
                yield '%s:%d: <%s> is known to %s only' % (name, number, m.group(1),
                                                           ' and '.join(homes))


def check_banned_calls():
    pattern = re.compile(r'(?<![\w.>])(%s)\s*\(' % '|'.join(BANNED))
    for name in c_sources():
        text = without_comments_and_strings(read(name))
        for number, line in enumerate(text.split('\n'), 1):
            m = pattern.search(line)
            if m:
                yield '%s:%d: %s() is banned' % (name, number, m.group(1))


def check_headers():
    for name in c_sources():
        text = read(name)
        if name.endswith('.h') and '#pragma once' not in text:
            yield '%s:1: a header begins with its comment and #pragma once' % name
        if not text.startswith('/*'):
            yield '%s:1: a file begins with a comment that says what it owns' % name


def check_cleanup():
    pattern = re.compile(r'AUTO\(\w+\)\s+(?:const\s+)?(?:struct\s+)?\w+\s+[^;=]*;')
    for name in c_sources():
        text = without_comments_and_strings(read(name))
        for number, line in enumerate(text.split('\n'), 1):
            if pattern.search(line):
                yield '%s:%d: an AUTO local is initialised where it is declared' % (name, number)


def check_format():
    names = c_sources() + [n for n in tracked('.c') if n.startswith('tests/')]
    try:
        out = subprocess.run(['clang-format', '--dry-run', '-Werror', '--style=file'] + names,
                             cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return
    seen = set()
    for line in out.stderr.split('\n'):
        m = re.match(r'([^:]+):(\d+):\d+: error', line)
        if m and m.group(1) not in seen:
            seen.add(m.group(1))
            yield '%s:%s: not formatted: clang-format -i %s' % (m.group(1), m.group(2), m.group(1))


def check_sql_place():
    pattern = re.compile(r'"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM)\s')
    for name in c_sources():
        if name.startswith(('controlplane/store/', 'controlplane/api/gql_',
                            'worker/components/postgres/')):  # a third party's tables
            continue
        for number, line in enumerate(read(name).split('\n'), 1):
            if pattern.search(line):
                yield '%s:%d: SQL lives in controlplane/store/sql' % (name, number)


def check_text():
    for name in tracked('.c', '.h', '.py', '.sql', '.md', '.build', '.yml', '.graphql'):
        text = read(name)
        for number, line in enumerate(text.split('\n'), 1):
            if line != line.rstrip() and not name.endswith(('.md', '.yml')):
                yield '%s:%d: blanks at the end of the line' % (name, number)
            if '\t' in line and name.endswith(('.c', '.h', '.py', '.sql')):
                yield '%s:%d: a tab' % (name, number)


CHECKS = [
    check_file_length,
    check_include_direction,
    check_libraries,
    check_banned_calls,
    check_headers,
    check_cleanup,
    check_format,
    check_sql_place,
    check_text,
]


def main():
    print('1..%d' % len(CHECKS))
    failed = False
    for number, check in enumerate(CHECKS, 1):
        found = list(check())
        failed = failed or bool(found)
        print('%s %d - %s' % ('not ok' if found else 'ok', number, check.__name__[6:]))
        for line in found[:40]:
            print('# ' + line)
    return 1 if failed else 0


sys.exit(main())
