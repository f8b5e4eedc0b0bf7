-- name: transaction
SELECT pg_current_xact_id()::xid::text

-- name: begin_part
SELECT pg_current_xact_id()::text, pg_current_xact_id()::xid::text,
       pg_relation_size({table}::regclass) / current_setting('block_size')::bigint

-- name: goes_on
SELECT pg_xact_status({begun}::xid8) = 'in progress'

-- name: end
SELECT count(pg_terminate_backend(pid, {milliseconds})) FROM pg_stat_activity
WHERE backend_xid = {begun}::xid8::xid AND pid <> pg_backend_pid()

-- name: forget
DELETE FROM {table} WHERE xmin = {transaction}::xid8::xid

-- name: types
SELECT c.relname::text AS table, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum

-- name: written
-- Each part was written by a transaction of its own. The digest is that of the ledger.
SELECT t.xmin::text AS transaction, count(*) AS rows, {digest} AS digest FROM {table} AS t GROUP BY t.xmin

-- name: digest
-- Hashed once more, because the hash of a record is a sum of those of its values: two values could trade places.
sum(hashint8extended(hash_record_extended({row}, 0), 0))::text

-- name: part
-- The range of pages spares reading the whole table for each part; the transaction decides which rows are the part's.
SELECT {columns}, {absent} AS absent FROM {table}
WHERE ctid >= {first}::tid AND ctid < {last}::tid AND xmin = {transaction}::xid

-- name: hashed_part
SELECT count(*) AS rows, coalesce(sum(hashint8extended(hash_record_extended({row}, 0), 0)), 0)::text AS digest,
    coalesce(sum({absent}), 0)::bigint AS absent
FROM {table} WHERE ctid >= {first}::tid AND ctid < {last}::tid AND xmin = {transaction}::xid

-- name: unproven
SELECT ctid::text AS "at", {columns} FROM {table} WHERE xmin::text <> ALL ({proven}::text[])

-- name: duplicates
SELECT {columns}, count(*) AS rows FROM {table} GROUP BY {columns} HAVING count(*) > 1 ORDER BY {columns} LIMIT 10

-- name: tables
SELECT c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relkind = 'r' ORDER BY 1

-- name: schema_exists
SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %(schema)s) AS found
