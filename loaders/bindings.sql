-- name: views
-- Outermost first: a reader locks a view before what is under it.
WITH RECURSIVE above AS (
    SELECT root, root AS view FROM unnest({oids}::oid[]) AS root
    UNION
    SELECT a.root, w.ev_class
    FROM above a
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.view AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite w ON w.oid = d.objid AND w.ev_class <> a.view
)
SELECT c.oid::bigint, n.nspname::text AS schema, c.relname::text AS name, pg_get_userbyid(c.relowner)::text AS owner,
       coalesce(c.reloptions, '{{}}') AS options, pg_get_viewdef(c.oid) AS definition
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ({oids}::oid[])
ORDER BY (SELECT count(*) FROM above a WHERE a.view = c.oid) DESC, 2, 3

-- name: functions
SELECT pg_get_functiondef(oid) AS definition FROM pg_proc WHERE oid = ANY ({oids}::oid[]) ORDER BY oid

-- name: policies
-- Those of the tables themselves too: made before the tables were in place, they read what was in place then.
SELECT DISTINCT p.polrelid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS table, p.polname::text AS name,
       pg_get_expr(p.polqual, p.polrelid) AS shown, pg_get_expr(p.polwithcheck, p.polrelid) AS written,
       n.nspname = {schema} AND c.relname = ANY ({tables}::name[]) AS is_own
FROM pg_depend d
JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
JOIN pg_class c ON c.oid = p.polrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE d.refclassid = 'pg_class'::regclass AND d.deptype = 'n'
  AND d.refobjid IN (SELECT t.oid FROM pg_class t JOIN pg_namespace s ON s.oid = t.relnamespace
                     WHERE s.nspname = {schema} AND t.relname = ANY ({tables}::name[]))
ORDER BY 2, 3, 4

-- name: trial
CREATE SCHEMA {schema};
CREATE VIEW {view} AS {definition}

-- name: printed
SELECT pg_get_viewdef({view}::regclass) AS definition

-- name: view
CREATE OR REPLACE VIEW {view} {options} AS {definition}

-- name: policy
ALTER POLICY {name} ON {table} {expressions}
