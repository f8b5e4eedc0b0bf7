-- name: rights
SELECT current_user::text AS role, current_database()::text AS database, current_setting('server_version_num')::int AS version,
       has_database_privilege(current_database(), 'CREATE') AS may_create_schemas,
       coalesce(has_schema_privilege(to_regnamespace({production}), 'CREATE'), true) AS may_create_in_production,
       pg_is_in_recovery() AS is_standby, pg_backend_pid() AS pid,
       coalesce((SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass({horizon})), true) AS owns_state
