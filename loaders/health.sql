-- name: server
SELECT current_setting('server_version') AS version, current_setting('wal_level') AS wal_level,
       extract(epoch FROM current_setting('deadlock_timeout')::interval) * 1000 AS deadlock_ms,
       current_setting('max_locks_per_transaction')::bigint
           * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint) AS locks,
       (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = {production} AND c.relkind IN ('r', 'i', 't', 'S', 'v', 'm', 'p')) AS relations,
       pg_database_size(current_database()) AS bytes,
       (SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = {production} AND c.relkind = 'r') AS production_bytes

-- name: publications
SELECT pubname::text AS name FROM pg_publication WHERE puballtables ORDER BY 1

-- name: snapshots
SELECT pid, usename::text AS role, coalesce(state, 'unknown') AS state,
       extract(epoch FROM clock_timestamp() - xact_start)::bigint AS seconds, left(query, 200) AS query
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < clock_timestamp() - {old}::interval
ORDER BY xact_start

-- name: blockers
SELECT DISTINCT a.pid, a.usename::text AS role, coalesce(a.state, 'unknown') AS state,
       extract(epoch FROM clock_timestamp() - a.xact_start)::bigint AS seconds, left(a.query, 200) AS query
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.granted AND n.nspname = {production} AND a.datname = current_database() AND a.pid <> pg_backend_pid()
  AND a.xact_start < clock_timestamp() - {old}::interval
ORDER BY 4 DESC

-- name: place
-- Only who may read all settings may know it; others would be refused.
SELECT CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE') THEN current_setting('data_directory') END AS folder

-- name: clock
SELECT clock_timestamp() AS now

-- name: prepared
SELECT gid, owner::text AS role, extract(epoch FROM clock_timestamp() - prepared)::bigint AS seconds
FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared

-- name: schemas
SELECT nspname::text AS name FROM pg_namespace
WHERE starts_with(nspname, {staging} || '_') OR starts_with(nspname, {previous} || '_') ORDER BY 1
