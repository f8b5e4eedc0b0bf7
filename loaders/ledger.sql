-- name: read
SELECT p.part, p.fingerprint, p.content, p.recipe, p.read_by AS run_id, p.tables, p.copied_from
FROM {state}.part p JOIN {state}.dataset d USING (dataset, run_id)
WHERE p.dataset = %(dataset)s ORDER BY p.part

-- name: write
INSERT INTO {state}.part (dataset, run_id, part, fingerprint, content, recipe, read_by, tables, copied_from)
VALUES (%(dataset)s, %(run)s, %(part)s, %(fingerprint)s, %(content)s, %(recipe)s, %(read_by)s, %(tables)s, %(copied_from)s)

-- name: relist
UPDATE {state}.part p SET fingerprint = %(fingerprint)s FROM {state}.dataset d
WHERE d.dataset = p.dataset AND d.run_id = p.run_id AND p.dataset = %(dataset)s AND p.part = %(part)s
AND d.generation = %(generation)s AND p.fingerprint <> %(fingerprint)s

-- name: forget
-- Of the ledger only the runs stay that are visible, or may become so.
DELETE FROM {state}.part p WHERE p.dataset = %(dataset)s AND p.run_id <> ALL (%(runs)s)
AND NOT EXISTS (SELECT FROM {state}.run r WHERE r.run_id = p.run_id AND r.status IN ('running', 'ready'))

-- name: forget_run
DELETE FROM {state}.part WHERE run_id = %(run)s

-- name: take
INSERT INTO {staging} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns_of_t} FROM {table} AS t WHERE t.{column} = ANY ({parts})

-- name: take_through
INSERT INTO {staging} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns_of_t} FROM {table} AS t JOIN {through} AS o ON o.{key} = t.{key}
WHERE o.{column} = ANY ({parts})

-- name: digests
-- The hash of a row depends on the order of its columns, the sum of the hashes not on the order of the rows.
SELECT t.{column} AS part, count(*) AS rows, sum(hashint8extended(hash_record_extended({row}, 0), 0))::text AS digest
FROM {table} AS t GROUP BY 1

-- name: digests_through
SELECT o.{column} AS part, count(*) AS rows, sum(hashint8extended(hash_record_extended({row}, 0), 0))::text AS digest
FROM {table} AS t JOIN {through} AS o ON o.{key} = t.{key} GROUP BY 1
