-- name: look
SELECT current_user::text AS login, current_database()::text AS database,
       EXISTS (SELECT FROM pg_roles WHERE rolname = {role}) AS has_role,
       coalesce((SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = {role}), false) AS is_member,
       coalesce((SELECT has_database_privilege(oid, current_database(), 'CREATE') FROM pg_roles WHERE rolname = {role}), false)
           AS may_create

-- name: schemas
-- The schemas of an environment that are there, and whose they are.
SELECT n.nspname::text AS name, pg_get_userbyid(n.nspowner)::text AS owner FROM pg_namespace n
WHERE n.nspname IN ({production}, {state}) OR starts_with(n.nspname, {staging} || '_') OR starts_with(n.nspname, {previous} || '_')
ORDER BY 1

-- name: role
CREATE ROLE {role} NOLOGIN

-- name: member
GRANT {role} TO CURRENT_USER

-- name: rights
GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {database} TO {role}

-- name: schema
CREATE SCHEMA {schema}

-- name: owned_schema
CREATE SCHEMA {schema} AUTHORIZATION {role}

-- name: drop
DROP SCHEMA {schema} CASCADE

-- name: patience
SELECT set_config('lock_timeout', {milliseconds}, true)

-- name: whole
SET LOCAL row_security = off

-- name: worked_on
SELECT run_id FROM {state}.run r WHERE {held} LIMIT 1

-- name: has_runs
SELECT to_regclass({run}) IS NOT NULL AS found

-- name: published
-- The tables that an environment shows, and the first column of their keys.
SELECT c.relname::text AS name, (
    SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = c.oid AND i.indisprimary) AS key,
    ARRAY(SELECT a.attname::text FROM pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum) AS columns,
    ARRAY(SELECT a.attname::text FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
          JOIN pg_depend e ON e.classid = 'pg_attrdef'::regclass AND e.objid = d.oid
          JOIN pg_class s ON e.refclassid = 'pg_class'::regclass AND s.oid = e.refobjid AND s.relkind = 'S'
          WHERE a.attrelid = c.oid) AS numbered
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = {production} AND c.relkind = 'r' AND c.relname IN (
    SELECT jsonb_object_keys(p.tables) FROM {state}.dataset d JOIN {state}.publication p USING (dataset, generation))
ORDER BY 1

-- name: like
CREATE TABLE {table} (LIKE {original} INCLUDING ALL)

-- name: unnumbered
ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT

-- name: copy
INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE
SELECT {columns} FROM {original} AS t ORDER BY hashtextextended(({key})::text COLLATE "C", 0), ROW(t.*)::text COLLATE "C"
LIMIT {limit}

-- name: owner
ALTER TABLE {table} OWNER TO {role}

-- name: counts
SELECT (SELECT count(*) FROM {table}) AS copied, (SELECT count(*) FROM {original}) AS of
