-- name: difference
-- The images of rows are compared, not their values: 1.0 and 1.00, 0.0 and -0.0, '1 day' and '24 hours' differ, null
-- and NaN equal themselves, and types without an equality operator can be compared too.
{wanted} AS s FULL JOIN {present} AS p ON {on}
WHERE s.{first} IS NULL OR p.{first} IS NULL OR s.* *<> p.*

-- name: kind
CASE WHEN s.{first} IS NULL THEN 'd' WHEN p.{first} IS NULL THEN 'i' ELSE 'u' END

-- name: followed
SELECT EXISTS (SELECT FROM pg_publication WHERE puballtables) AND {kept_name} NOT LIKE '"pg_temp"%' AS found

-- name: write
CREATE {unlogged} TABLE {kept} AS
SELECT {kind}::"char" AS "firn change", {images},
       CASE WHEN s.{first} IS NOT NULL THEN sha256(record_send(s.*)) END AS "firn after"
FROM {difference}

-- name: write_aside
CREATE {unlogged} TABLE {aside} AS SELECT {columns}, true AS {mark} FROM {table} AS p JOIN {kept} AS d ON {on_pd}
WHERE d."firn change" = 'd'

-- name: key
ALTER TABLE {kept} ADD PRIMARY KEY ({key})

-- name: analyze
ANALYZE {kept}

-- name: write_all
CREATE {unlogged} TABLE {kept} AS SELECT {columns} FROM {present} AS s

-- name: mark
-- A crash empties a table that is not logged; by this it is noticed.
DO $$ BEGIN EXECUTE format('COMMENT ON TABLE %s IS %L', {kept_name}, (SELECT count(*) FROM {kept})); END $$

-- name: whole
SELECT (SELECT count(*) FROM {kept})::text = coalesce(
    obj_description(to_regclass({kept_name}), 'pg_class'), (SELECT count(*) FROM {kept})::text) AS found

-- name: counts
SELECT count(*) FILTER (WHERE "firn change" = 'i') AS inserted, count(*) FILTER (WHERE "firn change" = 'u') AS updated,
       count(*) FILTER (WHERE "firn change" = 'd') AS deleted
FROM {kept}

-- name: count
SELECT count(*) FILTER (WHERE kind = 'i') AS inserted, count(*) FILTER (WHERE kind = 'u') AS updated,
       count(*) FILTER (WHERE kind = 'd') AS deleted
FROM (SELECT {kind} AS kind FROM {difference}) AS differing

-- name: sample
SELECT {kind} AS kind, {keys} AS key, {olds} AS old, {news} AS new FROM {difference} ORDER BY {order} LIMIT {most}

-- name: content
-- Free of order, and of any type's idea of equality: 128 bits of the hash of every row's image, and how many there are.
SELECT count(*) AS rows, count(*) || ':' || coalesce(sum(low), 0) || ':' || coalesce(sum(high), 0) AS digest
FROM (
    SELECT ('x' || encode(substr(image, 1, 8), 'hex'))::bit(64)::bigint AS low,
           ('x' || encode(substr(image, 9, 8), 'hex'))::bit(64)::bigint AS high
    FROM (SELECT sha256(record_send(r.*)) AS image FROM {relation} AS r) AS hashed
) AS halves

-- name: doubled
SELECT {keys} AS key FROM {wanted} AS s JOIN {present} AS p ON {on} ORDER BY {order} LIMIT 10

-- name: bent
SELECT count(*) AS rows, min({column}::text) AS example FROM {staged}
WHERE {column}::{theirs}::{ours} IS DISTINCT FROM {column}
