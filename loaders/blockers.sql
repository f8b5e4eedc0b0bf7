-- name: named
SELECT pid, usename::text AS role, coalesce(state, 'unknown') AS state,
       coalesce(extract(epoch FROM clock_timestamp() - xact_start)::bigint, 0) AS seconds, left(query, 200) AS query
FROM pg_stat_activity
WHERE pid = ANY (%(pids)s) AND pid <> pg_backend_pid() AND (usename = ANY (%(names)s) OR application_name = ANY (%(names)s))

-- name: end
SELECT pg_terminate_backend(%(pid)s, %(milliseconds)s) AS is_gone
