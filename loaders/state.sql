-- name: version
-- The environment is a column that older versions do not have.
SELECT version, production, coalesce(to_jsonb(v) ->> 'environment', 'production') AS environment
FROM {state}.version v ORDER BY version DESC LIMIT 1

-- name: make
BEGIN;
SELECT pg_advisory_xact_lock(hashtextextended('firn:state', 0));
CREATE SCHEMA IF NOT EXISTS {state};
CREATE TABLE IF NOT EXISTS {state}.version (version integer PRIMARY KEY, production text NOT NULL);
CREATE TABLE IF NOT EXISTS {state}.dataset (
    dataset text PRIMARY KEY,
    generation bigint NOT NULL DEFAULT 0,
    run_id text,
    published_at timestamptz
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS {state}.run (
    run_id text PRIMARY KEY,
    pipeline text NOT NULL,
    status text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    generation bigint,
    staging_schema text,
    tables jsonb NOT NULL DEFAULT '{{}}',
    report jsonb,
    error text
);
ALTER TABLE {state}.run DROP CONSTRAINT IF EXISTS run_status_check;
ALTER TABLE {state}.run ADD CONSTRAINT run_status_check CHECK (status IN (
    'running', 'extracted', 'ready', 'sample', 'unchanged', 'published', 'failed', 'discarded', 'rolled_back'
));
CREATE TABLE IF NOT EXISTS {state}.publication (
    dataset text NOT NULL REFERENCES {state}.dataset,
    generation bigint NOT NULL,
    run_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('published', 'republished', 'rolled_back')),
    tables jsonb NOT NULL,
    previous_schema text,
    locked_ms double precision NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 1,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (dataset, generation)
);
ALTER TABLE {state}.publication ADD COLUMN IF NOT EXISTS family text NOT NULL DEFAULT 'swap';
ALTER TABLE {state}.publication ADD COLUMN IF NOT EXISTS reason text NOT NULL DEFAULT '';
ALTER TABLE {state}.publication ADD COLUMN IF NOT EXISTS longest_wait_ms double precision NOT NULL DEFAULT 0;
ALTER TABLE {state}.publication ADD COLUMN IF NOT EXISTS wal_bytes bigint NOT NULL DEFAULT 0;
ALTER TABLE {state}.publication ADD COLUMN IF NOT EXISTS cursors jsonb NOT NULL DEFAULT '{{}}';
ALTER TABLE {state}.publication ADD COLUMN IF NOT EXISTS touched text[];
UPDATE {state}.publication p SET touched = ARRAY(SELECT jsonb_object_keys(tables)), tables = (
    SELECT coalesce(jsonb_object_agg(t.key, t.value || jsonb_build_object('made', {origin})), '{{}}')
    FROM jsonb_each(p.tables) t)
WHERE touched IS NULL;
ALTER TABLE {state}.publication ALTER COLUMN touched SET NOT NULL;
ALTER TABLE {state}.run ADD COLUMN IF NOT EXISTS wal_start pg_lsn;
ALTER TABLE {state}.run ADD COLUMN IF NOT EXISTS cursors jsonb NOT NULL DEFAULT '{{}}';
-- What is visible is the last publication's, so a cursor goes forward and back in the transaction of the rows it is of.
CREATE OR REPLACE VIEW {state}.cursor AS
SELECT p.dataset, c.key AS name, c.value AS watermark
FROM {state}.dataset d JOIN {state}.publication p USING (dataset, generation) CROSS JOIN jsonb_each(p.cursors) c;
CREATE TABLE IF NOT EXISTS {state}.audit (
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    role text NOT NULL DEFAULT session_user,
    person text NOT NULL DEFAULT coalesce(current_setting('firn.person', true), ''),
    application text NOT NULL DEFAULT current_setting('application_name'),
    address inet DEFAULT inet_client_addr(),
    action text NOT NULL,
    dataset text NOT NULL,
    generation bigint,
    run_id text,
    detail text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX IF NOT EXISTS publication_once ON {state}.publication (run_id) WHERE kind = 'published';
CREATE TABLE IF NOT EXISTS {state}.quarantine_log (
    dataset text NOT NULL,
    file text NOT NULL,
    sheet text NOT NULL,
    cell text NOT NULL,
    "row" integer NOT NULL,
    "column" text,
    raw text NOT NULL,
    expected text NOT NULL,
    reason text NOT NULL,
    first_run text NOT NULL,
    first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    first_generation bigint NOT NULL,
    resolved_run text,
    resolved_at timestamptz,
    resolved_generation bigint
);
CREATE INDEX IF NOT EXISTS quarantine_log_open ON {state}.quarantine_log (dataset)
WHERE resolved_generation IS NULL;
CREATE TABLE IF NOT EXISTS {state}.part (
    dataset text NOT NULL,
    run_id text NOT NULL,
    part text NOT NULL,
    fingerprint text NOT NULL,
    content text NOT NULL,
    recipe text NOT NULL,
    read_by text NOT NULL,
    tables jsonb NOT NULL,
    copied_from text NOT NULL,
    PRIMARY KEY (dataset, run_id, part)
);
-- While a pipeline has a line here, nothing of it is published.
CREATE TABLE IF NOT EXISTS {state}.disabled (
    dataset text PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    role text NOT NULL DEFAULT session_user,
    person text NOT NULL DEFAULT coalesce(current_setting('firn.person', true), ''),
    reason text NOT NULL
);
ALTER TABLE {state}.audit ADD COLUMN IF NOT EXISTS inputs jsonb NOT NULL DEFAULT '{{}}';
CREATE OR REPLACE FUNCTION {state}.keep_audit() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'the audit is append-only',
        HINT = 'what was recorded stays as it is; record what is to be added to it';
END
$$;
CREATE OR REPLACE TRIGGER keep_audit BEFORE UPDATE OR DELETE OR TRUNCATE ON {state}.audit
    FOR EACH STATEMENT EXECUTE FUNCTION {state}.keep_audit();
-- Always, because a session that says that it replicates would otherwise fire none.
ALTER TABLE {state}.audit ENABLE ALWAYS TRIGGER keep_audit;
ALTER TABLE {state}.publication ADD COLUMN IF NOT EXISTS wal_lsn pg_lsn;
CREATE TABLE IF NOT EXISTS {state}.backup (
    name text PRIMARY KEY,
    dataset text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('tables', 'raw')),
    place text NOT NULL,
    taken_at timestamptz NOT NULL,
    generation bigint,
    run_id text,
    rows bigint NOT NULL,
    bytes bigint NOT NULL,
    verified_at timestamptz,
    drilled_at timestamptz,
    drill_seconds double precision,
    dropped_at timestamptz
);
-- Who takes a lease changes its token, who keeps it does not: only the former waits for who keeps the token as it is.
CREATE TABLE IF NOT EXISTS {state}.lease (
    pipeline text PRIMARY KEY,
    token bigint NOT NULL,
    run_id text,
    machine text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    person text NOT NULL,
    since timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    UNIQUE (pipeline, token)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS {state}.horizon (nothing integer) WITH (autovacuum_enabled = off);
ALTER TABLE {state}.run ADD COLUMN IF NOT EXISTS attempts integer NOT NULL DEFAULT 0;
ALTER TABLE {state}.run ADD COLUMN IF NOT EXISTS began_on bigint;
ALTER TABLE {state}.run ADD COLUMN IF NOT EXISTS resumed_from text;
ALTER TABLE {state}.run ADD COLUMN IF NOT EXISTS asked jsonb NOT NULL DEFAULT '{{}}';
ALTER TABLE {state}.run ADD COLUMN IF NOT EXISTS settings jsonb NOT NULL DEFAULT '{{}}';
ALTER TABLE {state}.run ADD COLUMN IF NOT EXISTS fingerprints jsonb NOT NULL DEFAULT '{{}}';
CREATE TABLE IF NOT EXISTS {state}.step (
    run_id text NOT NULL,
    attempt integer NOT NULL,
    step text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('phase', 'step')),
    status text NOT NULL CHECK (status IN ('running', 'done', 'failed')),
    rows_in bigint NOT NULL DEFAULT 0,
    rows_out bigint NOT NULL DEFAULT 0,
    rejects bigint NOT NULL DEFAULT 0,
    seconds double precision NOT NULL DEFAULT 0,
    fingerprint text NOT NULL DEFAULT '',
    resumed_from integer,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    PRIMARY KEY (run_id, attempt, kind, step)
);
CREATE TABLE IF NOT EXISTS {state}.elsewhere (
    schema text NOT NULL,
    object text NOT NULL,
    definition text NOT NULL,
    rows bigint,
    contents text NOT NULL,
    is_exact boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (schema, object)
);
ALTER TABLE {state}.version ADD COLUMN IF NOT EXISTS environment text NOT NULL DEFAULT 'production';
-- For whoever asks in SQL; docs/howto/monitor_with_sql.md explains the columns.
CREATE OR REPLACE VIEW {state}.runs AS
SELECT run_id, pipeline, status, attempts, resumed_from, started_at, finished_at,
       extract(epoch FROM coalesce(finished_at, clock_timestamp()) - started_at)::double precision AS seconds,
       (report ->> 'rows_read')::bigint AS rows_read, (report ->> 'parts')::bigint AS parts,
       (report ->> 'taken')::bigint AS taken, jsonb_array_length(report -> 'failed') AS failed,
       (report ->> 'peak_memory_mb')::double precision AS peak_memory_mb,
       (SELECT max(p.generation) FROM {state}.publication p WHERE p.run_id = r.run_id AND p.kind <> 'rolled_back')
           AS published_as,
       error, report ->> 'hint' AS hint, settings, fingerprints
FROM {state}.run r;
CREATE OR REPLACE VIEW {state}.steps AS
SELECT s.run_id, r.pipeline, s.attempt, s.kind, s.step, s.status, s.rows_in, s.rows_out, s.rejects, s.seconds,
       s.rows_out / nullif(s.seconds, 0) AS rows_per_second, s.resumed_from, s.began_at, s.ended_at
FROM {state}.step s JOIN {state}.run r USING (run_id);
CREATE OR REPLACE VIEW {state}.publications AS
SELECT p.dataset AS pipeline, p.generation, p.generation = d.generation AS is_visible, p.run_id, p.kind, p.family, p.reason,
       p.published_at, cardinality(p.touched) AS tables,
       (SELECT sum((t.value ->> 'rows')::bigint) FROM jsonb_each(p.tables) t)::bigint AS rows,
       p.locked_ms, p.longest_wait_ms, p.attempts, p.wal_bytes
FROM {state}.publication p JOIN {state}.dataset d USING (dataset);
INSERT INTO {state}.version VALUES ({number}, {production}, {environment}) ON CONFLICT DO NOTHING;
COMMIT

-- name: start
INSERT INTO {state}.run (run_id, pipeline, status, started_at)
VALUES (%(run)s, %(pipeline)s, 'running', %(started_at)s)
ON CONFLICT (run_id) DO UPDATE SET status = 'running', finished_at = NULL, error = NULL
WHERE run.status IN ('running', 'failed', 'discarded')
RETURNING run_id

-- name: staging
UPDATE {state}.run
SET staging_schema = %(schema)s, tables = %(tables)s, generation = %(generation)s,
    wal_start = pg_current_wal_insert_lsn()
WHERE run_id = %(run)s

-- name: attempt
-- What an attempt does not say is what the one before it said.
UPDATE {state}.run r
SET attempts = attempts + 1, asked = %(asked)s, settings = %(settings)s, fingerprints = fingerprints || %(fingerprints)s,
    began_on = coalesce(began_on, (SELECT d.generation FROM {state}.dataset d WHERE d.dataset = r.pipeline)),
    resumed_from = (SELECT s.step FROM {state}.step s WHERE s.run_id = r.run_id AND s.attempt = r.attempts
                    AND s.kind = 'phase' ORDER BY s.began_at DESC LIMIT 1)
WHERE run_id = %(run)s
RETURNING attempts

-- name: fingerprints
UPDATE {state}.run SET fingerprints = fingerprints || %(fingerprints)s WHERE run_id = %(run)s

-- name: step
INSERT INTO {state}.step (run_id, attempt, step, kind, status, rows_in, rows_out, rejects, seconds, fingerprint, resumed_from)
VALUES (%(run)s, (SELECT attempts FROM {state}.run WHERE run_id = %(run)s), %(step)s, %(kind)s, %(status)s, %(rows_in)s,
        %(rows_out)s, %(rejects)s, %(seconds)s, %(fingerprint)s, %(resumed_from)s)
ON CONFLICT (run_id, attempt, kind, step) DO UPDATE
SET status = excluded.status, rows_in = excluded.rows_in, rows_out = excluded.rows_out, rejects = excluded.rejects,
    seconds = excluded.seconds, fingerprint = excluded.fingerprint, resumed_from = excluded.resumed_from,
    ended_at = CASE WHEN excluded.status <> 'running' THEN clock_timestamp() END

-- name: steps
SELECT attempt, step, kind, status, rows_in, rows_out, rejects, seconds, fingerprint, resumed_from, began_at, ended_at
FROM {state}.step WHERE run_id = %(run)s ORDER BY attempt, began_at, ended_at

-- name: verified
UPDATE {state}.run SET tables = %(tables)s, cursors = %(cursors)s WHERE run_id = %(run)s

-- name: ready
UPDATE {state}.run SET status = 'ready' WHERE run_id = %(run)s

-- name: finish
UPDATE {state}.run
SET status = CASE WHEN status IN ('published', 'rolled_back') THEN status ELSE coalesce(%(status)s, status) END,
    report = coalesce(%(report)s, report), error = %(error)s, finished_at = clock_timestamp()
WHERE run_id = %(run)s

-- name: tell
UPDATE {state}.run SET report = %(report)s WHERE run_id = %(run)s AND status = 'running'

-- name: forget
WITH gone AS (
    DELETE FROM {state}.run WHERE run_id = %(run)s AND status = 'running' AND staging_schema IS NULL AND attempts <= 1
    RETURNING run_id)
DELETE FROM {state}.step s USING gone WHERE s.run_id = gone.run_id

-- name: unstaged
UPDATE {state}.run SET staging_schema = NULL WHERE run_id = %(run)s

-- name: runs
SELECT run.*, (
    SELECT max(p.generation) FROM {state}.publication p WHERE p.run_id = run.run_id AND p.kind <> 'rolled_back'
) AS published_as
FROM {state}.run WHERE %(pipeline)s::text IS NULL OR pipeline = %(pipeline)s
ORDER BY started_at DESC, run_id DESC LIMIT %(limit)s

-- name: run
SELECT run.*, (
    SELECT max(p.generation) FROM {state}.publication p WHERE p.run_id = run.run_id AND p.kind <> 'rolled_back'
) AS published_as
FROM {state}.run WHERE run_id = %(run)s

-- name: success_before
SELECT b.run_id FROM {state}.run r JOIN {state}.run b USING (pipeline)
WHERE r.run_id = %(run)s AND b.run_id <> r.run_id AND b.started_at < r.started_at
  AND b.status IN ('published', 'unchanged', 'rolled_back')
ORDER BY b.started_at DESC LIMIT 1

-- name: run_ids
SELECT run_id FROM {state}.run ORDER BY started_at DESC

-- name: unfinished
SELECT run_id, staging_schema FROM {state}.run
WHERE status IN ('running', 'failed') AND staging_schema IS NOT NULL ORDER BY started_at

-- name: unpublished
-- Runs of the pipeline of another, verified by processes that ended before they published them or said that they would not.
SELECT r.run_id, r.staging_schema AS schema FROM {state}.run r JOIN {state}.run o USING (pipeline)
WHERE o.run_id = %(run)s AND r.run_id <> o.run_id AND r.status = 'ready' AND r.finished_at IS NULL
  AND NOT {held} AND NOT {leased}
ORDER BY r.started_at

-- name: bury
UPDATE {state}.run r SET status = 'failed', error = 'its process ended', finished_at = clock_timestamp()
WHERE r.status = 'running' AND r.staging_schema IS NULL AND NOT {held} AND NOT {leased}

-- name: is_held
SELECT {held} AS held FROM {state}.run r WHERE r.run_id = %(run)s

-- name: held
-- Whether a session works on a run: looked up, not tried, so that whoever asks is in nobody's way.
EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objsubid = 1
          AND l.classid::bigint << 32 | l.objid::bigint = hashtextextended('firn:run:' || r.run_id, 0))

-- name: is_leased
SELECT {leased} AS leased FROM {state}.run r WHERE r.run_id = %(run)s

-- name: leased
-- Whether a run has its pipeline: also one that has lost its session for a moment.
EXISTS (SELECT FROM {state}.lease l WHERE l.run_id = r.run_id AND l.expires_at > clock_timestamp())

-- name: emptied
SELECT r.staging_schema AS name FROM {state}.run r JOIN pg_namespace n ON n.nspname = r.staging_schema
WHERE r.status IN ('published', 'rolled_back')

-- name: staged
SELECT r.run_id, r.pipeline, r.status, r.staging_schema AS schema
FROM {state}.run r JOIN pg_namespace n ON n.nspname = r.staging_schema WHERE r.status <> 'ready' ORDER BY r.started_at

-- name: stale
SELECT r.run_id, r.pipeline, r.generation, d.generation AS visible
FROM {state}.run r JOIN {state}.dataset d ON d.dataset = r.pipeline
WHERE r.status = 'ready' AND r.generation < d.generation ORDER BY r.started_at

-- name: datasets
SELECT dataset FROM {state}.dataset ORDER BY 1

-- name: schemas
SELECT staging_schema AS name FROM {state}.run WHERE staging_schema IS NOT NULL
UNION SELECT previous_schema FROM {state}.publication WHERE previous_schema IS NOT NULL

-- name: wait_for
SELECT pg_advisory_xact_lock(hashtextextended('firn:dataset:' || %(dataset)s, 0))

-- name: kept
SELECT n.nspname::text AS schema, c.relname::text AS table, coalesce(pg_total_relation_size(c.oid), 0) AS bytes
FROM (SELECT previous_schema, max(generation) AS generation FROM {state}.publication
      WHERE dataset = %(dataset)s GROUP BY previous_schema) p
JOIN pg_namespace n ON n.nspname = p.previous_schema
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r'
ORDER BY p.generation DESC, c.relname

-- name: dataset
INSERT INTO {state}.dataset (dataset) VALUES (%(dataset)s) ON CONFLICT DO NOTHING

-- name: generation
SELECT generation, run_id FROM {state}.dataset WHERE dataset = %(dataset)s

-- name: owners
SELECT t.name, d.dataset FROM {state}.dataset d JOIN {state}.publication p USING (dataset, generation)
CROSS JOIN jsonb_object_keys(p.tables) AS t (name)
WHERE d.dataset <> %(dataset)s AND t.name = ANY (%(tables)s) ORDER BY 1

-- name: publication
SELECT p.*, {origin} AS origin FROM {state}.publication p WHERE dataset = %(dataset)s AND generation = %(generation)s

-- name: publications_of
SELECT p.*, {origin} AS origin FROM {state}.publication p WHERE run_id = %(run)s ORDER BY generation DESC

-- name: publications
-- As far back as anything is kept, and the one before that.
SELECT p.*, {origin} AS origin FROM {state}.publication p
WHERE dataset = %(dataset)s AND generation >= (
    SELECT min(k.generation) - 1 FROM {state}.publication k
    LEFT JOIN pg_namespace n ON n.nspname = k.previous_schema JOIN {state}.dataset d USING (dataset)
    WHERE k.dataset = %(dataset)s AND (n.oid IS NOT NULL OR k.generation = d.generation))
ORDER BY generation DESC

-- name: origins
SELECT p.generation, {origin} AS origin FROM {state}.publication p WHERE dataset = %(dataset)s

-- name: origin
-- A run is published once, so it says which rows these are however often they were shown again since.
coalesce((SELECT o.generation FROM {state}.publication o WHERE o.run_id = p.run_id AND o.kind = 'published'), 0)

-- name: cursors
SELECT name, watermark FROM {state}.cursor WHERE dataset = %(dataset)s

-- name: act
INSERT INTO {state}.audit (action, dataset, run_id, detail) VALUES (%(action)s, %(dataset)s, %(run)s, %(detail)s)

-- name: acts
SELECT at, role, person, application, address::text, action, dataset, generation, run_id, detail,
       coalesce(to_jsonb(a) -> 'inputs', '{{}}') AS inputs
FROM {state}.audit a WHERE %(dataset)s::text IS NULL OR dataset = %(dataset)s ORDER BY at DESC LIMIT %(limit)s

-- name: disable
WITH made AS (
    INSERT INTO {state}.disabled (dataset, reason) VALUES (%(dataset)s, %(reason)s)
    ON CONFLICT (dataset) DO UPDATE
    SET at = excluded.at, role = excluded.role, person = excluded.person, reason = excluded.reason
    RETURNING dataset, reason
)
INSERT INTO {state}.audit (action, dataset, detail) SELECT 'disabled', dataset, reason FROM made

-- name: enable
WITH gone AS (DELETE FROM {state}.disabled WHERE dataset = %(dataset)s RETURNING dataset, reason)
INSERT INTO {state}.audit (action, dataset, detail)
SELECT 'enabled', dataset, 'was disabled: ' || reason FROM gone RETURNING dataset

-- name: disabled
SELECT dataset, at, role, person, reason FROM {state}.disabled
WHERE %(dataset)s::text IS NULL OR dataset = %(dataset)s ORDER BY dataset

-- name: backed_up
INSERT INTO {state}.backup (name, dataset, kind, place, taken_at, generation, run_id, rows, bytes, verified_at)
VALUES (%(name)s, %(dataset)s, %(kind)s, %(place)s, %(taken_at)s, %(generation)s, %(run_id)s, %(rows)s, %(bytes)s,
        %(verified_at)s)
ON CONFLICT (name) DO UPDATE SET verified_at = coalesce(excluded.verified_at, backup.verified_at)

-- name: drilled
UPDATE {state}.backup SET drilled_at = clock_timestamp(), drill_seconds = %(seconds)s,
    verified_at = clock_timestamp() WHERE name = %(name)s

-- name: dropped
UPDATE {state}.backup SET dropped_at = clock_timestamp() WHERE name = %(name)s

-- name: backups
SELECT * FROM {state}.backup ORDER BY taken_at DESC, name

-- name: hold
SELECT pg_try_advisory_lock(hashtextextended('firn:run:' || %(run)s, 0)) AS held

-- name: release
SELECT pg_advisory_unlock(hashtextextended('firn:run:' || %(run)s, 0))

-- name: elsewhere
SELECT schema, object, definition, rows, contents, is_exact FROM {state}.elsewhere

-- name: set_elsewhere
WITH gone AS (DELETE FROM {state}.elsewhere e WHERE NOT EXISTS (
    SELECT FROM jsonb_to_recordset(%(found)s) AS f (schema text, object text)
    WHERE f.schema = e.schema AND f.object = e.object))
INSERT INTO {state}.elsewhere (schema, object, definition, rows, contents, is_exact)
SELECT * FROM jsonb_to_recordset(%(found)s)
    AS f (schema text, object text, definition text, rows bigint, contents text, is_exact boolean)
ON CONFLICT (schema, object) DO UPDATE SET definition = excluded.definition, rows = excluded.rows,
    contents = excluded.contents, is_exact = excluded.is_exact, at = excluded.at
