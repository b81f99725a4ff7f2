#!/usr/bin/python3
"""Runs a command beside a private PostgreSQL: with_postgres.py COMMAND...

The command finds the connection URL of an empty database in LEAT_TEST_POSTGRES. As root the server
runs as the user postgres. Everything is in a temporary folder and gone afterwards."""
import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time


def as_postgres():
    """Popen arguments that leave root's identity."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam('postgres')
    return {'user': user.pw_uid, 'group': user.pw_gid, 'extra_groups': []}


def main():
    bin_dir = sorted(glob.glob('/usr/lib/postgresql/*/bin'))[-1]
    folder = tempfile.mkdtemp(prefix='leat-pg-')
    who = as_postgres()
    if who:
        shutil.chown(folder, 'postgres')
    data = os.path.join(folder, 'data')
    subprocess.run([bin_dir + '/initdb', '-D', data, '-U', 'leat', '-A', 'trust', '-E', 'UTF8',
                    '--locale', 'C.UTF-8', '--no-sync'], check=True, stdout=subprocess.DEVNULL,
                   cwd=folder, **who)
    server = subprocess.Popen([bin_dir + '/postgres', '-D', data, '-k', folder, '-c',
                               'listen_addresses=', '-c', 'fsync=off'],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
                              **who)
    try:
        url = 'postgresql:///postgres?host=%s&user=leat' % folder
        for _ in range(200):
            if subprocess.call([bin_dir + '/pg_isready', '-q', '-d', url]) == 0:
                break
            time.sleep(0.05)
        return subprocess.call(sys.argv[1:], env=dict(os.environ, LEAT_TEST_POSTGRES=url))
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


sys.exit(main())
