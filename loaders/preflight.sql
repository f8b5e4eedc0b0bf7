-- name: rights
SELECT current_user::text AS role, current_database()::text AS database, current_setting('server_version_num')::int AS version,
       has_database_privilege(current_database(), 'CREATE') AS may_create_schemas,
       coalesce(has_schema_privilege(to_regnamespace({production}), 'CREATE'), true) AS may_create_in_production,
       pg_is_in_recovery() AS is_standby, pg_backend_pid() AS pid,
       coalesce((SELECT bool_and(pg_has_role(c.relowner, 'USAGE'))
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = {state} AND c.relkind = 'r'), true) AS owns_state
