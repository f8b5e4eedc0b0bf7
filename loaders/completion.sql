-- name: begin
-- All that is read of production for a table is read of one moment. Off, row security fails where it would hide rows.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
SET LOCAL row_security = off;
-- In kB. With PostgreSQL's 4 MB, tables that are compared go through temporary files; sorted by a text, they do anyway.
SELECT set_config('work_mem', greatest(setting::bigint, 65536)::text, true) FROM pg_settings WHERE name = 'work_mem';
SET LOCAL enable_mergejoin = off

-- name: version
-- Whatever changes rows changes it, and nothing else does: a row that is written anew has the number of who wrote it, and
-- one that goes is missing.
SELECT coalesce(sum(n), 0)::bigint AS rows, encode(sha256(convert_to(coalesce(
    string_agg(writer || ':' || n, ',' ORDER BY writer COLLATE "C"), ''), 'UTF8')), 'hex') AS version
FROM (SELECT t.xmin::text AS writer, count(*) AS n FROM {table} AS t GROUP BY t.xmin) AS written

-- name: set_aside
CREATE TEMPORARY TABLE firn_new ON COMMIT DROP AS
SELECT {all_columns} FROM {staged} AS s WHERE NOT EXISTS (SELECT FROM {table} AS t WHERE {on})

-- name: empty
TRUNCATE {staged}

-- name: add
INSERT INTO {staged} ({all_columns}) OVERRIDING SYSTEM VALUE SELECT {all_columns} FROM pg_temp.firn_new

-- name: missing
NOT EXISTS (SELECT FROM {staged} AS s WHERE {on} AND s.xmin <> pg_current_xact_id()::xid)

-- name: keep
INSERT INTO {staged} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {table} AS t WHERE {missing}

-- name: own
t.xmin = pg_current_xact_id()::xid

-- name: hold
-- Writers wait from here to the commit, readers only for the locks that follow.
SELECT set_config('firn.writers_asked_at', clock_timestamp()::text, true);
SET LOCAL statement_timeout = {budget};
{lock};
SET LOCAL statement_timeout = 0;
DO {body}

-- name: lock
LOCK TABLE ONLY {tables} IN SHARE ROW EXCLUSIVE MODE

-- name: body
BEGIN
    {checks}
END

-- name: check
IF ({now}) IS DISTINCT FROM {since} THEN
    RAISE EXCEPTION USING ERRCODE = 'FN003', MESSAGE = {name};
END IF;

-- name: now
SELECT v.version FROM ({version}) AS v
