-- name: one_snapshot
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY

-- name: exactly
-- Texts of values are exact and alike, whatever this role's or this database's defaults are; and a role that a policy
-- restricts is refused, for it would compare only the rows that it sees.
SELECT concat(set_config('extra_float_digits', '1', true), set_config('DateStyle', 'ISO', true),
              set_config('IntervalStyle', 'postgres', true), set_config('bytea_output', 'hex', true),
              set_config('work_mem', '64MB', true), set_config('jit', 'off', true),
              set_config('row_security', 'off', true))

-- name: schemas
SELECT nspname::text AS name FROM pg_namespace ORDER BY 1

-- name: relations
-- What has rows; parts of a partitioned table are read with it.
SELECT c.relname::text AS name, c.relkind IN ('r', 'p') AS stored
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
ORDER BY 1

-- name: columns
SELECT c.relname::text AS table, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
       b.typname::text AS base, a.attcollation <> 0 AS collated,
       CASE WHEN b.typname IN ('int2', 'int4', 'int8', 'bool') THEN 0
            WHEN b.typname = 'numeric' AND m.modifier >= 4 THEN (((m.modifier - 4) & 2047) # 1024) - 1024
       END AS scale
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
JOIN pg_type t ON t.oid = a.atttypid JOIN pg_type b ON b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
CROSS JOIN LATERAL (SELECT CASE WHEN t.typbasetype <> 0 THEN t.typtypmod ELSE a.atttypmod END AS modifier) m
WHERE n.nspname = %(schema)s AND c.relname = ANY (%(tables)s) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum

-- name: keys
-- Indexes that hold each combination of some columns once, in whole rows and without exception, a primary key first.
SELECT c.relname::text AS table, array_agg(a.attname::text ORDER BY k.place) AS columns,
       bool_and(a.attnotnull) AS required
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (number, place) ON true
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
WHERE n.nspname = %(schema)s AND c.relname = ANY (%(tables)s)
  AND i.indisunique AND i.indisvalid AND i.indisready AND i.indpred IS NULL AND i.indexprs IS NULL
GROUP BY c.relname, i.indexrelid, i.indisprimary
ORDER BY c.relname, i.indisprimary DESC, i.indexrelid

-- name: count
SELECT (SELECT count(*) FROM {theirs}) AS there, (SELECT count(*) FROM {ours}) AS here

-- name: doubled
SELECT EXISTS (SELECT FROM {rows} AS t GROUP BY {keys} HAVING count(*) > 1) AS found

-- name: numbered
row_number() OVER (PARTITION BY {keys} ORDER BY t::text COLLATE "C")

-- name: rows
(SELECT true AS present, {nth} AS nth, {columns} FROM {rows} AS t)

-- name: rounded
-- Of numbers equal at the coarser scale; of numbers of which one has no scale, also those equal to six digits.
CASE WHEN {old} ~ '[NI]' OR {new} ~ '[NI]' THEN false
     ELSE round({old}::numeric, {scale}) IS NOT DISTINCT FROM round({new}::numeric, {scale}) AND {scale} IS NOT NULL
          OR {floating} AND abs({old}::numeric - {new}::numeric)
                            <= 0.000001 * greatest(abs({old}::numeric), abs({new}::numeric))
END

-- name: same_second
date_trunc('second', {old}::timestamp) = date_trunc('second', {new}::timestamp)
OR {old}::timestamp(0) = {new}::timestamp(0)

-- name: code
CASE WHEN {old} IS NOT DISTINCT FROM {new} THEN '.' WHEN {new} IS NULL AND {old} = '' THEN 'e' WHEN {new} IS NULL THEN 'n'
     WHEN {old} IS NULL AND {new} = '' THEN 'f' WHEN {old} IS NULL THEN 'v' WHEN {rounding} THEN 'r' ELSE 'c' END

-- name: differing
CASE WHEN {old} IS DISTINCT FROM {new} THEN left({old}, 1000) END

-- name: keyed
-- Rows whose images are equal are equal. Of the others every column gets a letter, and rows of the same letters are
-- counted together, so that however many rows differ few are sorted and none is sent but the samples.
WITH differing AS MATERIALIZED (
    SELECT * FROM (
        SELECT {places}, {told} AS key,
               CASE WHEN p.present IS NULL THEN '-' WHEN s.present IS NULL THEN '+'
                    ELSE array_to_string({codes}, '') END AS codes,
               CASE WHEN s.present AND p.present THEN {olds} END AS olds,
               CASE WHEN s.present AND p.present THEN {news} END AS news
        FROM {theirs} AS s FULL JOIN {ours} AS p ON {on}
        WHERE s.present IS NULL OR p.present IS NULL OR s.* *<> p.*
    ) AS compared WHERE codes ~ '[^.]'
),
patterns AS (SELECT codes, count(*) AS rows FROM differing GROUP BY codes),
counts AS (
    SELECT c.at, c.code, sum(p.rows) AS rows FROM patterns p, string_to_table(p.codes, NULL) WITH ORDINALITY AS c (code, at)
    WHERE c.code <> '.' GROUP BY 1, 2
    UNION ALL SELECT 0, '*', sum(rows) FROM patterns WHERE codes NOT IN ('-', '+') HAVING count(*) > 0
),
first AS (
    SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY codes ORDER BY {order}) AS seen FROM differing) AS ranked
    WHERE seen <= {most}
),
shown AS (
    SELECT at, code, jsonb_agg(jsonb_build_array(key, old, new) ORDER BY seen) AS sample
    FROM (
        SELECT c.at, c.code, d.key, d.olds[c.at] AS old, d.news[c.at] AS new,
               row_number() OVER (PARTITION BY c.at, c.code ORDER BY {order}) AS seen
        FROM first d, string_to_table(d.codes, NULL) WITH ORDINALITY AS c (code, at) WHERE c.code <> '.'
    ) AS cells WHERE seen <= {most} GROUP BY 1, 2
)
SELECT c.at, c.code, c.rows::bigint AS rows, coalesce(s.sample, '[]') AS sample
FROM counts c LEFT JOIN shown s USING (at, code) ORDER BY c.at, c.code

-- name: image
sha256(convert_to({content}, 'UTF8'))

-- name: unkeyed
-- Without a key a row is known by all that it holds, and may be there more than once. Hashes are counted, for they are
-- short; the rows of a few are then looked up to be shown.
WITH s AS (SELECT {their_image} AS image, count(*) AS rows FROM {there} AS t GROUP BY 1),
p AS (SELECT {our_image} AS image, count(*) AS rows FROM {here} AS t GROUP BY 1),
differing AS MATERIALIZED (
    SELECT image, CASE WHEN p.rows > coalesce(s.rows, 0) THEN '+' ELSE '-' END AS code,
           abs(coalesce(p.rows, 0) - coalesce(s.rows, 0)) AS rows
    FROM s FULL JOIN p USING (image) WHERE s.rows IS DISTINCT FROM p.rows
),
first AS MATERIALIZED (
    SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY code ORDER BY image) AS seen FROM differing) AS ranked
    WHERE seen <= {most}
),
shown AS (
    SELECT code, jsonb_agg(jsonb_build_array(left(content, 1000), NULL, NULL) ORDER BY content COLLATE "C") AS sample
    FROM (
        SELECT DISTINCT ON (f.image) f.code, r.content FROM first AS f JOIN (
            SELECT {their_image} AS image, {theirs} AS content FROM {there} AS t
            UNION ALL SELECT {our_image}, {ours} FROM {here} AS t
        ) AS r USING (image)
    ) AS found GROUP BY code
)
SELECT 1 AS at, d.code, sum(d.rows)::bigint AS rows, coalesce(min(s.sample::text)::jsonb, '[]') AS sample
FROM differing d LEFT JOIN shown s USING (code) GROUP BY d.code

-- name: states
-- Schemas that hold the state of a firn, as far as this role may read it.
SELECT n.nspname::text AS name
FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_attribute a ON a.attrelid = c.oid
WHERE has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
  AND (c.relname, a.attname) IN (('version', 'production'), ('dataset', 'generation'), ('publication', 'tables'))
GROUP BY n.nspname HAVING count(*) = 3 ORDER BY 1

-- name: state_of
-- An older firn knows no environments, and has no such column.
SELECT coalesce(to_jsonb(v) ->> 'environment', {usual}) AS environment
FROM {state}.version v WHERE production = %(schema)s ORDER BY version DESC LIMIT 1
