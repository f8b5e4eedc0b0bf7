-- name: stack
SELECT {columns}, "firn change", "firn after", {place} AS "firn place" FROM {kept}

-- name: wanted
-- Of what several generations wrote down of a row, the oldest is what it was before all of them.
(SELECT {columns} FROM (SELECT DISTINCT ON ({key}) * FROM ({stack}) AS s ORDER BY {key}, "firn place" DESC) AS oldest
 WHERE "firn change" <> 'i')

-- name: restored
(SELECT DISTINCT ON ({key}) * FROM ({stack}) AS o ORDER BY {key}, "firn place" DESC)

-- name: stack_of_others
SELECT {key}, {others}, {place} AS "firn place" FROM {kept}

-- name: present
(SELECT {columns} FROM {table} AS t WHERE EXISTS (SELECT FROM ({stack}) AS k WHERE {on}))

-- name: only
EXISTS (SELECT FROM {staged} AS s WHERE {on})

-- name: absent
NOT EXISTS (SELECT FROM {table} AS p WHERE {on})

-- name: inserted
(SELECT * FROM {new} AS new UNION ALL SELECT * FROM {present} AS present)

-- name: by_index
-- Whatever the planner guesses of so many ranges: the index of the key finds their rows.
SET LOCAL enable_seqscan = off; SET LOCAL enable_material = off

-- name: gone
CREATE TEMPORARY TABLE {concerned} ON COMMIT DROP AS
SELECT {key_of_t} FROM {ranges} JOIN {table} AS t ON t.{first} BETWEEN r."firn low" AND r."firn high"
WHERE NOT EXISTS (SELECT FROM {staged} AS s WHERE {on})

-- name: as_before
SET LOCAL enable_seqscan TO DEFAULT; SET LOCAL enable_material TO DEFAULT

-- name: also_staged
INSERT INTO {concerned} SELECT {key} FROM {staged};
ALTER TABLE {concerned} ADD PRIMARY KEY ({key});
ANALYZE {concerned}

-- name: changed_since
SELECT {keys} AS key
FROM (SELECT DISTINCT ON ({key}) * FROM ({stack}) AS s ORDER BY {key}, "firn place") AS d
LEFT JOIN {present} AS p ON {on}
WHERE CASE WHEN d."firn change" = 'd' THEN p.{first} IS NOT NULL
           ELSE p.{first} IS NULL OR sha256(record_send(p.*)) <> d."firn after" END
ORDER BY {order} LIMIT 10
