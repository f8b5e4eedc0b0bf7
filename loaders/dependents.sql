-- name: held
-- Every object of somebody else that knows one of the tables, a row for each table that it knows. pg_depend is the only
-- list that no kind of object escapes: what has none of the kinds named here is listed too, and refused.
WITH {parts}
SELECT e.table::text AS table,
       coalesce(pg_describe_object('pg_class'::regclass, r.oid, 0),
                pg_describe_object(e.classid, e.objid, e.objsubid)) AS name,
       CASE
           WHEN bool_or(e.is_type) THEN 'row type'
           WHEN o.is_member THEN 'member of an extension'
           WHEN o.schema::regnamespace::text LIKE 'pg\_temp\_%' THEN 'temporary'
           WHEN r.relkind = 'v' THEN 'view'
           WHEN r.relkind = 'm' THEN 'materialized view'
           WHEN e.classid = 'pg_rewrite'::regclass THEN 'rule'
           WHEN f.prokind = 'a' THEN 'aggregate'
           WHEN f.oid IS NOT NULL THEN 'function'
           WHEN e.classid = 'pg_policy'::regclass THEN 'policy'
           WHEN k.contype = 'f' AND k.conrelid IN (SELECT oid FROM target) THEN 'foreign key between them'
           WHEN k.contype = 'f' AND (t.relkind <> 'r' OR t.relispartition) THEN 'foreign key of a partition'
           WHEN k.contype = 'f' AND o.is_silent THEN 'foreign key that is switched off'
           WHEN k.contype = 'f' THEN 'foreign key'
           WHEN e.classid = 'pg_attrdef'::regclass THEN 'default'
           WHEN e.classid = 'pg_constraint'::regclass THEN 'check'
           WHEN e.classid = 'pg_class'::regclass THEN 'child'
           WHEN e.classid = 'pg_publication_rel'::regclass THEN 'publication'
           ELSE 'unknown'
       END AS kind,
       coalesce(r.oid, e.objid)::bigint AS oid,
       coalesce(array_agg(DISTINCT a.attname::text) FILTER (WHERE a.attname IS NOT NULL), '{{}}') AS columns,
       coalesce(array_agg(DISTINCT n.conname::text) FILTER (WHERE n.conname IS NOT NULL), '{{}}') AS constraints,
       o.owner::regrole::text AS owner,
       pg_has_role(o.owner, 'USAGE') AS may,
       o.schema::regnamespace::text AS schema,
       coalesce(has_schema_privilege(o.schema, 'USAGE, CREATE'), true) AS may_create,
       coalesce(f.proleakproof OR f.prosupport <> 0 OR NOT l.lanpltrusted, false)
           AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_privileged,
       CASE WHEN r.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = {schema}) THEN r.relname::text END AS sibling
FROM edge e
LEFT JOIN pg_rewrite w ON e.classid = 'pg_rewrite'::regclass AND w.oid = e.objid AND w.rulename = '_RETURN'
LEFT JOIN pg_class r ON r.oid = w.ev_class
LEFT JOIN pg_proc f ON e.classid = 'pg_proc'::regclass AND f.oid = e.objid
LEFT JOIN pg_language l ON l.oid = f.prolang
LEFT JOIN pg_policy p ON e.classid = 'pg_policy'::regclass AND p.oid = e.objid
LEFT JOIN pg_constraint k ON e.classid = 'pg_constraint'::regclass AND k.oid = e.objid
LEFT JOIN pg_class t ON t.oid = coalesce(p.polrelid, nullif(k.conrelid, 0))
LEFT JOIN pg_attribute a ON a.attrelid = e.relation AND a.attnum = e.refobjsubid AND a.attnum > 0
LEFT JOIN pg_constraint n ON n.oid = e.constraint
CROSS JOIN LATERAL (
    SELECT coalesce(r.relowner, f.proowner, t.relowner) AS owner,
           coalesce(r.relnamespace, f.pronamespace) AS schema,
           EXISTS (SELECT FROM pg_depend m WHERE m.classid = coalesce(r.tableoid, e.classid)
                   AND m.objid = coalesce(r.oid, e.objid) AND m.deptype IN ('e', 'x')) AS is_member,
           EXISTS (SELECT FROM pg_trigger g WHERE g.tgconstraint = k.oid AND g.tgenabled <> 'O') AS is_silent
) o
WHERE NOT e.is_own
GROUP BY e.table, e.classid, e.objid, e.objsubid, r.oid, r.relkind, r.relnamespace, r.relname, f.oid, f.prokind, f.proleakproof, f.prosupport,
         l.lanpltrusted, k.contype, k.conrelid, t.relkind, t.relispartition, o.owner, o.schema, o.is_member, o.is_silent
ORDER BY 1, 2

-- name: role
SELECT quote_ident(current_user)::text AS role

-- name: parts
target AS (
    SELECT c.oid, c.relname, c.reltype, c.reltoastrelid
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = {schema} AND c.relname = ANY ({tables}::name[])
), part AS (
    -- The objects that move with a table: it, its row type and the array of it, indexes, constraints, defaults.
    SELECT oid AS target, 'pg_class'::regclass::oid AS classid, oid AS objid FROM target
    UNION ALL
    SELECT oid, 'pg_type'::regclass, reltype FROM target WHERE reltype <> 0
    UNION ALL
    SELECT t.oid, 'pg_type'::regclass, y.typarray FROM target t JOIN pg_type y ON y.oid = t.reltype AND y.typarray <> 0
    UNION ALL
    SELECT t.oid, 'pg_class'::regclass, i.indexrelid FROM target t JOIN pg_index i ON i.indrelid = t.oid
    UNION ALL
    SELECT t.oid, 'pg_constraint'::regclass, k.oid FROM target t JOIN pg_constraint k ON k.conrelid = t.oid
    UNION ALL
    SELECT t.oid, 'pg_attrdef'::regclass, d.oid FROM target t JOIN pg_attrdef d ON d.adrelid = t.oid
), edge AS (
    -- What others hold of the parts. Own are a table's triggers, policies, statistics and sequences: they are made anew.
    SELECT t.relname AS table, t.oid AS relation, d.classid, d.objid, d.objsubid, d.refobjsubid, d.deptype,
           p.classid = 'pg_type'::regclass AS is_type,
           CASE WHEN p.classid = 'pg_constraint'::regclass THEN p.objid END AS constraint,
           coalesce(g.tgrelid IN (SELECT oid FROM target), false) OR y.polrelid IS NOT DISTINCT FROM t.oid
           OR s.stxrelid IS NOT DISTINCT FROM t.oid OR q.relkind IS NOT DISTINCT FROM 'S' AS is_own
    FROM target t
    JOIN part p ON p.target = t.oid
    JOIN pg_depend d ON d.refclassid = p.classid AND d.refobjid = p.objid
    LEFT JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
    LEFT JOIN pg_policy y ON d.classid = 'pg_policy'::regclass AND y.oid = d.objid
    LEFT JOIN pg_statistic_ext s ON d.classid = 'pg_statistic_ext'::regclass AND s.oid = d.objid
    LEFT JOIN pg_class q ON d.classid = 'pg_class'::regclass AND q.oid = d.objid AND d.deptype IN ('a', 'i')
    WHERE NOT coalesce(g.tgisinternal, false) AND q.relkind IS DISTINCT FROM 't'
      AND (NOT EXISTS (SELECT FROM part o WHERE o.target = t.oid AND o.classid = d.classid AND o.objid = d.objid)
           -- A default or check of the table's own that names the whole table does so by its number.
           OR d.refclassid = 'pg_class'::regclass AND d.refobjsubid = 0 AND d.deptype = 'n'
              AND d.classid IN ('pg_attrdef'::regclass, 'pg_constraint'::regclass))
)

-- name: marks
-- A text that changes whenever one of these objects, or what is said of it, is changed: the rows of the catalogue by
-- number and writing transaction, which is far cheaper than printing definitions.
WITH {parts}
SELECT DISTINCT e.table::text AS table, 'dependent' AS kind,
       concat_ws(' ', e.classid, e.objid, e.objsubid, e.refobjsubid, e.deptype, e.is_type) AS name,
       concat_ws(' ', w.xmin, v.oid, v.xmin, f.xmin, p.xmin, k.xmin) AS definition
FROM edge e
LEFT JOIN pg_rewrite w ON e.classid = 'pg_rewrite'::regclass AND w.oid = e.objid
LEFT JOIN pg_class v ON v.oid = w.ev_class
LEFT JOIN pg_proc f ON e.classid = 'pg_proc'::regclass AND f.oid = e.objid
LEFT JOIN pg_policy p ON e.classid = 'pg_policy'::regclass AND p.oid = e.objid
LEFT JOIN pg_constraint k ON e.classid = 'pg_constraint'::regclass AND k.oid = e.objid
