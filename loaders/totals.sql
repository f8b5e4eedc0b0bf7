-- name: columns
SELECT c.relname AS "table", a.attname AS "column", a.atttypid = 'real'::regtype AS is_real
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = to_regnamespace(quote_ident(%(schema)s)) AND c.relkind IN ('r', 'p') AND c.relname = ANY (%(tables)s)

-- name: totals
SELECT count(*) AS "rows"{sums} FROM {table}

-- name: sum
, coalesce(sum(round({value}::text::numeric, 30)), 0) AS {name}
