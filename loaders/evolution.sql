-- name: add
ADD COLUMN {column} {type}

-- name: widen
ALTER COLUMN {column} TYPE {type}

-- name: relax
ALTER COLUMN {column} DROP NOT NULL

-- name: used
-- What PostgreSQL itself would refuse: rules, which views are made of, and generated columns, triggers and policies.
SELECT a.attname::text AS column, pg_describe_object(d.classid, d.objid, d.objsubid) AS user
FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE d.refclassid = 'pg_class'::regclass AND n.nspname = %(schema)s AND c.relname = %(table)s
  AND a.attname = ANY (%(columns)s)
  AND (d.classid IN ('pg_rewrite'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass)
       OR (d.classid = 'pg_attrdef'::regclass AND d.objid NOT IN (
           SELECT f.oid FROM pg_attrdef f WHERE f.adrelid = a.attrelid AND f.adnum = a.attnum)))
ORDER BY 1, 2
