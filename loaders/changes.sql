-- name: begin
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = '';
SET LOCAL synchronous_commit = on;
SET LOCAL idle_in_transaction_session_timeout = '5s';
-- An owner under FORCE ROW LEVEL SECURITY would compare, and delete from, the rows that a policy shows. Off, it fails.
SET LOCAL row_security = off;
-- In kB. With PostgreSQL's 4 MB, tables that are compared go through temporary files while their writers wait.
SELECT set_config('work_mem', greatest(setting::bigint, 65536)::text, true) FROM pg_settings WHERE name = 'work_mem';
SET LOCAL lock_timeout = {budget};
SELECT pg_advisory_xact_lock(hashtextextended('firn:dataset:' || {dataset}, 0));
DO {fence};
SELECT set_config('firn.wal_start', pg_current_wal_insert_lsn()::text, true);
SELECT set_config('firn.writers_asked_at', clock_timestamp()::text, true);
SET LOCAL statement_timeout = {budget};
{lock};
SET LOCAL statement_timeout = 0;
{lock_private};
SET CONSTRAINTS ALL DEFERRED

-- name: lock
-- Writers wait from here to the commit, readers do not. A sequence stands still too, so that it can only go forward.
DECLARE one record;
BEGIN
    {exclusive}
    LOCK TABLE ONLY {tables} IN SHARE ROW EXCLUSIVE MODE;
    FOR one IN
        SELECT c.oid::regclass AS name, c.relowner::regrole AS owner
        FROM pg_class c WHERE c.oid = ANY ({sequences}::regclass[])
    LOOP
        EXECUTE format('ALTER SEQUENCE %s OWNER TO %s', one.name, one.owner);
    END LOOP;
END

-- name: lock_evolving
LOCK TABLE ONLY {tables} IN ACCESS EXCLUSIVE MODE;

-- name: lock_private
LOCK TABLE {tables} IN SHARE MODE

-- name: create
CREATE TABLE {table} (LIKE {staged} INCLUDING ALL EXCLUDING INDEXES)

-- name: constraints
SELECT k.conname::text AS name, pg_get_constraintdef(k.oid) AS definition
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(table)s AND k.contype IN ('p', 'u', 'x') ORDER BY k.contype, k.conname

-- name: constrain
ALTER TABLE {table} ADD CONSTRAINT {name} {definition}

-- name: advance
SELECT setval({sequence}::regclass, found.highest)
FROM (SELECT max({column}) AS highest FROM {table}) AS found, {sequence_name} AS s, pg_sequence AS q
WHERE q.seqrelid = {sequence}::regclass AND q.seqincrement > 0 AND found.highest <= q.seqmax
  AND (found.highest > s.last_value OR (found.highest = s.last_value AND NOT s.is_called))

-- name: barrier
SAVEPOINT firn_barrier;
SET LOCAL lock_timeout = {budget};
SELECT set_config('firn.asked_at', clock_timestamp()::text, true);
SET LOCAL statement_timeout = {budget};
{lock};
SET LOCAL statement_timeout = '10s';
{views};
{clock};
COMMIT

-- name: barrier_lock
BEGIN
    {views};
    LOCK TABLE ONLY {tables} IN ACCESS EXCLUSIVE MODE;
END

-- name: barrier_undo
ROLLBACK TO SAVEPOINT firn_barrier; SET LOCAL statement_timeout = 0

-- name: give
ALTER VIEW {view} OWNER TO {owner}

-- name: waited_for
-- Whoever read a table before and now wants to write waits for this transaction, and would never let go of what it read.
SELECT EXISTS (
    SELECT FROM pg_locks w WHERE NOT w.granted AND w.pid <> pg_backend_pid()
    AND pg_backend_pid() = ANY (pg_blocking_pids(w.pid))
    AND EXISTS (
        SELECT FROM pg_locks h JOIN pg_class c ON c.oid = h.relation JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE h.pid = w.pid AND h.granted AND n.nspname = %(schema)s AND c.relname = ANY (%(tables)s)
    )
) AS found

-- name: views
SELECT viewname::text AS name, viewowner::text AS owner FROM pg_views
WHERE schemaname = %(schema)s AND viewname = ANY (%(views)s) ORDER BY 1
