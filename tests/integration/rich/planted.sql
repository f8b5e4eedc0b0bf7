-- Whatever a statement that trusts the search path would call, compare with, or read; each says so, or lies.
CREATE SCHEMA evil;
CREATE FUNCTION evil.caught() RETURNS text LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'something planted was called'; END $$;
DO $$
DECLARE name text; made text; types text[];
BEGIN
    -- Pairs of different types too: such an operator fits better than the one meant, wherever in the path it stands.
    FOREACH types SLICE 1 IN ARRAY ARRAY[['int2', 'int2'], ['int4', 'int4'], ['int8', 'int8'], ['text', 'text'],
        ['name', 'name'], ['oid', 'oid'], ['xid', 'xid'], ['char', 'char'], ['bool', 'bool'], ['jsonb', 'jsonb'],
        ['uuid', 'uuid'], ['numeric', 'numeric'], ['timestamptz', 'timestamptz'], ['record', 'record'],
        ['regproc', 'int4'], ['oid', 'int4'], ['name', 'text'], ['int8', 'int4'], ['int2', 'int4']] LOOP
        made := 'same_' || array_to_string(types, '_');
        EXECUTE format('CREATE FUNCTION evil.%I(pg_catalog.%I, pg_catalog.%I) RETURNS boolean LANGUAGE plpgsql AS %L',
                       made, types[1], types[2], 'BEGIN RAISE EXCEPTION ''a planted operator was called''; END');
        FOREACH name IN ARRAY ARRAY['=', '<>', '<', '>', '*<>', '*='] LOOP
            EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = pg_catalog.%I, RIGHTARG = pg_catalog.%I,'
                           ' FUNCTION = evil.%I)', name, types[1], types[2], made);
        END LOOP;
    END LOOP;
    FOREACH name IN ARRAY ARRAY['format(text)', 'md5(text)', 'lower(text)', 'length(text)', 'sha256(bytea)', 'now()',
        'clock_timestamp()', 'pg_current_xact_id()', 'pg_backend_pid()', 'current_setting(text)', 'to_regclass(text)',
        'hashtextextended(text, bigint)', 'pg_advisory_xact_lock(bigint)', 'set_config(text, text, boolean)',
        'pg_get_constraintdef(oid)', 'pg_get_indexdef(oid)', 'pg_get_viewdef(oid)', 'pg_get_functiondef(oid)',
        'pg_describe_object(oid, oid, int)', 'pg_get_expr(pg_node_tree, oid)', 'format_type(oid, int)',
        'has_schema_privilege(text, text)', 'has_table_privilege(oid, text)', 'quote_ident(text)', 'coalesce_(text)',
        'jsonb_build_object(text, text)', 'array_to_string(text[], text)'] LOOP
        EXECUTE format('CREATE FUNCTION evil.%s RETURNS text LANGUAGE sql AS %L', name, 'SELECT evil.caught()');
    END LOOP;
    FOREACH name IN ARRAY ARRAY['pg_class', 'pg_namespace', 'pg_depend', 'pg_attribute', 'pg_constraint', 'pg_index',
        'pg_type', 'pg_locks', 'pg_settings', 'dataset', 'run', 'publication', 'version', 'horizon', 'orders', 'lines',
        'notes', 'part', 'pg_database', 'pg_roles', 'pg_publication', 'pg_trigger', 'pg_policy'] LOOP
        EXECUTE format('CREATE TABLE evil.%I (nothing int)', name);
    END LOOP;
END $$;
CREATE AGGREGATE evil.count("any") (SFUNC = pg_catalog.int8inc_any, STYPE = bigint, INITCOND = '1000');
CREATE AGGREGATE evil.count(*) (SFUNC = pg_catalog.int8inc, STYPE = bigint, INITCOND = '1000');
CREATE AGGREGATE evil.max(text) (SFUNC = pg_catalog.text_smaller, STYPE = text);
CREATE AGGREGATE evil.sum(bigint) (SFUNC = pg_catalog.int8mi, STYPE = bigint, INITCOND = '0');
CREATE DOMAIN evil.text AS pg_catalog.int4;
CREATE DOMAIN evil.regclass AS pg_catalog.int4;
CREATE DOMAIN evil.jsonb AS pg_catalog.int4;
CREATE DOMAIN evil.numeric AS pg_catalog.int4;
CREATE DOMAIN evil.uuid AS pg_catalog.int4;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
