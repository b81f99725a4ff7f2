"""The two load generators: wrk (as fast as the connections allow) and openloop (a constant rate)."""
import json
import os
import subprocess

from services import Failure

HERE = os.path.dirname(os.path.abspath(__file__))
BODY_BYTES = 1007


def write_body(path):
    """An order of exactly BODY_BYTES bytes."""
    order = {
        'id': 'ord-2024-000117', 'priority': 'normal', 'currency': 'EUR', 'total': 381.4,
        'customer': {'name': 'Ada Lindqvist', 'city': 'Uppsala', 'email': 'ada@shop.example',
                     'loyalty': {'tier': 'silver', 'since': '2019-04-01'}},
        'lines': [{'sku': 'SKU-%04d' % (17 * i), 'title': 'Article number %d' % i, 'quantity': i,
                   'price': 9.95 * i, 'tags': ['stock', 'eu']} for i in range(1, 7)],
        'note': '',
    }
    missing = BODY_BYTES - len(json.dumps(order, separators=(',', ':')))
    if missing < 0:
        raise Failure('the body is too long by %d bytes' % -missing)
    order['note'] = ('please ring twice ' * 60)[:missing]
    with open(path, 'w') as f:
        f.write(json.dumps(order, separators=(',', ':')))


def write_json(path, value):
    with open(path, 'w') as f:
        json.dump(value, f, separators=(',', ':'))


def run_wrk(body, url, connections, seconds):
    """{requests, per_second, refused, broken, p50_us, ...}; refused are answers that are not 2xx."""
    out = subprocess.run(['wrk', '--threads', '1', '--connections', str(connections), '--duration',
                          '%ds' % seconds, '--timeout', '10s', '--script', HERE + '/post.lua', url],
                         env=dict(os.environ, BENCH_BODY=body), capture_output=True, text=True)
    if out.returncode != 0:
        raise Failure('wrk: ' + out.stderr)
    figures = json.loads(out.stdout.strip().split('\n')[-1])
    figures['good'] = figures['requests'] - figures['refused']
    figures['per_second'] = figures['good'] / (figures['microseconds'] / 1e6)
    return figures


def run_openloop(services, body, path, rate, seconds, header='', recorded=False):
    args = [services.program('tests/bench/bench_openloop'), '--port', str(services.port), '--path',
            path, '--body-file', body, '--rate', str(rate), '--seconds', str(seconds)]
    if header:
        args += ['--header', header]
    if recorded:
        args += ['--postgres', services.postgres_url]
    out = subprocess.run(args, capture_output=True, text=True)
    if out.returncode != 0:
        raise Failure('openloop: ' + out.stderr)
    return json.loads(out.stdout)
