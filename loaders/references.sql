-- name: foreign_keys
-- Those that lead to one of the tables; what a deletion does there is PostgreSQL's letter for ON DELETE.
SELECT k.conname::text AS name, cn.nspname::text AS child_schema, c.relname::text AS child, p.relname::text AS parent,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place) AS child_columns,
       ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place)
             JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place) AS parent_columns,
       k.confdeltype::text AS on_delete
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
WHERE k.contype = 'f' AND pn.nspname = %(schema)s AND p.relname = ANY (%(tables)s)
ORDER BY cn.nspname, c.relname, k.conname
