-- name: delete
DELETE FROM {table} AS p USING {kept} AS d WHERE d."firn change" IN ({kinds}) AND {on_pd}

-- name: update
UPDATE {table} AS p SET {values} FROM {kept} AS d JOIN {wanted} AS s ON {on_sd}
WHERE d."firn change" = 'u' AND {on_pd}

-- name: insert
INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE
SELECT {columns_of_s} FROM {wanted} AS s JOIN {kept} AS d ON {on_sd} WHERE d."firn change" IN ({kinds}) {besides}

-- name: insert_restored
INSERT INTO {table} ({columns}, {others}) OVERRIDING SYSTEM VALUE
SELECT {columns_of_s}, {others_of_o} FROM {wanted} AS s JOIN {kept} AS d ON {on_sd} JOIN {restored} AS o ON {on_os}
WHERE d."firn change" IN ({kinds})

-- name: not_restored
AND NOT EXISTS (SELECT FROM {restored} AS o WHERE {on_os})

-- name: delete_all
DELETE FROM {table}

-- name: insert_all
INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {wanted} AS s

-- name: eaten
SELECT count(*) AS rows, min({shown}) AS example
FROM {child} AS c JOIN {table} AS p ON {on_cp} WHERE {dying} AND NOT {dies_too}

-- name: dying
EXISTS (SELECT FROM {kept} AS d WHERE d."firn change" IN ({kinds}) AND {on})

-- name: altered
-- A trigger of production, or somebody's rule, made another row of what was written.
SELECT {keys} AS key FROM {kept} AS d LEFT JOIN {present} AS p ON {on_pd}
WHERE d."firn change" IN ('i', 'u') AND sha256(record_send(p.*)) IS DISTINCT FROM d."firn after" LIMIT 1
