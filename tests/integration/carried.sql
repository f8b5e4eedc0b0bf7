-- What a database carries, by class: what pg_dump does not write, or what is better seen under a name of its own.
-- Only what people made: firn's own state, staging and previous generations are left out.

-- name: identity of what is not replaced
SELECT pg_describe_object('pg_class'::regclass, oid, 0), oid FROM pg_class
WHERE relnamespace = 'app'::regnamespace OR relkind IN ('v', 'm') AND relnamespace = 'shop'::regnamespace
UNION ALL
SELECT pg_describe_object('pg_proc'::regclass, oid, 0), oid FROM pg_proc
WHERE pronamespace IN ('shop'::regnamespace, 'app'::regnamespace)

-- name: values of sequences
SELECT schemaname, sequencename, last_value FROM pg_sequences WHERE schemaname IN ('shop', 'app')

-- name: owners
SELECT oid::regclass::text, relowner::regrole::text FROM pg_class
WHERE relnamespace IN ('shop'::regnamespace, 'app'::regnamespace)
UNION ALL
SELECT 'statistics ' || stxname, stxowner::regrole::text FROM pg_statistic_ext
WHERE stxnamespace IN ('shop'::regnamespace, 'app'::regnamespace)

-- name: rights on tables, views and sequences
SELECT c.oid::regclass::text, x.grantor::regrole::text, x.grantee::regrole::text, x.privilege_type, x.is_grantable
FROM pg_class c,
     aclexplode(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))) x
WHERE c.relnamespace IN ('shop'::regnamespace, 'app'::regnamespace)

-- name: rights on columns
SELECT c.oid::regclass::text, a.attname, x.grantor::regrole::text, x.grantee::regrole::text, x.privilege_type,
       x.is_grantable
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) x
WHERE c.relnamespace IN ('shop'::regnamespace, 'app'::regnamespace)

-- name: rights on functions
SELECT oid::regprocedure::text, proacl::text FROM pg_proc
WHERE pronamespace IN ('shop'::regnamespace, 'app'::regnamespace)

-- name: row security
SELECT c.oid::regclass::text, c.relrowsecurity, c.relforcerowsecurity, p.polname, p.polpermissive, p.polcmd,
       ARRAY(SELECT pg_get_userbyid(r) FROM unnest(p.polroles) r ORDER BY 1)::text,
       pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid
WHERE c.relnamespace IN ('shop'::regnamespace, 'app'::regnamespace) AND c.relkind = 'r'

-- name: triggers and their states
SELECT tgrelid::regclass::text, tgname, tgenabled, tgdeferrable, tginitdeferred, tgtype,
       pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
WHERE c.relnamespace IN ('shop'::regnamespace, 'app'::regnamespace) AND NOT tgisinternal

-- name: triggers of foreign keys
SELECT tgrelid::regclass::text, k.conname, tgfoid::regproc::text, tgenabled, tgdeferrable, tginitdeferred
FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid JOIN pg_constraint k ON k.oid = t.tgconstraint
WHERE c.relnamespace IN ('shop'::regnamespace, 'app'::regnamespace) AND tgisinternal

-- name: constraints
SELECT coalesce(conrelid, 0)::regclass::text, conname, contype, convalidated, connoinherit, condeferrable,
       condeferred, conindid::regclass::text, pg_get_constraintdef(k.oid)
FROM pg_constraint k WHERE connamespace IN ('shop'::regnamespace, 'app'::regnamespace)

-- name: indexes
SELECT i.indexrelid::regclass::text, i.indisvalid, i.indisready, i.indislive, i.indisunique, i.indisprimary,
       i.indimmediate, i.indisclustered, i.indisreplident, c.reloptions::text, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace IN ('shop'::regnamespace, 'app'::regnamespace)

-- name: options of tables
SELECT c.oid::regclass::text, c.relpersistence, c.relreplident, c.reloptions::text, t.reloptions::text
FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
WHERE c.relnamespace IN ('shop'::regnamespace, 'app'::regnamespace)

-- name: columns
SELECT a.attrelid::regclass::text, row_number() OVER (PARTITION BY attrelid ORDER BY attnum), attname,
       format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attcollation::regcollation::text,
       attstorage, attcompression, pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = attrelid AND d.adnum = attnum
WHERE c.relnamespace IN ('shop'::regnamespace, 'app'::regnamespace) AND attnum > 0 AND NOT attisdropped

-- name: statistics targets and options of columns
SELECT attrelid::regclass::text, attname, coalesce(attstattarget, -1), attoptions::text
FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
WHERE c.relnamespace IN ('shop'::regnamespace, 'app'::regnamespace) AND attnum > 0 AND NOT attisdropped

-- name: extended statistics, with data
SELECT stxnamespace::regnamespace::text, stxname, stxrelid::regclass::text, coalesce(stxstattarget, -1),
       pg_get_statisticsobjdef(s.oid), d.stxdndistinct IS NOT NULL, d.stxddependencies IS NOT NULL,
       d.stxdmcv IS NOT NULL, d.stxdexpr IS NOT NULL
FROM pg_statistic_ext s LEFT JOIN pg_statistic_ext_data d ON d.stxoid = s.oid
WHERE stxnamespace IN ('shop'::regnamespace, 'app'::regnamespace)

-- name: columns whose values the planner knows
SELECT schemaname, tablename, attname FROM pg_stats WHERE schemaname IN ('shop', 'app')

-- name: comments
SELECT pg_describe_object(classoid, objoid, objsubid), description FROM pg_description
WHERE pg_describe_object(classoid, objoid, objsubid) ~ '(shop|app)\.' OR classoid = 'pg_publication'::regclass

-- name: what depends on what
SELECT DISTINCT regexp_replace(a.type || ' ' || a.identity, '\d{5,}', 'N', 'g'), d.deptype,
       regexp_replace(b.type || ' ' || b.identity, '\d{5,}', 'N', 'g')
FROM pg_depend d, LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) a,
     LATERAL pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) b
WHERE (a.identity ~ '\m(shop|app)\.' OR b.identity ~ '\m(shop|app)\.')
  AND a.identity !~ '\m(firn|pg_toast)' AND b.identity !~ '\mfirn'

-- name: what depends on roles
SELECT DISTINCT a.type || ' ' || a.identity, d.deptype, d.refobjid::regrole::text
FROM pg_shdepend d, LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) a
WHERE d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND d.refclassid = 'pg_authid'::regclass
  AND a.identity ~ '\m(shop|app)\.' AND a.identity !~ '\m(firn|pg_toast)'
