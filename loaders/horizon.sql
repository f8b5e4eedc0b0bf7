-- name: mark
SELECT pg_current_xact_id()::xid::text AS mark

-- name: freeze
VACUUM (FREEZE) {horizon}

-- name: passed
SELECT age(relfrozenxid) < age(%(mark)s::xid) AS passed FROM pg_class WHERE oid = %(horizon)s::regclass

-- name: oldest
SELECT a.pid, a.usename::text AS role, coalesce(a.state, 'unknown') AS state,
       coalesce(extract(epoch FROM clock_timestamp() - a.xact_start)::bigint, 0) AS seconds, left(a.query, 200) AS query
FROM pg_stat_activity a
WHERE a.pid <> pg_backend_pid()
  AND (age(a.backend_xmin) >= age(%(mark)s::xid) OR age(a.backend_xid) >= age(%(mark)s::xid))
UNION ALL
SELECT NULL, owner::text, 'prepared transaction', extract(epoch FROM clock_timestamp() - prepared)::bigint, gid
FROM pg_prepared_xacts WHERE database = current_database()
ORDER BY seconds DESC LIMIT 10
