-- name: create
CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({key}))

-- name: add
-- Rows that are there stay as others left them, also those whose line is gone: it may come back.
INSERT INTO {table} ({key})
SELECT s.{key} FROM {source} AS s WHERE NOT EXISTS (SELECT FROM {table} AS t WHERE t.{key} = s.{key})
ON CONFLICT DO NOTHING

-- name: view
CREATE OR REPLACE VIEW {view} AS SELECT {columns} FROM {of} AS o LEFT JOIN {table} AS t ON t.{key} = o.{key}

-- name: drop
DROP VIEW {view}

-- name: found
SELECT c.relname::text AS name, c.relkind::text AS kind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = ANY (%(names)s)
