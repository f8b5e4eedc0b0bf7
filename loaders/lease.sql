-- name: holder
SELECT pipeline, token, run_id, machine, host, pid, person, since, expires_at, expires_at > clock_timestamp() AS is_valid,
       extract(epoch FROM expires_at - clock_timestamp())::float8 AS seconds
FROM {state}.lease WHERE pipeline = %(pipeline)s AND run_id IS NOT NULL

-- name: take
INSERT INTO {state}.lease AS l (pipeline, token, run_id, machine, host, pid, person, since, expires_at)
VALUES (%(pipeline)s, 1, %(run)s, %(machine)s, %(host)s, %(pid)s, current_setting('firn.person', true), clock_timestamp(),
        clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (pipeline) DO UPDATE
SET token = l.token + 1, run_id = excluded.run_id, machine = excluded.machine, host = excluded.host, pid = excluded.pid,
    person = excluded.person, since = excluded.since, expires_at = excluded.expires_at
WHERE l.run_id IS NULL OR l.expires_at <= clock_timestamp() OR l.token = %(dead)s
RETURNING token

-- name: beat
-- The token is no column of this update, so that it passes a publication that keeps the row as it is.
UPDATE {state}.lease SET expires_at = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE pipeline = %(pipeline)s AND token = %(token)s RETURNING token

-- name: let_go
UPDATE {state}.lease SET run_id = NULL, expires_at = clock_timestamp()
WHERE pipeline = %(pipeline)s AND token = %(token)s
