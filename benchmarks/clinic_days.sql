-- name: insert
INSERT INTO `{table}` (`{key}`, {columns})
SELECT {highest} + 1 + {highest} - `{key}`, {values} FROM `{table}` ORDER BY `{key}` DESC LIMIT {rows}
-- name: highest
SELECT MAX(`{key}`) FROM `{table}`
-- name: edit
UPDATE `{table}` SET {sets} WHERE {where}
-- name: edit_text
`{column}` = CONCAT('edit {day}: ', LEFT(COALESCE(`{column}`, ''), 8))
-- name: edit_money
`{column}` = ROUND(`{column}` + 0.01, 2)
-- name: edit_whole
`{column}` = (`{column}` + 1) % 100
-- name: delete
DELETE FROM `{table}` WHERE {where}
-- name: delete_block
DELETE FROM `{table}` WHERE `{key}` >= (SELECT start FROM (SELECT MIN(`{key}`) + {offset} AS start FROM `{table}`) AS block)
ORDER BY `{key}` LIMIT {rows}
-- name: keep_database
CREATE DATABASE IF NOT EXISTS `{kept}` CHARACTER SET utf8mb4
-- name: keep_table
CREATE TABLE IF NOT EXISTS `{kept}`.`{table}` LIKE `{table}`
-- name: keep_rows
INSERT INTO `{kept}`.`{table}` SELECT * FROM `{table}` ORDER BY `{key}` LIMIT {rows}
-- name: oldest
SELECT `{key}` FROM `{table}` ORDER BY `{key}` LIMIT {rows}
-- name: purge
DELETE FROM `{table}` ORDER BY `{key}` LIMIT {rows}
-- name: new_table
CREATE TABLE visitnote (
    VisitNoteNum bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
    PatNum bigint NOT NULL,
    Note text NOT NULL,
    DateTStamp timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp()
) ENGINE=MyISAM
-- name: new_rows
INSERT INTO visitnote (PatNum, Note, DateTStamp) SELECT seq, CONCAT('note ', seq), '2025-06-08 09:00:00' FROM seq_1_to_40
-- name: columns
SELECT column_name, data_type, column_key, extra, COALESCE(character_maximum_length, 0)
FROM information_schema.columns WHERE table_schema = database() AND table_name = '{table}' ORDER BY ordinal_position
-- name: count
SELECT COUNT(*) FROM `{table}`
-- name: show
SET time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES'; SELECT {values} FROM `{table}` ORDER BY {order}
