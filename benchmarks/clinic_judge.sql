-- name: source_columns
SELECT column_name, data_type, column_key
FROM information_schema.columns WHERE table_schema = database() AND table_name = '{table}' ORDER BY ordinal_position
-- name: target_columns
SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
-- name: source_hash
MD5(CONCAT_WS(CHAR(31 USING utf8mb4), {values}))
-- name: source_value
IFNULL({value}, CHAR(30 USING utf8mb4))
-- name: source_rows
SELECT {key} AS k, {hash} AS h FROM {place}
-- name: source_row
SELECT {values} FROM {place} WHERE {key} = {value}
-- name: target_hash
md5(array_to_string(ARRAY[{values}], chr(31), chr(30)))
-- name: target_rows
SELECT {key} AS k, {hash} AS h FROM {table} ORDER BY k
-- name: target_row
SELECT {values} FROM {table} WHERE {key} = %s
-- name: has
SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = %s AND table_name = %s
