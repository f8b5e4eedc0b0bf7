-- name: elsewhere
-- Every schema but PostgreSQL's own and those of an environment.
n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND NOT (n.nspname = ANY ({own}) OR EXISTS (
    SELECT FROM unnest({prefixes}::text[]) AS p (name) WHERE starts_with(n.nspname, p.name || '_')))

-- name: catalogue
-- What is defined in these schemas, a row each object. Left out is what vacuum, analyze and foreign keys of other tables
-- change, and where rows lie on disk.
WITH schema AS (SELECT n.* FROM pg_namespace n WHERE {elsewhere}),
relation AS (SELECT c.oid, s.nspname, c.relname FROM pg_class c JOIN schema s ON s.oid = c.relnamespace),
routine AS (
    SELECT p.oid, s.nspname, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name
    FROM pg_proc p JOIN schema s ON s.oid = p.pronamespace
), fact (schema, object, kind, content) AS (
    SELECT nspname, '', 'schema', to_jsonb(s) FROM schema s
    UNION ALL SELECT r.nspname, r.relname, 'relation', to_jsonb(c) - ARRAY['relfilenode', 'reltablespace', 'relpages',
        'reltuples', 'relallvisible', 'relallfrozen', 'relfrozenxid', 'relminmxid', 'relhasindex', 'relhasrules',
        'relhastriggers', 'relhassubclass']
    FROM pg_class c JOIN relation r USING (oid)
    UNION ALL SELECT r.nspname, r.relname, 'column', to_jsonb(a) - 'attcacheoff'
    FROM pg_attribute a JOIN relation r ON r.oid = a.attrelid WHERE a.attnum > 0
    UNION ALL SELECT r.nspname, r.relname, 'default', to_jsonb(d) FROM pg_attrdef d JOIN relation r ON r.oid = d.adrelid
    UNION ALL SELECT r.nspname, r.relname, 'index', to_jsonb(i) - 'indcheckxmin'
    FROM pg_index i JOIN relation r ON r.oid = i.indexrelid
    UNION ALL SELECT r.nspname, r.relname, 'constraint', to_jsonb(k)
    FROM pg_constraint k JOIN relation r ON r.oid = k.conrelid
    UNION ALL SELECT r.nspname, r.relname, 'trigger', to_jsonb(g)
    FROM pg_trigger g JOIN relation r ON r.oid = g.tgrelid WHERE NOT g.tgisinternal
    UNION ALL SELECT r.nspname, r.relname, 'rule', to_jsonb(w) FROM pg_rewrite w JOIN relation r ON r.oid = w.ev_class
    UNION ALL SELECT r.nspname, r.relname, 'policy', to_jsonb(y) FROM pg_policy y JOIN relation r ON r.oid = y.polrelid
    UNION ALL SELECT r.nspname, r.relname, 'sequence', to_jsonb(q)
    FROM pg_sequence q JOIN relation r ON r.oid = q.seqrelid
    UNION ALL SELECT r.nspname, r.relname, 'parent', to_jsonb(h) FROM pg_inherits h JOIN relation r ON r.oid = h.inhrelid
    UNION ALL SELECT r.nspname, r.relname, 'comment', to_jsonb(d)
    FROM pg_description d JOIN relation r ON r.oid = d.objoid AND d.classoid = 'pg_class'::regclass
    UNION ALL SELECT r.nspname, r.relname, 'statistics', to_jsonb(x)
    FROM pg_statistic_ext x JOIN relation r ON r.oid = x.stxrelid
    UNION ALL SELECT r.nspname, r.relname, 'published', to_jsonb(b)
    FROM pg_publication_rel b JOIN relation r ON r.oid = b.prrelid
    UNION ALL SELECT r.nspname, r.name, 'routine', to_jsonb(p) FROM pg_proc p JOIN routine r USING (oid)
    UNION ALL SELECT r.nspname, r.name, 'comment', to_jsonb(d)
    FROM pg_description d JOIN routine r ON r.oid = d.objoid AND d.classoid = 'pg_proc'::regclass
    UNION ALL SELECT s.nspname, t.typname, 'type', to_jsonb(t) FROM pg_type t JOIN schema s ON s.oid = t.typnamespace
    WHERE NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)  -- such come and go with what they are arrays of
    UNION ALL SELECT s.nspname, t.typname, 'value', to_jsonb(e)
    FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN schema s ON s.oid = t.typnamespace
    UNION ALL SELECT s.nspname, t.typname, 'constraint', to_jsonb(k)
    FROM pg_constraint k JOIN pg_type t ON t.oid = k.contypid JOIN schema s ON s.oid = t.typnamespace
    UNION ALL SELECT s.nspname, '', 'comment', to_jsonb(d)
    FROM pg_description d JOIN schema s ON s.oid = d.objoid AND d.classoid = 'pg_namespace'::regclass
    UNION ALL SELECT s.nspname, '', 'grants to come', to_jsonb(a)
    FROM pg_default_acl a JOIN schema s ON s.oid = a.defaclnamespace
    UNION ALL SELECT s.nspname, '', 'collation', to_jsonb(c) FROM pg_collation c JOIN schema s ON s.oid = c.collnamespace
    UNION ALL SELECT s.nspname, '', 'operator', to_jsonb(o) FROM pg_operator o JOIN schema s ON s.oid = o.oprnamespace
)
SELECT schema::text, object::text, md5(string_agg(kind || content::text, ' ' ORDER BY kind, content::text COLLATE "C"))
    AS digest
FROM fact GROUP BY 1, 2

-- name: stored
-- What holds rows in these schemas, and what tells without reading them that they were written.
SELECT n.nspname::text AS schema, c.relname::text AS table, c.relkind = 'S' AS is_sequence,
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid)
           AS is_readable,
       concat_ws(' ', c.relfilenode, pg_stat_get_tuples_inserted(c.oid), pg_stat_get_tuples_updated(c.oid),
                 pg_stat_get_tuples_deleted(c.oid), pg_relation_size(c.oid)) AS counters
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'S') AND c.relispopulated AND {elsewhere}
ORDER BY 1, 2

-- name: rows
SELECT count(*) AS rows, coalesce(sum(hashtextextended(ROW(t.*)::text COLLATE "C", 0)), 0)::text AS digest FROM ONLY {table} t

-- name: counter
SELECT 1 AS rows, concat(last_value, ' ', is_called) AS digest FROM {table}

-- name: reach
-- What a role may write in these schemas; a superuser everything.
SELECT 'write everything, as a superuser' AS what FROM pg_roles WHERE rolname = {role} AND rolsuper
UNION ALL
SELECT format('create in schema "%s"', n.nspname) FROM pg_namespace n
WHERE {elsewhere} AND has_schema_privilege({role}, n.oid, 'CREATE')
UNION ALL
SELECT format('write "%s"."%s"', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {elsewhere} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND (has_table_privilege({role}, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
       OR has_any_column_privilege({role}, c.oid, 'INSERT, UPDATE') OR pg_has_role({role}, c.relowner, 'MEMBER'))
UNION ALL
SELECT format('advance sequence "%s"."%s"', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {elsewhere} AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege({role}, c.oid, 'USAGE, UPDATE') END

-- name: states
-- The state schemas of firn among these.
SELECT n.nspname::text AS schema FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'version'
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'production'
WHERE {elsewhere} AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')

-- name: production
SELECT production FROM {version} ORDER BY version DESC LIMIT 1

-- name: whereabouts
SELECT current_database()::text AS database, session_user::text AS login, current_user::text AS role,
       current_setting('server_version') AS version
