-- name: server
SELECT VERSION(), @@GLOBAL.sql_mode, @@GLOBAL.time_zone, NOW()

-- name: tables
SELECT TABLE_NAME, ENGINE, TABLE_ROWS, AVG_ROW_LENGTH, DATA_LENGTH, INDEX_LENGTH, AUTO_INCREMENT, CREATE_TIME,
       UPDATE_TIME, TABLE_COLLATION
FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'
ORDER BY TABLE_NAME

-- name: marks
SELECT TABLE_NAME, ENGINE, TABLE_ROWS, CREATE_TIME, UPDATE_TIME, NOW()
FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'

-- name: position_mariadb
SELECT GROUP_CONCAT(VARIABLE_VALUE ORDER BY VARIABLE_NAME SEPARATOR ':')
FROM information_schema.SESSION_STATUS
WHERE VARIABLE_NAME IN ('BINLOG_SNAPSHOT_FILE', 'BINLOG_SNAPSHOT_POSITION')

-- name: position_mysql
SELECT IF(@@GLOBAL.log_bin AND @@GLOBAL.gtid_mode = 'ON', @@GLOBAL.gtid_executed, '')

-- name: columns
SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, NUMERIC_PRECISION, NUMERIC_SCALE,
       CHARACTER_SET_NAME, COLLATION_NAME, COLUMN_DEFAULT, EXTRA
FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = DATABASE() AND (%(table)s = '' OR TABLE_NAME = %(table)s)
ORDER BY TABLE_NAME, ORDINAL_POSITION

-- name: keys
SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, NON_UNIQUE, NULLABLE, SUB_PART
FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = DATABASE() AND INDEX_TYPE = 'BTREE'
ORDER BY TABLE_NAME, INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX

-- name: ends
SELECT MIN({key}), MAX({key}) FROM {table}{where}

-- name: border
SELECT {key} FROM {table}{where} ORDER BY {key} LIMIT 1 OFFSET {rows}

-- name: next
SELECT MIN({key}) FROM {table}{where} AND {key} > {low}

-- name: highest
SELECT MAX({column}) FROM {table}

-- name: read
SELECT {columns} FROM {table}{where}

-- name: ordered
SELECT {columns} FROM {table}{where} ORDER BY {keys}

-- name: figures
SELECT COUNT(*){sums} FROM {table}{where}

-- name: checksums
SELECT {bucket} AS bucket, COUNT(*), SUM(CAST(CONV(LEFT({digest}, 16), 16, 10) AS UNSIGNED))
FROM {table}{where}
GROUP BY bucket
