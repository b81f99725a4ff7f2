"""What tests take from npm: a folder with package.json and lock file, installed once."""
import os
import subprocess


def node_modules(folder):
    modules = os.path.join(folder, 'node_modules')
    stamp = os.path.join(modules, '.installed')
    with open(os.path.join(folder, 'package-lock.json')) as f:
        lock = f.read()
    if not os.path.exists(stamp) or open(stamp).read() != lock:
        done = subprocess.run(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'],
                              cwd=folder, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, 'npm ci: %s%s' % (done.stdout, done.stderr)
        with open(stamp, 'w') as f:
            f.write(lock)
    return modules
