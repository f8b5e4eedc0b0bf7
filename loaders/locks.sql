-- name: lock
LOCK TABLE ONLY {tables} IN ACCESS EXCLUSIVE MODE

-- name: lock_with_views
-- One statement, so that one budget holds for all of it. LOCK TABLE of a view would lock every table that it mentions;
-- giving it the owner that it has changes nothing and locks the view alone.
BEGIN
    {views};
    {lock};
END

-- name: give
ALTER VIEW {view} OWNER TO {owner}

-- name: holders
SELECT DISTINCT l.virtualtransaction, l.pid
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (n.nspname = %(schema)s AND c.relname = ANY (%(tables)s) OR c.oid = ANY (%(beside)s::oid[]))
  AND l.pid <> pg_backend_pid() AND (%(modes)s::text[] IS NULL OR l.mode = ANY (%(modes)s))

-- name: sessions
SELECT pid, usename::text AS role, coalesce(state, 'unknown') AS state,
       coalesce(extract(epoch FROM clock_timestamp() - xact_start)::bigint, 0) AS seconds, left(query, 200) AS query
FROM pg_stat_activity WHERE pid = ANY (%(pids)s) ORDER BY xact_start

-- name: deadlock_timeout
SELECT extract(epoch FROM current_setting('deadlock_timeout')::interval) * 1000 AS ms
