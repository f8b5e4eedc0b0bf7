-- name: hashed
-- Without statistics of the log, which just grew, other joins than by hash take minutes for 200,000 cells.
SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off

-- name: as_before
SET LOCAL enable_nestloop TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT

-- name: undo
-- What later generations opened was not open before them, and what they resolved was.
DELETE FROM {log} WHERE dataset = {dataset} AND first_generation > {to};
UPDATE {log} SET resolved_run = NULL, resolved_at = NULL, resolved_generation = NULL
WHERE dataset = {dataset} AND resolved_generation > {to}

-- name: follow
UPDATE {log} l SET resolved_run = {run}, resolved_at = clock_timestamp(), resolved_generation = {generation}
WHERE l.dataset = {dataset} AND l.resolved_generation IS NULL AND NOT EXISTS (
    SELECT FROM {table} q
    WHERE (q.file, q.sheet, q.cell, q.reason, q.raw) = (l.file, l.sheet, l.cell, l.reason, l.raw));
INSERT INTO {log}
    (dataset, file, sheet, cell, "row", "column", raw, expected, reason, first_run, first_generation)
SELECT {dataset}, q.file, q.sheet, q.cell, q."row", q."column", q.raw, q.expected, q.reason, {run}, {generation}
FROM {table} q
WHERE NOT EXISTS (
    SELECT FROM {log} l
    WHERE l.dataset = {dataset} AND l.resolved_generation IS NULL
      AND (l.file, l.sheet, l.cell, l.reason, l.raw) = (q.file, q.sheet, q.cell, q.reason, q.raw))

-- name: open
SELECT q.file, q.etag, q.sheet, q.cell, q."row", q."column", q.raw, q.expected, q.reason, q.run_id,
       l.first_run, l.first_at, NULL::text AS resolved_run, NULL::timestamptz AS resolved_at
FROM {table} q LEFT JOIN {log} l ON l.dataset = %(dataset)s AND l.resolved_generation IS NULL
    AND (l.file, l.sheet, l.cell, l.reason, l.raw) = (q.file, q.sheet, q.cell, q.reason, q.raw)
ORDER BY q.file, q.sheet, q."row", length(q.cell), q.cell

-- name: resolved
SELECT file, NULL::text AS etag, sheet, cell, "row", "column", raw, expected, reason, first_run AS run_id,
       first_run, first_at, resolved_run, resolved_at
FROM {log} WHERE dataset = %(dataset)s AND resolved_generation IS NOT NULL
ORDER BY file, sheet, "row", length(cell), cell, resolved_generation

-- name: values
-- A value of a table as the log knows the cells of workbooks: no two of a row are of one column and reason.
SELECT "table" AS file, NULL::text AS etag, "column" AS sheet, key AS cell, 0 AS "row", "column", raw, expected, reason,
       run_id
FROM {table}
