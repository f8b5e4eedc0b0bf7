-- name: keys
SELECT k.oid::bigint, n.nspname::text AS schema, c.relname::text AS child, c.oid::bigint AS relation,
       k.conname::text AS name, k.convalidated AS is_valid, t.relname::text AS table,
       pg_get_constraintdef(k.oid) AS definition, format(' REFERENCES %I.%I(', s.nspname, t.relname) AS target,
       obj_description(k.oid, 'pg_constraint') AS comment
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class t ON t.oid = k.confrelid
JOIN pg_namespace s ON s.oid = t.relnamespace
WHERE k.oid = ANY ({oids}::oid[])
ORDER BY 2, 3, 5

-- name: add
-- Remembered in the transaction that makes it: none can be left that nobody knows of.
CREATE TABLE IF NOT EXISTS {state}.shadow (
    dataset text NOT NULL,
    schema text NOT NULL,
    child text NOT NULL,
    name text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (schema, child, name)
);
INSERT INTO {state}.shadow (dataset, schema, child, name) VALUES ({dataset}, {schema}, {child}, {shadow});
ALTER TABLE {table} ADD CONSTRAINT {name} {definition}

-- name: validate
ALTER TABLE {table} VALIDATE CONSTRAINT {name}

-- name: replace
ALTER TABLE {table} DROP CONSTRAINT {key};
ALTER TABLE {table} RENAME CONSTRAINT {name} TO {key};
COMMENT ON CONSTRAINT {key} ON {table} IS {comment};
DELETE FROM {state}.shadow WHERE schema = {schema} AND child = {child} AND name = {shadow}

-- name: drop
ALTER TABLE IF EXISTS {table} DROP CONSTRAINT IF EXISTS {name};
DELETE FROM {state}.shadow WHERE schema = {schema} AND child = {child} AND name = {shadow}

-- name: is_used
SELECT to_regclass({table}) IS NOT NULL AS found

-- name: left
SELECT dataset, schema, child, name FROM {state}.shadow ORDER BY 1, 2, 3, 4

-- name: hold
SELECT pg_try_advisory_lock(hashtextextended('firn:shadow:' || {dataset}, 0)) AS held

-- name: release
SELECT pg_advisory_unlock(hashtextextended('firn:shadow:' || {dataset}, 0))
