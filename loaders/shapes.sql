-- name: tables
SELECT c.relname::text AS name, c.relkind::text AS kind, c.relhassubclass AS parent, c.relispartition AS partition,
       array_remove(ARRAY[
           CASE WHEN NOT has_table_privilege(c.oid, 'SELECT') THEN 'SELECT' END,
           CASE WHEN NOT has_table_privilege(c.oid, 'INSERT') THEN 'INSERT' END,
           CASE WHEN NOT has_table_privilege(c.oid, 'UPDATE') THEN 'UPDATE' END,
           CASE WHEN NOT has_table_privilege(c.oid, 'DELETE') THEN 'DELETE' END
       ], NULL) AS missing_rights
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = ANY (%(tables)s) ORDER BY 1

-- name: columns
SELECT c.relname::text AS table, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AS required, a.attgenerated <> '' AS generated, a.attidentity::text AS identity,
       a.atthasdef OR a.attidentity <> '' AS filled,
       CASE WHEN a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) = format('nextval(%%L::regclass)', s.name)
            THEN s.name END AS sequence -- not one that merely belongs to the column, or whose numbers are changed first
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
CROSS JOIN LATERAL (
    SELECT CASE WHEN c.relkind = 'r'
                THEN pg_get_serial_sequence(quote_ident(n.nspname) || '.' || quote_ident(c.relname), a.attname) END AS name
) s
WHERE n.nspname = %(schema)s AND c.relname = ANY (%(tables)s) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum

-- name: keys
-- Indexes that hold each combination of some columns once, in whole rows and without exception.
SELECT c.relname::text AS table, array_agg(a.attname::text) AS columns, bool_and(a.attnotnull) AS required
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN unnest(i.indkey[0:i.indnkeyatts - 1]) AS k (number) ON true
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
WHERE n.nspname = %(schema)s AND c.relname = ANY (%(tables)s)
  AND i.indisunique AND i.indisvalid AND i.indisready AND i.indpred IS NULL AND i.indexprs IS NULL
GROUP BY c.relname, i.indexrelid

-- name: names
SELECT tablename::text AS name FROM pg_tables WHERE schemaname = %(schema)s ORDER BY 1
