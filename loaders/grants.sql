-- name: script
-- PostgreSQL: in the target's database, once, as a superuser or as the owner of database and schema. Running it again is harmless.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {loader_text}) THEN
        CREATE ROLE {loader} LOGIN;  -- its password: \password, or ALTER ROLE ... PASSWORD
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {reader_text}) THEN
        CREATE ROLE {reader} NOLOGIN;  -- GRANT it to whoever reads
    END IF;
    -- CREATE: firn makes its schemas: staging of each run, earlier generations, state. TEMPORARY: what differs is worked out there.
    EXECUTE pg_catalog.format('GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO %I', current_database(), {loader_text});
    EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), {reader_text});
END
$$;
CREATE SCHEMA IF NOT EXISTS {production};
-- It loads and publishes: only the owner of a table may put it in another's place, so that these two cannot be two roles.
GRANT USAGE, CREATE ON SCHEMA {production} TO {loader};
GRANT USAGE ON SCHEMA {production} TO {reader};
GRANT SELECT ON ALL TABLES IN SCHEMA {production} TO {reader};
-- Of what firn makes, readers see what stands in a schema that they may use: neither staging nor state.
ALTER DEFAULT PRIVILEGES FOR ROLE {loader} GRANT SELECT ON TABLES TO {reader};

-- name: stats
-- Not needed: who is in the way of a publication is told with what they do, and not only by pid.
-- GRANT pg_read_all_stats TO {loader};

-- name: signal
-- terminate_blockers is set: sessions of others may be ended.
GRANT pg_signal_backend, pg_read_all_stats TO {loader};
