-- name: begin
-- None of these takes the snapshot: that is taken by the first query, once no table can be replaced any more.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL row_security = off;
SET LOCAL application_name = 'firn backup'

-- name: spelling
-- So that equal values are the same text, whatever a role or a database has set.
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL extra_float_digits = 1;
SET LOCAL bytea_output = 'hex';
SET LOCAL lc_monetary = 'C'

-- name: lock
LOCK TABLE {tables} IN ACCESS SHARE MODE

-- name: moment
SELECT transaction_timestamp() AS taken_at, current_setting('server_version') AS server,
    pg_current_wal_insert_lsn()::text AS wal_lsn

-- name: columns
-- What is generated is made anew from the other columns.
SELECT c.relname::text AS table, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
    a.attnotnull AS required
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
AND a.attgenerated = ''
ORDER BY c.relname, a.attnum

-- name: all_rows
SELECT {columns} FROM {table}

-- name: some_rows
SELECT {columns} FROM {table} WHERE {owner} = {dataset}

-- name: rows_of_runs
SELECT {columns} FROM {table} WHERE run_id IN (SELECT run_id FROM {runs} WHERE pipeline = {dataset})

-- name: copy
COPY ({rows}) TO STDOUT

-- name: digest
-- Of the text of each row, which every type has: some have no hash of their own.
SELECT count(*) AS rows,
    coalesce(sum(hashtextextended(ROW({columns})::text COLLATE "C", 0)), 0)::text AS digest
FROM ({rows}) AS t

-- name: is_type
SELECT %(type)s::regtype

-- name: temporary
CREATE TEMPORARY TABLE {table} ({columns}) ON COMMIT DROP

-- name: lasting
CREATE TABLE {table} ({columns})

-- name: fill
COPY {table} ({columns}) FROM STDIN

-- name: stage
INSERT INTO {staging} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {table}
