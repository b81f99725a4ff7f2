"""What PostgreSQL says: rows recorded, transactions, log bytes."""
import time

import psycopg

from services import Failure

MARGIN = 4096  # pages at the end that a running transaction may still be filling


class RowCounter:
    """Counts the rows of an insert-only table without reading it all again each time: whole pages
    are counted once."""

    def __init__(self, database, table):
        self.database, self.table = database, table
        self.counted = {}  # partition -> (pages counted, rows in them)

    def partitions(self):
        return self.database.rows(
            'SELECT inhrelid::regclass::text, pg_relation_size(inhrelid) / 8192 FROM pg_inherits '
            'WHERE inhparent = %s::regclass', self.table)

    def rows_in(self, partition, first, last):
        return self.database.one(
            'SELECT count(*) FROM %s WHERE ctid >= %%s::tid AND ctid < %%s::tid' % partition,
            '(%d,0)' % first, '(%d,0)' % last)

    def count(self):
        total = 0
        for partition, pages in self.partitions():
            if not pages:
                continue
            done, rows = self.counted.get(partition, (0, 0))
            whole = max(done, pages - MARGIN)
            if whole > done:
                rows += self.rows_in(partition, done, whole)
                self.counted[partition] = (whole, rows)
            total += rows + self.rows_in(partition, whole, 2 ** 32 - 2)
        return total


class Database:
    def __init__(self, services):
        self.connection = psycopg.connect(services.postgres_url, autocommit=True)
        self.outside = psycopg.connect(services.database_url('postgres'), autocommit=True)
        self.own = 0  # transactions of the benchmark itself
        self.accepted = RowCounter(self, 'execution')
        self.recorded = RowCounter(self, 'execution_result')

    def rows(self, sql, *values):
        self.own += 1
        return self.connection.execute(sql, values).fetchall()

    def one(self, sql, *values):
        return self.rows(sql, *values)[0][0]

    def transactions(self):
        """Committed by Leat; PostgreSQL counts the benchmark's own, too."""
        return self.outside.execute("SELECT xact_commit FROM pg_stat_database "
                                    "WHERE datname = 'leat'").fetchone()[0] - self.own

    def wal_bytes(self):
        return int(self.outside.execute(
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')").fetchone()[0])

    def setting(self, name):
        return self.outside.execute('SELECT current_setting(%s)', [name]).fetchone()[0]

    def lost(self):
        """Executions without a result."""
        return self.one('SELECT count(*) FROM execution e WHERE NOT EXISTS '
                        '(SELECT FROM execution_result r WHERE r.id = e.id)')

    def failed(self):
        return self.one('SELECT count(*) FROM execution_result WHERE status <> 1')

    def await_recorded(self, seconds):
        """Until every accepted event has its result; returns when that was."""
        until = time.monotonic() + seconds
        accepted = self.accepted.count()
        while True:
            recorded = self.recorded.count()
            now = time.monotonic()
            if recorded >= accepted:
                return now
            if now > until:
                raise Failure('%d of %d executions are not recorded after %d s'
                              % (accepted - recorded, accepted, seconds))
            time.sleep(0.05)
