-- name: column
SELECT {key} AS key, {date} AS date FROM {table}

-- name: span
SELECT count(*) AS "rows", min(key) AS low, max(key) AS high, min(date)::text AS first, max(date)::text AS last
FROM ({rows}) r

-- name: gaps
SELECT key + 1 AS low, next - 1 AS high, count(*) OVER () AS gaps, sum(next - key - 1) OVER () AS missing
FROM (SELECT key, lead(key) OVER (ORDER BY key) AS next FROM ({rows}) r) k
WHERE next > key + 1
ORDER BY next - key DESC, key
LIMIT {most}
