-- name: message
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = '';
SET LOCAL synchronous_commit = on;
SET LOCAL idle_in_transaction_session_timeout = '5s';
SET LOCAL lock_timeout = {budget};
SELECT pg_advisory_xact_lock(hashtextextended('firn:dataset:' || {dataset}, 0));
DO {fence};
{record};
{log};
{schemas};
{companions};
{lock_private};
SELECT set_config('firn.asked_at', clock_timestamp()::text, true);
SET LOCAL statement_timeout = {budget};
{lock_production};
SET LOCAL statement_timeout = '10s';
SET LOCAL lock_timeout = '1s';
DO {drift};
{moves};
{views};
{clock};
COMMIT

-- name: fence
BEGIN
    UPDATE {state}.dataset
    SET generation = {next}, run_id = {run}, published_at = clock_timestamp()
    WHERE dataset = {dataset} AND generation = {generation};
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FN001', MESSAGE = 'another generation was published';
    END IF;
END

-- name: drift
-- The statement is prepared and was run once before the locks, so that under them it is neither parsed nor planned.
DECLARE found text;
BEGIN
    EXECUTE 'EXECUTE firn_carried' INTO found;
    IF found IS DISTINCT FROM {approved} THEN
        RAISE EXCEPTION USING ERRCODE = 'FN002', MESSAGE = 'what production carries has changed';
    END IF;
END

-- name: prepare
PREPARE firn_carried AS
SELECT encode(sha256(convert_to(coalesce(string_agg(
           concat_ws(E'\t', i.table, i.kind, i.name, i.definition), E'\n'
           ORDER BY i.table, i.kind, i.name COLLATE "C", i.definition COLLATE "C"), ''), 'UTF8')), 'hex') AS digest
FROM ({inventory}) i

-- name: digest
EXECUTE firn_carried

-- name: deallocate
DEALLOCATE firn_carried

-- name: record
INSERT INTO {state}.publication (dataset, generation, run_id, kind, tables, previous_schema, attempts)
VALUES ({dataset}, {next}, {run}, {kind}, {tables}::jsonb, {previous}, {attempts});
UPDATE {state}.run SET status = 'published' WHERE run_id = {run};
UPDATE {state}.run SET status = 'rolled_back' WHERE run_id = {undone}

-- name: clock
UPDATE {state}.publication
SET locked_ms = 1000 * extract(epoch FROM clock_timestamp() - current_setting('firn.asked_at')::timestamptz)
WHERE dataset = {dataset} AND generation = {next}

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
ALTER VIEW {view} OWNER TO CURRENT_USER

-- name: move
ALTER TABLE {table} SET SCHEMA {schema}

-- name: holders
SELECT DISTINCT l.virtualtransaction, l.pid
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND n.nspname = %(schema)s AND c.relname = ANY (%(tables)s) AND l.pid <> pg_backend_pid()

-- name: sessions
SELECT pid, usename::text AS role, coalesce(state, 'unknown') AS state,
       coalesce(extract(epoch FROM clock_timestamp() - xact_start)::bigint, 0) AS seconds, left(query, 200) AS query
FROM pg_stat_activity WHERE pid = ANY (%(pids)s) ORDER BY xact_start

-- name: deadlock_timeout
SELECT extract(epoch FROM current_setting('deadlock_timeout')::interval) * 1000 AS ms
