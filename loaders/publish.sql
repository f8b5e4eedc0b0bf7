-- name: fence
-- A pipeline may be disabled after a publication of it was asked for; only what leads back is let through then.
BEGIN
    IF {kind} <> 'rolled_back' AND EXISTS (SELECT FROM {state}.disabled WHERE dataset = {dataset}) THEN
        RAISE EXCEPTION USING ERRCODE = 'FN004', MESSAGE = 'the pipeline is disabled';
    END IF;
    IF {token} > 0 THEN
        PERFORM FROM {state}.lease WHERE pipeline = {dataset} AND token = {token} FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'FN005', MESSAGE = 'another run has the pipeline';
        END IF;
    END IF;
    UPDATE {state}.dataset
    SET generation = {next}, run_id = {run}, published_at = clock_timestamp()
    WHERE dataset = {dataset} AND generation = {generation};
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FN001', MESSAGE = 'another generation was published';
    END IF;
END

-- name: record
INSERT INTO {state}.publication
    (dataset, generation, run_id, kind, family, reason, tables, touched, cursors, previous_schema)
VALUES ({dataset}, {next}, {run}, {kind}, {family}, {reason}, {tables}::jsonb, {touched}::text[], {cursors}::jsonb,
        {previous});
INSERT INTO {state}.audit (action, dataset, generation, run_id, detail, inputs)
SELECT {kind}, {dataset}, {next}, {run}, {detail}, {cursors}::jsonb || coalesce(
    (SELECT jsonb_object_agg(part, coalesce(nullif(content, ''), fingerprint)) FROM {state}.part
     WHERE dataset = {dataset} AND run_id = {run}), '{{}}');
UPDATE {state}.run SET status = 'published' WHERE run_id = {run};
UPDATE {state}.run SET status = 'rolled_back' WHERE run_id IN (
    SELECT run_id FROM {state}.publication
    WHERE dataset = {dataset} AND kind = 'published' AND generation > {origin} AND generation <= {undone_until})

-- name: clock
-- Others' writing is in the server's log too, so the bytes are what the server wrote in that time, not the run alone.
-- Readers may wait from the moment in which the last locks are asked for, writers of changed tables for longer.
WITH held AS (
    SELECT 1000 * extract(epoch FROM clock_timestamp() - asked.readers) AS ms,
           1000 * extract(epoch FROM clock_timestamp() - coalesce(asked.writers, asked.readers)) AS longest
    FROM (
        SELECT current_setting('firn.asked_at')::timestamptz AS readers,
               nullif(current_setting('firn.writers_asked_at', true), '')::timestamptz AS writers
    ) AS asked
)
UPDATE {state}.publication
SET locked_ms = held.ms, attempts = {attempts}, longest_wait_ms = greatest(held.longest, {longest}),
    wal_lsn = pg_current_wal_insert_lsn(),
    wal_bytes = pg_wal_lsn_diff(pg_current_wal_insert_lsn(), coalesce(
        (SELECT wal_start FROM {state}.run WHERE run_id = {run} AND {kind} = 'published'),
        current_setting('firn.wal_start', true)::pg_lsn))
FROM held WHERE dataset = {dataset} AND generation = {next}
