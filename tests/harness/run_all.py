#!/usr/bin/python3
"""Runs every suite and adds up one verdict line.

Each suite is a row of SUITES: a name, the build it needs and how it is run. Counts come from the
runners' own reports (meson's testlog and JUnit files), so a suite that ran nothing counts as failed."""
import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

PROGRAMS = ['leat', 'leat-controlplane', 'leat-worker']
BUILDS = {
    # name: (compiler, meson options, what is built ahead; [] = everything)
    'asan': ('gcc', ['-Db_sanitize=address,undefined', '-Db_lundef=false', '-Doptimization=1'], []),
    # The other compiler, so that its warnings are seen, too.
    'tsan': ('clang', ['-Db_sanitize=thread', '-Db_lundef=false', '-Doptimization=1'], PROGRAMS),
    'gcc': ('gcc', ['-Dc_args=-D_FORTIFY_SOURCE=2'], PROGRAMS),
}

# Files side by side, since most of a test is waiting; each process has its own PostgreSQL.
SIDE_BY_SIDE = ['-n', '2', '--dist', 'loadfile']

SUITES = [
    # name, build, kind, arguments
    ('lint', 'asan', 'meson', ['--suite', 'lint']),
    ('unit', 'asan', 'meson', ['--suite', 'unit']),
    ('fuzz corpus', 'asan', 'meson', ['--suite', 'fuzz']),
    ('store', 'asan', 'meson', ['--suite', 'db']),
    ('release build', 'gcc', 'build', []),
    ('end to end', 'asan', 'pytest', ['tests/e2e', '-n', '3', '--dist', 'loadfile']),
    ('conformance', 'asan', 'pytest', ['tests/conformance', '-n', '2']),
    ('command line client', 'gcc', 'pytest', ['tests/prism'] + SIDE_BY_SIDE),
    ('faults, short', 'gcc', 'pytest', ['tests/fault', '-n', '4']),
    ('clang build', 'tsan', 'build', []),
    ('threads', 'tsan', 'meson', ['--suite', 'threads']),
    ('threads, end to end', 'tsan', 'pytest', ['tests/e2e', '-m', 'smoke']),
]


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def add(self, passed, failed):
        self.passed += passed
        self.failed += failed


def say(text):
    print(text, flush=True)


def build_dir(name):
    return os.path.join(ROOT, 'build-' + name)


def run(command, env=None, log=None):
    """Runs a command; its output goes to the log file, whose end is shown when it fails."""
    with open(log, 'w') as out:
        code = subprocess.call(command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT)
    if code != 0:
        with open(log, errors='replace') as f:
            sys.stdout.write(''.join(f.readlines()[-60:]))
    return code


def make_build(name, logs):
    compiler, options, targets = BUILDS[name]
    env = dict(os.environ, CC='ccache ' + compiler)
    folder = build_dir(name)
    if not os.path.exists(os.path.join(folder, 'build.ninja')):
        if run(['meson', 'setup', folder] + options, env, logs + '/setup-%s.log' % name) != 0:
            return False
    elif run(['meson', 'setup', '--reconfigure', folder], env, logs + '/setup-%s.log' % name) != 0:
        return False
    return run(['ninja', '-C', folder] + targets, env, logs + '/build-%s.log' % name) == 0


def meson_counts(folder):
    """Subtests of TAP programs and whole programs alike, from meson's JUnit report."""
    path = os.path.join(folder, 'meson-logs', 'testlog.junit.xml')
    passed = failed = 0
    for suite in ElementTree.parse(path).getroot().iter('testsuite'):
        for case in suite.iter('testcase'):
            bad = case.find('failure') is not None or case.find('error') is not None
            skipped = case.find('skipped') is not None
            failed += bad
            passed += not bad and not skipped
    return passed, failed


def run_meson(build, arguments, env, log):
    folder = build_dir(build)
    code = run(['meson', 'test', '-C', folder, '--print-errorlogs', '--num-processes', '2'] +
               arguments, env, log)
    passed, failed = meson_counts(folder)
    if code != 0 and failed == 0:
        failed = 1
    return passed, failed


def run_pytest(build, arguments, env, log):
    report = log[:-4] + '.xml'
    env = dict(env, LEAT_BUILD=build_dir(build), PYTHONPATH=os.path.join(ROOT, 'tests'))
    code = run(['/usr/bin/python3', '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-x' if
                os.environ.get('LEAT_FAIL_FAST') else '-q', '--junitxml', report] + arguments,
               env, log)
    passed = failed = 0
    if os.path.exists(report):
        for case in ElementTree.parse(report).getroot().iter('testcase'):
            bad = case.find('failure') is not None or case.find('error') is not None
            failed += bad
            passed += not bad and case.find('skipped') is None
    if (code != 0 and failed == 0) or (passed == 0 and failed == 0):
        failed += 1
    return passed, failed


def sanitizer_env():
    return dict(
        os.environ,
        ASAN_OPTIONS='abort_on_error=1:handle_segv=2:detect_stack_use_after_return=1',
        UBSAN_OPTIONS='halt_on_error=1:print_stacktrace=1',
        LSAN_OPTIONS='suppressions=' + os.path.join(ROOT, 'tests/lsan.supp'),
        TSAN_OPTIONS='halt_on_error=1:second_deadlock_stack=1:suppressions=' +
        os.path.join(ROOT, 'tests/tsan.supp'))


def run_suite(suite, logs, built):
    name, build, kind, arguments = suite
    if build not in built:
        built[build] = make_build(build, logs)
    if not built[build]:
        return 0, 1
    if kind == 'build':
        return 1, 0
    log = os.path.join(logs, name.replace(', ', '-').replace(' ', '-') + '.log')
    runner = {'meson': run_meson, 'pytest': run_pytest}[kind]
    return runner(build, arguments, sanitizer_env(), log)


def main():
    parser = argparse.ArgumentParser(prog='tests/run', description='Runs the test suites of Leat.')
    parser.add_argument('suites', nargs='*', help='only these: ' + ', '.join(s[0] for s in SUITES))
    parser.add_argument('--list', action='store_true', help='list the suites and end')
    options = parser.parse_args()
    if options.list:
        say('\n'.join(s[0] for s in SUITES))
        return 0
    unknown = [name for name in options.suites if name not in [s[0] for s in SUITES]]
    if unknown:
        parser.error('no suite named "%s"; --list shows them' % unknown[0])
    logs = os.path.join(ROOT, 'build-logs')
    os.makedirs(logs, exist_ok=True)
    tally, built = Tally(), {}
    for suite in SUITES:
        if options.suites and suite[0] not in options.suites:
            continue
        start = time.monotonic()
        say('%s ...' % suite[0])
        passed, failed = run_suite(suite, logs, built)
        tally.add(passed, failed)
        say('%s: %d passed, %d failed (%d s)' % (suite[0], passed, failed,
                                                 time.monotonic() - start))
    say('%d passed, %d failed' % (tally.passed, tally.failed))
    return 1 if tally.failed or not tally.passed else 0


sys.exit(main())
