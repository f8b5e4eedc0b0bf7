-- name: foreseen
-- Figures of the rows that a table will have: of all that it has, less those that staged ones take the place of, and of the
-- staged ones.
SELECT coalesce(sum(sign), 0)::bigint AS rows {sums}
FROM (
    SELECT 1 AS sign, {columns} FROM {held} AS held
    UNION ALL
    SELECT -1, {columns} FROM {present} AS present
    UNION ALL
    SELECT 1, {columns} FROM {wanted} AS wanted
) AS r
WHERE {since}

-- name: sum
, coalesce(sum(sign * {value}), 0) AS {column}
