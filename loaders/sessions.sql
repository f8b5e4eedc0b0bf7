-- name: own
SELECT pid, backend_start::text AS since FROM pg_stat_activity WHERE pid = pg_backend_pid()

-- name: end
SELECT pg_terminate_backend(pid, %(milliseconds)s) FROM pg_stat_activity
WHERE pid = %(pid)s AND backend_start = %(since)s::timestamptz
