-- name: columns
-- The columns of tables, each with the clause that makes it again, and the type whose bytes it takes: of a domain the one
-- that it stands for, of what is held as text ``text``.
WITH RECURSIVE held AS (
    SELECT a.attrelid, a.attnum, a.atttypid AS type, a.atttypmod AS modifier
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = {schema} AND c.relname = ANY ({tables}::name[]) AND c.relkind = 'r' AND a.attnum > 0
      AND NOT a.attisdropped
    UNION ALL
    SELECT h.attrelid, h.attnum, y.typbasetype, CASE WHEN h.modifier = -1 THEN y.typtypmod ELSE h.modifier END
    FROM held h
    JOIN pg_type y ON y.oid = h.type AND y.typtype = 'd'
)
SELECT h.attrelid::regclass::text AS place, c.relname::text AS table, a.attname::text AS name,
       format_type(a.atttypid, a.atttypmod) AS type,
       CASE WHEN b.typtype = 'e' OR b.typname IN ('varchar', 'citext') THEN 'text' ELSE format_type(h.type, h.modifier) END
           AS takes,
       a.attgenerated <> '' AS is_generated, a.attnotnull AS is_required,
       format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
       || CASE WHEN a.attcollation <> y.typcollation THEN format(' COLLATE %s', a.attcollation::regcollation) ELSE '' END
       || coalesce(
              format(' GENERATED ALWAYS AS (%s) ', pg_get_expr(d.adbin, d.adrelid))
              || CASE a.attgenerated WHEN 's' THEN 'STORED' WHEN 'v' THEN 'VIRTUAL' END,
              ''
          )
       || CASE WHEN k.convalidated THEN format(' CONSTRAINT %I %s', k.conname, replace(
                   pg_get_constraintdef(k.oid), format('NOT NULL %I', a.attname), 'NOT NULL'))
               WHEN a.attnotnull AND k.oid IS NULL THEN ' NOT NULL'
               ELSE '' END AS clause
FROM held h
JOIN pg_class c ON c.oid = h.attrelid
JOIN pg_attribute a ON a.attrelid = h.attrelid AND a.attnum = h.attnum
JOIN pg_type y ON y.oid = a.atttypid
JOIN pg_type b ON b.oid = h.type AND b.typtype <> 'd'
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated <> ''
LEFT JOIN pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum]
ORDER BY c.relname, a.attnum

-- name: kept
-- How tables are kept on disk, as far as it is said when they are made.
SELECT c.relname::text AS table, format(' USING %I TABLESPACE %I', m.amname, s.spcname) AS clause
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_database d ON d.datname = current_database()
JOIN pg_am m ON m.oid = c.relam
JOIN pg_tablespace s ON s.oid = coalesce(nullif(c.reltablespace, 0), d.dattablespace)
WHERE n.nspname = {schema} AND c.relname = ANY ({tables}::name[]) AND c.relkind = 'r'

-- name: keys
-- What makes rows unique in a table by columns alone.
SELECT c.relname::text AS table, x.relname::text AS name, i.indisprimary AS is_primary,
       (SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])) AS columns,
       coalesce((SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k
                 WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u')), '') AS definition
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_index i ON i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
JOIN pg_class x ON x.oid = i.indexrelid
WHERE n.nspname = {schema} AND c.relname = ANY ({tables}::name[])

-- name: pieces
-- What tables carry, a row for each piece that can be made by itself: what makes it on the table of the same name in a
-- schema, and what takes it away there. Each definition is PostgreSQL's own text, with the table's place in it read as the
-- other's; where that place is not found exactly once, there is nothing that makes the piece, and it is refused.
WITH target AS (
    SELECT c.*, format('%I.%I', n.nspname, c.relname) AS self, format('%I.%I', {into}::text, c.relname) AS place
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = {schema} AND c.relname = ANY ({tables}::name[]) AND c.relkind = 'r'
), own_column AS (
    SELECT t.relname, t.relowner, t.place, a.*, y.typstorage,
           format('ALTER TABLE ONLY %s ALTER COLUMN %I', t.place, a.attname) AS change
    FROM target t JOIN pg_attribute a ON a.attrelid = t.oid JOIN pg_type y ON y.oid = a.atttypid
    WHERE a.attnum > 0 AND NOT a.attisdropped
), own_index AS (
    SELECT t.relname, t.self, t.place, x.relname AS index, format('%I.%I', {into}::text, x.relname) AS index_place,
           m.amname, s.spcname, i.*, k.contype, pg_get_constraintdef(k.oid) AS constraint_definition,
           CASE WHEN k.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED' WHEN k.condeferrable THEN ' DEFERRABLE' ELSE '' END
               AS deferring
    FROM target t
    JOIN pg_index i ON i.indrelid = t.oid AND i.indisvalid AND i.indisready
    JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_am m ON m.oid = x.relam
    LEFT JOIN pg_tablespace s ON s.oid = x.reltablespace
    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = t.oid AND k.contype IN ('p', 'u', 'x')
), index_text AS (
    SELECT *, pg_get_indexdef(indexrelid) AS text,
           format('CREATE %sINDEX %I ON %s ', CASE WHEN indisunique THEN 'UNIQUE ' ELSE '' END, index, self) AS start
    FROM own_index
), index_made AS (
    SELECT i.*,
           CASE WHEN starts_with(text, start)
                THEN format('CREATE %sINDEX %I ON %s ', CASE WHEN indisunique THEN 'UNIQUE ' ELSE '' END, index, place)
                     || substr(text, length(start) + 1) END AS made,
           'ALTER INDEX ' || index_place || ' SET TABLESPACE ' || quote_ident(spcname) AS moved
    FROM index_text i
), own_sequence AS (
    SELECT t.relname, t.relowner, a.attname, a.attidentity, c.relname AS sequence, c.oid AS sequence_oid, c.relacl,
           format('%I.%I', {into}::text, c.relname) AS sequence_place, q.*
    FROM target t
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.deptype = 'i'
    JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
    JOIN pg_sequence q ON q.seqrelid = c.oid
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
), own_foreign AS (
    SELECT t.relname, t.place, k.*, o.relname AS sibling, pg_get_constraintdef(k.oid) AS text,
           format(' REFERENCES %s(', coalesce(o.self, k.confrelid::regclass::text)) AS refers,
           format(' REFERENCES %s(', coalesce(o.place, k.confrelid::regclass::text)) AS refers_there
    FROM target t
    JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f'
    LEFT JOIN target o ON o.oid = k.confrelid
), own_trigger AS (
    SELECT t.relname, t.place, g.*, pg_get_triggerdef(g.oid) AS text,
           format(' ON %s ', t.self) AS on_self, format(' ON %s ', t.place) AS on_place,
           ' FROM ' || o.self || ' ' AS from_self, ' FROM ' || o.place || ' ' AS from_place
    FROM target t
    JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
    LEFT JOIN target o ON o.oid = g.tgconstrrelid
), own_policy AS (
    -- One that reads a table of the set is made in place: made before, it would go on reading what is in place now.
    SELECT t.relname, t.place, p.*, EXISTS (
               SELECT FROM pg_depend d JOIN target o ON d.refclassid = 'pg_class'::regclass AND d.refobjid = o.oid
               WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.deptype = 'n') AS is_late
    FROM target t JOIN pg_policy p ON p.polrelid = t.oid
), own_statistics AS (
    SELECT t.relname, t.self, t.place, x.*, pg_get_statisticsobjdef(x.oid) AS text,
           format('CREATE STATISTICS %I.%I', n.nspname, x.stxname) AS start,
           format('%I.%I', {into}::text, x.stxname) AS statistics_place
    FROM target t
    JOIN pg_statistic_ext x ON x.stxrelid = t.oid
    JOIN pg_namespace n ON n.oid = x.stxnamespace
), acl AS (
    SELECT relname, relowner AS owner, 'grant to' AS kind, '' AS name, place AS on, '' AS column,
           coalesce(relacl, acldefault('r', relowner)) AS acl
    FROM target
    UNION ALL
    SELECT relname, relowner, 'grant on column', attname, place, format(' (%I)', attname), attacl
    FROM own_column
    WHERE attacl IS NOT NULL
    UNION ALL
    SELECT relname, relowner, 'grant on sequence', sequence, 'SEQUENCE ' || sequence_place, '',
           coalesce(relacl, acldefault('s', relowner))
    FROM own_sequence
), own_right AS (
    SELECT a.relname, a.kind, a.name, x.*, a.owner,
           format('%s%s ON %s', x.privilege_type, a.column, a.on) AS given,
           CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END AS receiver,
           -- In one message, so that who grants never sees the schema before the table has left it.
           CASE WHEN x.grantor <> a.owner THEN format(
               'GRANT USAGE ON SCHEMA %I TO %s; SET LOCAL ROLE %2$s; ', {into}::text, x.grantor::regrole)
               ELSE '' END AS before,
           CASE WHEN x.grantor <> a.owner THEN format(
               '; RESET ROLE; REVOKE USAGE ON SCHEMA %I FROM %s', {into}::text, x.grantor::regrole)
               ELSE '' END AS after,
           -- Who grants what was granted comes after who granted it; each step is one row.
           CASE WHEN x.grantor = a.owner THEN 70
                WHEN EXISTS (SELECT FROM aclexplode(a.acl) g WHERE g.grantee = x.grantor AND g.grantor = a.owner
                             AND g.privilege_type = x.privilege_type) THEN 71
                ELSE 72 END AS phase
    FROM acl a, aclexplode(a.acl) WITH ORDINALITY AS x (grantor, grantee, privilege_type, is_grantable, place)
), commented AS (
    SELECT t.relname, 'table' AS what, t.relname AS name, 'TABLE ' || t.place AS on, 'pg_class'::regclass AS classoid, t.oid,
           0 AS part, false AS is_late
    FROM target t
    UNION ALL
    SELECT relname, 'column', attname, format('COLUMN %s.%I', place, attname), 'pg_class'::regclass, attrelid, attnum, false
    FROM own_column
    UNION ALL
    SELECT relname, 'index', index, 'INDEX ' || index_place, 'pg_class'::regclass, indexrelid, 0, false FROM own_index
    UNION ALL
    SELECT relname, 'sequence', sequence, 'SEQUENCE ' || sequence_place, 'pg_class'::regclass, sequence_oid, 0, false
    FROM own_sequence
    UNION ALL
    SELECT t.relname, 'constraint', k.conname, format('CONSTRAINT %I ON %s', k.conname, t.place), 'pg_constraint'::regclass,
           k.oid, 0, false
    FROM target t JOIN pg_constraint k ON k.conrelid = t.oid
    UNION ALL
    SELECT relname, 'trigger', tgname, format('TRIGGER %I ON %s', tgname, place), 'pg_trigger'::regclass, oid, 0, false
    FROM own_trigger
    UNION ALL
    SELECT relname, 'policy', polname, format('POLICY %I ON %s', polname, place), 'pg_policy'::regclass, oid, 0, is_late
    FROM own_policy
    UNION ALL
    SELECT relname, 'statistics', stxname, 'STATISTICS ' || statistics_place, 'pg_statistic_ext'::regclass, oid, 0, false
    FROM own_statistics
), piece (phase, relname, kind, name, definition, made, dropped, wanted_right) AS (
    -- 10: what decides how rows are stored, and what they must fulfil; made before there are any
    SELECT 10, relname, 'storage of column', attname::text, attstorage::text,
           ARRAY[change || ' SET STORAGE '
                 || CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END],
           change || ' SET STORAGE '
           || CASE typstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END,
           NULL::text
    FROM own_column
    WHERE attstorage <> typstorage
    UNION ALL
    SELECT 10, relname, 'compression of column', attname, attcompression::text,
           ARRAY[change || ' SET COMPRESSION ' || CASE attcompression WHEN 'l' THEN 'lz4' ELSE 'pglz' END],
           change || ' SET COMPRESSION default', NULL
    FROM own_column
    WHERE attcompression <> ''
    UNION ALL
    SELECT 10, relname, 'statistics target of column', attname, attstattarget::text,
           ARRAY[format('%s SET STATISTICS %s', change, attstattarget)], change || ' SET STATISTICS -1', NULL
    FROM own_column
    WHERE attstattarget >= 0
    UNION ALL
    SELECT 10, c.relname, 'option of column', c.attname, '',
           ARRAY[format('%s SET (%s)', c.change, o.set)], format('%s RESET (%s)', c.change, o.reset), NULL
    FROM own_column c
    CROSS JOIN LATERAL (
        SELECT string_agg(format('%I = %s', option_name, option_value), ', ' ORDER BY ordinality) AS set,
               string_agg(quote_ident(option_name), ', ') AS reset
        FROM pg_options_to_table(c.attoptions) WITH ORDINALITY
    ) o
    WHERE c.attoptions IS NOT NULL
    UNION ALL
    -- In one statement, because they stay in the order in which they are given.
    SELECT 10, t.relname, 'storage option', o.prefix, '',
           ARRAY[format('ALTER TABLE ONLY %s SET (%s)', t.place, o.set)],
           format('ALTER TABLE ONLY %s RESET (%s)', t.place, o.reset), NULL
    FROM target t
    LEFT JOIN pg_class b ON b.oid = t.reltoastrelid
    CROSS JOIN LATERAL (
        SELECT prefix, string_agg(format('%s%I = %L', prefix, option_name, option_value), ', ' ORDER BY ordinality) AS set,
               string_agg(format('%s%I', prefix, option_name), ', ') AS reset
        FROM (
            SELECT '' AS prefix, * FROM pg_options_to_table(t.reloptions) WITH ORDINALITY
            UNION ALL
            SELECT 'toast.', * FROM pg_options_to_table(b.reloptions) WITH ORDINALITY
        ) p
        GROUP BY prefix
    ) o
    UNION ALL
    SELECT CASE WHEN k.convalidated IS FALSE THEN 34 ELSE 10 END, c.relname, 'not null of column', c.attname,
           quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid),
           ARRAY[CASE WHEN k.oid IS NULL THEN c.change || ' SET NOT NULL'
                 ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.place, k.conname, pg_get_constraintdef(k.oid)) END],
           c.change || ' DROP NOT NULL', NULL
    FROM own_column c
    LEFT JOIN pg_constraint k ON k.conrelid = c.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[c.attnum]
    WHERE c.attnotnull OR k.oid IS NOT NULL
    UNION ALL
    SELECT CASE WHEN k.convalidated THEN 10 ELSE 34 END, t.relname, 'constraint', k.conname, pg_get_constraintdef(k.oid),
           ARRAY[format('ALTER TABLE %s ADD CONSTRAINT %I %s', t.place, k.conname, pg_get_constraintdef(k.oid))],
           format('ALTER TABLE %s DROP CONSTRAINT %I', t.place, k.conname), NULL
    FROM target t
    JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'c'
    UNION ALL

    -- 20: what fills in values, which must not happen to those that were sent
    SELECT 20, c.relname, 'default of column', c.attname, pg_get_expr(d.adbin, d.adrelid),
           ARRAY[format('%s SET DEFAULT %s', c.change, pg_get_expr(d.adbin, d.adrelid))], c.change || ' DROP DEFAULT', NULL
    FROM own_column c
    JOIN pg_attrdef d ON d.adrelid = c.attrelid AND d.adnum = c.attnum
    WHERE c.attgenerated = ''
    UNION ALL
    SELECT 20, s.relname, 'identity of column', s.attname, '',
           ARRAY[format(
               '%s ADD GENERATED %s AS IDENTITY (SEQUENCE NAME %s START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s%s)',
               c.change, CASE s.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, s.sequence_place, s.seqstart,
               s.seqincrement, s.seqmin, s.seqmax, s.seqcache, CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END)],
           c.change || ' DROP IDENTITY', NULL
    FROM own_sequence s
    JOIN own_column c ON c.relname = s.relname AND c.attname = s.attname
    UNION ALL

    -- 30: indexes and the keys that stand on them
    SELECT 30, relname, 'index', index, text, ARRAY[made] || moved, 'DROP INDEX ' || index_place, NULL
    FROM index_made
    WHERE contype IS NULL
    UNION ALL
    SELECT 30, relname, 'constraint', index, constraint_definition,
           CASE WHEN contype <> 'x' AND amname = 'btree' THEN ARRAY[
               made || format(
                   '; ALTER TABLE %s ADD CONSTRAINT %I %s USING INDEX %I%s',
                   place, index, CASE contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, index, deferring)]
           ELSE ARRAY[format('ALTER TABLE %s ADD CONSTRAINT %I %s', place, index, constraint_definition)] END || moved,
           format('ALTER TABLE %s DROP CONSTRAINT %I', place, index), NULL
    FROM index_made
    WHERE contype IS NOT NULL
    UNION ALL
    SELECT 31, i.relname, 'statistics target of index', i.index, format('column %s: %s', a.attnum, a.attstattarget),
           ARRAY[format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s', i.index_place, a.attnum, a.attstattarget)],
           format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS -1', i.index_place, a.attnum), NULL
    FROM own_index i
    JOIN pg_attribute a ON a.attrelid = i.indexrelid
    WHERE a.attstattarget >= 0
    UNION ALL
    SELECT 31, relname, 'cluster mark on index', index, '', ARRAY[format('ALTER TABLE %s CLUSTER ON %I', place, index)],
           format('ALTER TABLE %s SET WITHOUT CLUSTER', place), NULL
    FROM own_index
    WHERE indisclustered
    UNION ALL
    SELECT 31, t.relname, 'replica identity', t.relreplident::text, coalesce(i.index, ''),
           ARRAY[format('ALTER TABLE %s REPLICA IDENTITY %s', t.place, CASE t.relreplident
               WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE 'USING INDEX ' || quote_ident(i.index) END)],
           format('ALTER TABLE %s REPLICA IDENTITY DEFAULT', t.place), NULL
    FROM target t
    LEFT JOIN own_index i ON i.indrelid = t.oid AND i.indisreplident
    WHERE t.relreplident <> 'd'
    UNION ALL
    SELECT 32, relname, 'statistics object', stxname, stxowner::regrole::text,
           ARRAY[CASE WHEN starts_with(text, start) AND right(text, length(self) + 6) = ' FROM ' || self
                      THEN 'CREATE STATISTICS ' || statistics_place
                           || substr(text, length(start) + 1, length(text) - length(start) - length(self)) || place END]
           || CASE WHEN stxstattarget >= 0
                   THEN format('ALTER STATISTICS %s SET STATISTICS %s', statistics_place, stxstattarget) END,
           'DROP STATISTICS ' || statistics_place, NULL
    FROM own_statistics
    UNION ALL

    -- 40: references, once the keys are there. Others write to a table outside, so they wait only for the first statement.
    SELECT CASE WHEN sibling IS NULL THEN 41 ELSE 40 END, relname, 'constraint', conname, text,
           ARRAY[CASE WHEN array_length(string_to_array(text, refers), 1) = 2
                      THEN format('ALTER TABLE %s ADD CONSTRAINT %I %s%s', place, conname,
                               replace(text, refers, refers_there),
                               CASE WHEN convalidated THEN ' NOT VALID' ELSE '' END) END]
           || CASE WHEN convalidated THEN format('ALTER TABLE %s VALIDATE CONSTRAINT %I', place, conname) END,
           format('ALTER TABLE %s DROP CONSTRAINT %I', place, conname),
           CASE WHEN sibling IS NULL THEN format('GRANT REFERENCES ON TABLE %s', confrelid::regclass) END
    FROM own_foreign
    UNION ALL

    -- 50: what is done to rows and who may see them, once they are there
    SELECT 50, relname, 'trigger', tgname, tgenabled::text,
           ARRAY[CASE WHEN array_length(string_to_array(text, on_self), 1) = 2
                       AND (from_self IS NULL OR array_length(string_to_array(text, from_self), 1) = 2)
                      THEN replace(replace(text, on_self, on_place), coalesce(from_self, ''), coalesce(from_place, ''))
                 END]
           || CASE tgenabled WHEN 'D' THEN format('ALTER TABLE %s DISABLE TRIGGER %I', place, tgname)
                             WHEN 'R' THEN format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I', place, tgname)
                             WHEN 'A' THEN format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', place, tgname) END,
           format('DROP TRIGGER %I ON %s', tgname, place),
           format('GRANT EXECUTE ON FUNCTION %s', tgfoid::regprocedure)
    FROM own_trigger
    UNION ALL
    SELECT CASE WHEN is_late THEN 90 ELSE 50 END, relname, 'policy', polname, '',
           ARRAY[format(
               'CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', polname, place,
               CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
               CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                           ELSE 'ALL' END,
               (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ' ORDER BY r)
                FROM unnest(polroles) r),
               ' USING (' || pg_get_expr(polqual, polrelid) || ')',
               ' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')')],
           format('DROP POLICY %I ON %s', polname, place), NULL
    FROM own_policy
    UNION ALL
    SELECT CASE WHEN c.is_late THEN 91 ELSE 51 END, c.relname, 'comment on ' || c.what, c.name, d.description,
           ARRAY[format('COMMENT ON %s IS %L', c.on, d.description)], format('COMMENT ON %s IS NULL', c.on), NULL
    FROM commented c
    JOIN pg_description d ON d.classoid = c.classoid AND d.objoid = c.oid AND d.objsubid = c.part
    UNION ALL

    -- 60: who owns it, who may what with it, and which rows they see
    SELECT 60, relname, 'owner', relowner::regrole::text, '',
           CASE WHEN relowner::regrole::text <> quote_ident(current_user)
                THEN ARRAY[format('GRANT USAGE, CREATE ON SCHEMA %I TO %s', {into}::text, relowner::regrole)] END
           || format('ALTER TABLE %s OWNER TO %s', place, relowner::regrole),
           NULL, format('GRANT %s', relowner::regrole)
    FROM target
    UNION ALL
    SELECT 61, relname, 'owner of statistics object', stxname, '',
           ARRAY[format('ALTER STATISTICS %s OWNER TO %s', statistics_place, stxowner::regrole)], NULL,
           format('GRANT %s', stxowner::regrole)
    FROM own_statistics
    UNION ALL
    -- In the order in which they were given, so that the lists compare equal.
    SELECT phase, relname, kind, name, lpad(place::text, 5, '0'),
           ARRAY[before || format('GRANT %s TO %s%s', given, receiver, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
                 || after],
           before || format('REVOKE %s FROM %s CASCADE', given, receiver) || after,
           format('GRANT %s', grantor::regrole)
    FROM own_right
    UNION ALL
    SELECT 80, relname, 'row level security', 'enabled', '', ARRAY[format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', place)],
           format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', place), NULL
    FROM target
    WHERE relrowsecurity
    UNION ALL
    SELECT 80, relname, 'row level security', 'forced', '', ARRAY[format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', place)],
           format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', place), NULL
    FROM target
    WHERE relforcerowsecurity
)
SELECT phase, relname::text AS table, kind, name::text, coalesce(definition, '') AS definition, made, dropped,
       wanted_right || ' TO ' || quote_ident(current_user) AS wanted_right
FROM piece
-- Constraints in the order in which they were made, which is that in which the triggers of foreign keys fire.
ORDER BY phase, (SELECT k.oid FROM pg_constraint k JOIN target t ON t.oid = k.conrelid
                 WHERE piece.kind = 'constraint' AND t.relname = piece.relname AND k.conname = piece.name),
         relname, kind, name, definition

-- name: made
-- One message, and so one transaction where there is none. What names no tablespace stands in the database's own.
SET LOCAL default_tablespace = ''; SET LOCAL lock_timeout = {budget}; {statement}

-- name: moved
-- What belongs to tables and does not move with them, a statement a row: those before the tables move, then those after.
-- The sequence of a serial stays, and belongs to the column of the new table; an identity goes on counting from where
-- that of the table that it replaces stands. Both go on past the highest number that the new rows have.
WITH old AS (
    SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = {production} AND c.relname = ANY ({tables}::name[]) AND c.relkind = 'r'
), new AS (
    SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = {source} AND c.relname = ANY ({tables}::name[]) AND c.relkind = 'r'
), old_sequence AS (
    SELECT o.relname, a.attname, d.deptype, d.objid::regclass AS sequence, n.oid AS replaced_by, b.attidentity AS identity,
           b.atttypid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) AND e.seqincrement > 0 AS is_counted, e.seqmax
    FROM old o
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = o.oid AND d.deptype IN ('a', 'i')
    JOIN pg_class q ON d.classid = 'pg_class'::regclass AND q.oid = d.objid AND q.relkind = 'S'
    JOIN pg_sequence e ON e.seqrelid = q.oid
    JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum = d.refobjsubid
    JOIN new n ON n.relname = o.relname
    JOIN pg_attribute b ON b.attrelid = n.oid AND b.attname = a.attname
), statement (is_after, text) AS (
    SELECT false, format('ALTER SEQUENCE %s OWNED BY NONE', sequence) FROM old_sequence WHERE deptype = 'a'
    UNION ALL
    SELECT false, format(
               'SELECT setval(%L, last_value, is_called) FROM %s',
               pg_get_serial_sequence(replaced_by::regclass::text, attname), sequence)
    FROM old_sequence
    WHERE deptype = 'i' AND identity <> ''
    UNION ALL
    SELECT true, format(
               'SELECT setval(%L, highest) FROM %s AS s, (SELECT max(%I)::bigint AS highest FROM %I.%I) AS new '
               'WHERE highest <= %s AND (highest > s.last_value OR (highest = s.last_value AND NOT s.is_called))',
               place, place, attname, {production}::text, relname, seqmax)
    FROM old_sequence, LATERAL (
        SELECT CASE WHEN deptype = 'a' THEN sequence::text ELSE (
            SELECT format('%I.%I', {production}::text, q.relname) FROM pg_class q
            WHERE q.oid = pg_get_serial_sequence(replaced_by::regclass::text, attname)::regclass) END AS place) AS counted
    WHERE is_counted AND (deptype = 'a' OR identity <> '')
    UNION ALL
    SELECT false, format('ALTER STATISTICS %s SET SCHEMA %I', x.place, {previous}::text)
    FROM old o, LATERAL (SELECT format('%I.%I', n.nspname, x.stxname) AS place FROM pg_statistic_ext x
                         JOIN pg_namespace n ON n.oid = x.stxnamespace WHERE x.stxrelid = o.oid) x
    UNION ALL
    SELECT true, format('ALTER SEQUENCE %s OWNED BY %I.%I.%I', sequence, {production}::text, relname, attname)
    FROM old_sequence
    WHERE deptype = 'a'
    UNION ALL
    SELECT true, format('ALTER STATISTICS %I.%I SET SCHEMA %I', {source}::text, x.stxname, coalesce(
               (SELECT s.nspname FROM old o JOIN pg_statistic_ext y ON y.stxrelid = o.oid AND y.stxname = x.stxname
                JOIN pg_namespace s ON s.oid = y.stxnamespace WHERE o.relname = n.relname),
               {production}))
    FROM new n
    JOIN pg_statistic_ext x ON x.stxrelid = n.oid
)
SELECT is_after, text FROM statement ORDER BY is_after, text

-- name: outward
-- The references from tables that are replaced to tables that are not: kept, they would stand in the way of those who
-- delete there.
SELECT o.relname::text AS table, k.conname::text AS name, s.nspname::text AS schema, r.relname::text AS referenced,
       r.oid::bigint AS oid, has_table_privilege(r.oid, 'UPDATE, DELETE, TRUNCATE') AS may_lock
FROM pg_class o
JOIN pg_namespace n ON n.oid = o.relnamespace
JOIN pg_constraint k ON k.conrelid = o.oid AND k.contype = 'f'
JOIN pg_class r ON r.oid = k.confrelid
JOIN pg_namespace s ON s.oid = r.relnamespace
WHERE n.nspname = {production} AND o.relname = ANY ({tables}::name[])
  AND NOT (r.relnamespace = o.relnamespace AND r.relname = ANY ({tables}::name[]))
ORDER BY 1, 2
