-- name: readers
-- The materialized views that read the tables, also through views and one another, so that each comes after those it
-- reads. What a function reads is not known to PostgreSQL, nor here.
WITH RECURSIVE reading (oid, depth) AS (
    SELECT c.oid, 0 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND c.relname = ANY (%(tables)s)
    UNION
    SELECT w.ev_class, r.depth + 1
    FROM reading r
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = r.oid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite w ON w.oid = d.objid AND w.ev_class <> r.oid
)
SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, o.rolname::text AS owner,
       pg_has_role(c.relowner, 'USAGE') AS may,
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
               AND i.indpred IS NULL AND i.indexprs IS NULL) AS quick
FROM reading r JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_roles o ON o.oid = c.relowner
WHERE c.relkind = 'm' AND c.relispopulated
GROUP BY c.oid, n.nspname, c.relname, c.relowner, o.rolname
ORDER BY max(r.depth), n.nspname, c.relname

-- name: refresh
REFRESH MATERIALIZED VIEW CONCURRENTLY {view}

-- name: give
ALTER MATERIALIZED VIEW {view} OWNER TO {owner}
