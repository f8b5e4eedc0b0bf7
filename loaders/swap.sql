-- name: message
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = '';
SET LOCAL check_function_bodies = off;
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
SELECT set_config('firn.wal_start', pg_current_wal_insert_lsn()::text, true);
{hold};
SELECT set_config('firn.asked_at', clock_timestamp()::text, true);
SET LOCAL statement_timeout = {budget};
{lock_production};
SET LOCAL statement_timeout = '10s';
DO {drift};
{moves};
{views};
{bindings};
{clock};
COMMIT

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
FROM (({carried}) UNION ALL ({marks})) i

-- name: digest
EXECUTE firn_carried

-- name: deallocate
DEALLOCATE firn_carried

-- name: move
ALTER TABLE {table} SET SCHEMA {schema}
