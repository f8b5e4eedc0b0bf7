-- name: parts
target AS (
    SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = {schema} AND c.relname = ANY ({tables}::name[])
), part AS (
    -- The objects that move with a table: it, its row type and the array of it, toast, indexes, constraints, defaults.
    SELECT relname, oid AS target, 'pg_class'::regclass AS classid, oid AS objid FROM target
    UNION ALL
    SELECT t.relname, t.oid, 'pg_type'::regclass, y.oid
    FROM target t JOIN pg_type y ON y.oid IN (t.reltype, (SELECT r.typarray FROM pg_type r WHERE r.oid = t.reltype))
    UNION ALL
    SELECT relname, oid, 'pg_class'::regclass, reltoastrelid FROM target WHERE reltoastrelid <> 0
    UNION ALL
    SELECT t.relname, t.oid, 'pg_class'::regclass, i.indexrelid
    FROM target t JOIN pg_index i ON i.indrelid IN (t.oid, t.reltoastrelid)
    UNION ALL
    SELECT t.relname, t.oid, 'pg_constraint'::regclass, k.oid FROM target t JOIN pg_constraint k ON k.conrelid = t.oid
    UNION ALL
    SELECT t.relname, t.oid, 'pg_attrdef'::regclass, d.oid FROM target t JOIN pg_attrdef d ON d.adrelid = t.oid
    UNION ALL
    -- The sequence of an identity goes with its column; that of a serial stays, because the default of the new table
    -- goes on using it.
    SELECT t.relname, t.oid, d.classid, d.objid
    FROM target t
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.deptype = 'i'
    JOIN pg_class q ON d.classid = 'pg_class'::regclass AND q.oid = d.objid AND q.relkind = 'S'
    UNION ALL
    SELECT t.relname, t.oid, 'pg_trigger'::regclass, g.oid
    FROM target t JOIN pg_trigger g ON g.tgrelid = t.oid
    WHERE NOT g.tgisinternal
    UNION ALL
    SELECT t.relname, t.oid, 'pg_policy'::regclass, y.oid FROM target t JOIN pg_policy y ON y.polrelid = t.oid
    UNION ALL
    SELECT t.relname, t.oid, 'pg_statistic_ext'::regclass, x.oid
    FROM target t JOIN pg_statistic_ext x ON x.stxrelid = t.oid
)

-- name: inventory
-- Everything that the tables carry, a row each. What other objects know of them is found through pg_depend, so that a
-- kind of object that nobody thought of is listed too, in PostgreSQL's own words. The schema's name is read as another,
-- so that a table can be compared with one elsewhere.
WITH {parts}, own_column AS (
    SELECT t.relname, t.relowner, a.*, y.typcollation, y.typstorage
    FROM target t JOIN pg_attribute a ON a.attrelid = t.oid JOIN pg_type y ON y.oid = a.atttypid
    WHERE a.attnum > 0 AND NOT a.attisdropped
), own_sequence AS (
    SELECT t.relname, t.relowner, a.attname, a.attidentity, c.relname AS sequence, c.relacl, q.*
    FROM target t
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.deptype IN ('a', 'i')
    JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
    JOIN pg_sequence q ON q.seqrelid = c.oid
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
), acl AS (
    SELECT relname, relowner AS owner, 'grant to' AS kind, '' AS on, relacl AS acl, acldefault('r', relowner) AS usual
    FROM target WHERE relkind <> 'S'
    UNION ALL
    SELECT relname, relowner, 'grant on column', attname, attacl, '{{}}' FROM own_column WHERE attacl IS NOT NULL
    UNION ALL
    SELECT relname, relowner, 'grant on sequence', sequence, relacl, acldefault('s', relowner)
    FROM own_sequence
    WHERE attidentity <> ''
), own_right AS (
    SELECT a.relname, a.owner, a.kind, a.on, x.grantor, x.grantee,
           string_agg(
               x.privilege_type || CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END,
               ', ' ORDER BY x.privilege_type, x.is_grantable
           ) || CASE WHEN x.grantor <> a.owner THEN ' BY ' || x.grantor::regrole::text ELSE '' END AS granted
    FROM acl a, aclexplode(coalesce(a.acl, a.usual)) x
    GROUP BY a.relname, a.owner, a.kind, a.on, x.grantor, x.grantee
), own_index AS (
    SELECT t.relname AS target, c.relname, c.reloptions, c.reltablespace, i.*, i.indisvalid AND i.indisready AS usable,
           EXISTS (SELECT FROM pg_constraint k
                   WHERE k.conindid = i.indexrelid AND k.conrelid = t.oid AND k.contype IN ('p', 'u', 'x')) AS implied
    FROM target t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class c ON c.oid = i.indexrelid
), dependent AS (
    -- A view depends through its rule, and is what a person knows. Internal triggers belong to a foreign key. What
    -- belongs to one of the tables is no dependent of another: it goes with its own.
    SELECT DISTINCT p.relname,
           CASE WHEN w.ev_class <> p.target THEN pg_describe_object('pg_class'::regclass, w.ev_class, 0)
                ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END AS name
    FROM part p
    JOIN pg_depend d ON d.refclassid = p.classid AND d.refobjid = p.objid
    LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
    LEFT JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
    WHERE NOT coalesce(g.tgisinternal, false)
      AND NOT (d.deptype = 'a' AND d.classid = 'pg_class'::regclass AND EXISTS (
                   SELECT FROM pg_sequence q WHERE q.seqrelid = d.objid))
      AND NOT EXISTS (SELECT FROM part o WHERE o.classid = d.classid AND o.objid = d.objid)
), item AS (
    -- Columns
    SELECT relname,
           'column' AS kind,
           attname::text AS name,
           format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END AS definition
    FROM own_column
    UNION ALL
    SELECT c.relname,
           CASE c.attgenerated WHEN '' THEN 'default of column' ELSE 'generated column' END,
           c.attname,
           pg_get_expr(d.adbin, d.adrelid)
    FROM own_column c
    JOIN pg_attrdef d ON d.adrelid = c.attrelid AND d.adnum = c.attnum
    UNION ALL
    SELECT c.relname, 'not null of column', c.attname, format('%I %s', k.conname, pg_get_constraintdef(k.oid))
    FROM own_column c
    JOIN pg_constraint k ON k.conrelid = c.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[c.attnum]
    UNION ALL
    SELECT relname,
           'identity of column',
           attname,
           format(
               '%s, sequence %I AS %s START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s%s',
               CASE attidentity WHEN 'a' THEN 'always' ELSE 'by default' END,
               sequence, seqtypid::regtype, seqstart, seqincrement, seqmin, seqmax, seqcache,
               CASE WHEN seqcycle THEN ' CYCLE' ELSE '' END
           )
    FROM own_sequence
    WHERE attidentity <> ''
    UNION ALL
    SELECT relname, 'owned sequence', sequence, attname
    FROM own_sequence
    WHERE attidentity = ''
    UNION ALL
    SELECT relname, 'collation of column', attname, attcollation::regcollation::text
    FROM own_column
    WHERE attcollation <> typcollation
    UNION ALL
    SELECT relname, 'storage of column', attname, attstorage::text
    FROM own_column
    WHERE attstorage <> typstorage
    UNION ALL
    SELECT relname, 'compression of column', attname, attcompression::text
    FROM own_column
    WHERE attcompression <> ''
    UNION ALL
    SELECT relname, 'statistics target of column', attname, attstattarget::text
    FROM own_column
    WHERE attstattarget >= 0
    UNION ALL
    SELECT relname, 'option of column', attname, option
    FROM own_column, unnest(attoptions) AS option
    UNION ALL

    -- Rights
    SELECT relname,
           kind,
           coalesce(nullif("on", ''), CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END),
           CASE WHEN "on" = '' THEN granted
                ELSE concat(CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, ': ', granted) END
    FROM own_right
    WHERE grantee <> owner OR kind = 'grant on column'
    UNION ALL
    SELECT a.relname, 'right withdrawn from owner', concat_ws(' on ', a.owner::regrole::text, nullif(a.on, '')), r.granted
    FROM acl a
    LEFT JOIN own_right r ON (r.relname, r.kind, r.on, r.grantee) = (a.relname, a.kind, a.on, a.owner)
    WHERE a.kind <> 'grant on column' AND (SELECT count(*) FROM aclexplode(coalesce(a.acl, a.usual)) x WHERE x.grantee = a.owner)
        < (SELECT count(*) FROM aclexplode(a.usual) x WHERE x.grantee = a.owner)
    UNION ALL
    SELECT t.relname, 'rights on row type', t.relname, y.typacl::text
    FROM target t
    JOIN pg_type y ON y.oid = t.reltype
    WHERE y.typacl IS NOT NULL
    UNION ALL
    SELECT relname, 'owner', relowner::regrole::text, ''
    FROM target
    UNION ALL

    -- What kind of table it is, and where it is kept
    SELECT relname,
           'kind of relation',
           CASE relkind
               WHEN 'v' THEN 'view'
               WHEN 'm' THEN 'materialized view'
               WHEN 'p' THEN 'partitioned table'
               WHEN 'f' THEN 'foreign table'
               WHEN 'S' THEN 'sequence'
               ELSE relkind::text
           END,
           ''
    FROM target
    WHERE relkind <> 'r'
    UNION ALL
    SELECT relname, 'persistence', CASE relpersistence WHEN 'u' THEN 'unlogged' ELSE 'temporary' END, ''
    FROM target
    WHERE relpersistence <> 'p'
    UNION ALL
    SELECT relname, 'type of table', reloftype::regtype::text, ''
    FROM target
    WHERE reloftype <> 0
    UNION ALL
    SELECT relname, 'row level security', CASE WHEN relforcerowsecurity THEN 'forced' ELSE 'enabled' END, ''
    FROM target
    WHERE relrowsecurity OR relforcerowsecurity
    UNION ALL
    SELECT relname,
           'replica identity',
           CASE relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' ELSE 'index' END,
           (SELECT i.relname FROM own_index i WHERE i.indrelid = target.oid AND i.indisreplident)
    FROM target
    WHERE relreplident <> 'd'
    UNION ALL
    SELECT relname, 'storage option', option, ''
    FROM target, unnest(reloptions) AS option
    UNION ALL
    SELECT t.relname, 'storage option', 'toast.' || option, ''
    FROM target t
    JOIN pg_class o ON o.oid = t.reltoastrelid, unnest(o.reloptions) AS option
    UNION ALL
    SELECT t.relname, 'tablespace', s.spcname, ''
    FROM target t
    JOIN pg_tablespace s ON s.oid = t.reltablespace
    UNION ALL
    SELECT t.relname, 'access method', m.amname, ''
    FROM target t
    JOIN pg_am m ON m.oid = t.relam
    WHERE m.amname <> 'heap'
    UNION ALL
    SELECT t.relname, 'parent', h.inhparent::regclass::text, ''
    FROM target t
    JOIN pg_inherits h ON h.inhrelid = t.oid
    UNION ALL

    -- Constraints and indexes
    SELECT t.relname, 'constraint', k.conname, pg_get_constraintdef(k.oid)
    FROM target t
    JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype NOT IN ('n', 't')
    UNION ALL
    SELECT t.relname, 'trigger of constraint', k.conname, CASE g.tgenabled WHEN 'D' THEN 'disabled' ELSE g.tgenabled::text END
    FROM target t
    JOIN pg_trigger g ON g.tgrelid = t.oid AND g.tgisinternal AND g.tgenabled <> 'O'
    JOIN pg_constraint k ON k.oid = g.tgconstraint
    UNION ALL
    SELECT target, CASE WHEN usable THEN 'index' ELSE 'invalid index' END, relname, pg_get_indexdef(indexrelid)
    FROM own_index
    WHERE NOT (implied AND usable)
    UNION ALL
    SELECT i.target, 'statistics target of index', i.relname, format('column %s: %s', a.attnum, a.attstattarget)
    FROM own_index i
    JOIN pg_attribute a ON a.attrelid = i.indexrelid
    WHERE a.attstattarget >= 0
    UNION ALL
    SELECT t.relname,
           'statistics object',
           x.stxname,
           concat_ws(
               ', ',
               replace(pg_get_statisticsobjdef(x.oid), format('CREATE STATISTICS %I.%I', n.nspname, x.stxname), ''),
               'owner ' || x.stxowner::regrole::text,
               CASE WHEN x.stxstattarget >= 0 THEN 'target ' || x.stxstattarget END
           )
    FROM target t
    JOIN pg_statistic_ext x ON x.stxrelid = t.oid
    JOIN pg_namespace n ON n.oid = x.stxnamespace
    UNION ALL

    -- What is done to rows, and who sees them
    SELECT t.relname, 'trigger', g.tgname,
           pg_get_triggerdef(g.oid)
           || CASE g.tgenabled WHEN 'D' THEN ', disabled' WHEN 'R' THEN ', for replicas' WHEN 'A' THEN ', always' ELSE '' END
    FROM target t
    JOIN pg_trigger g ON g.tgrelid = t.oid
    WHERE NOT g.tgisinternal
    UNION ALL
    SELECT t.relname, 'policy', p.polname,
           concat_ws(
               ' ',
               CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
               'for ' || p.polcmd::text,
               'to ' || (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ' ORDER BY r)
                         FROM unnest(p.polroles) r),
               'using (' || pg_get_expr(p.polqual, p.polrelid) || ')',
               'with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'
           )
    FROM target t
    JOIN pg_policy p ON p.polrelid = t.oid
    UNION ALL
    SELECT target, 'cluster mark on index', relname, ''
    FROM own_index
    WHERE indisclustered
    UNION ALL
    SELECT target, 'option of index', relname, option
    FROM own_index, unnest(reloptions) AS option
    UNION ALL
    SELECT i.target, 'tablespace of index', i.relname, s.spcname
    FROM own_index i
    JOIN pg_tablespace s ON s.oid = i.reltablespace
    UNION ALL

    -- What is said of it
    SELECT p.relname,
           coalesce('comment on ' || split_part(i.type, ' ', CASE WHEN i.type LIKE 'table c%' THEN 2 ELSE 1 END), 'comment'),
           coalesce(a.attname, k.conname, g.tgname, y.polname, x.stxname, o.relname, i.identity),
           c.description
    FROM part p
    JOIN pg_description c ON c.classoid = p.classid AND c.objoid = p.objid
    CROSS JOIN pg_identify_object(c.classoid, c.objoid, c.objsubid) i
    LEFT JOIN pg_attribute a ON c.classoid = 'pg_class'::regclass AND a.attrelid = c.objoid AND a.attnum = nullif(c.objsubid, 0)
    LEFT JOIN pg_class o ON c.classoid = 'pg_class'::regclass AND o.oid = c.objoid
    LEFT JOIN pg_constraint k ON c.classoid = 'pg_constraint'::regclass AND k.oid = c.objoid
    LEFT JOIN pg_trigger g ON c.classoid = 'pg_trigger'::regclass AND g.oid = c.objoid
    LEFT JOIN pg_policy y ON c.classoid = 'pg_policy'::regclass AND y.oid = c.objoid
    LEFT JOIN pg_statistic_ext x ON c.classoid = 'pg_statistic_ext'::regclass AND x.oid = c.objoid
    UNION ALL
    SELECT p.relname, 'security label on', pg_describe_object(l.classoid, l.objoid, l.objsubid), l.label
    FROM part p
    JOIN pg_seclabel l ON l.classoid = p.classid AND l.objoid = p.objid
    UNION ALL

    -- Who else counts on it
    SELECT p.relname, 'extension', e.extname, ''
    FROM part p
    JOIN pg_depend d ON d.classid = p.classid AND d.objid = p.objid AND d.deptype IN ('e', 'x')
    JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
    UNION ALL
    SELECT t.relname, 'publication', b.pubname, 'for all tables'
    FROM target t
    JOIN pg_publication b ON b.puballtables
    UNION ALL
    SELECT t.relname, 'publication', b.pubname, 'for tables in schema'
    FROM target t
    JOIN pg_publication_namespace s ON s.pnnspid = t.relnamespace
    JOIN pg_publication b ON b.oid = s.pnpubid
    UNION ALL
    SELECT t.relname, 'subscription', s.subname, ''
    FROM target t
    JOIN pg_subscription_rel r ON r.srrelid = t.oid
    JOIN pg_subscription s ON s.oid = r.srsubid
    UNION ALL
    SELECT relname, 'dependent', name, ''
    FROM dependent
)
SELECT relname::text AS table, kind, name::text AS name,
       replace(coalesce(definition, ''), quote_ident({schema}) || '.', quote_ident({read_as}) || '.') AS definition
FROM item

-- name: marks
-- A text that changes whenever something that a table carries is changed: the rows of the catalogue by number and writing
-- transaction, which under locks is far cheaper than printing definitions.
WITH {parts}, mark (relname, class, object, part, writer) AS (
    SELECT p.relname, p.classid, c.oid, 0, c.xmin
    FROM part p JOIN pg_class c ON p.classid = 'pg_class'::regclass AND c.oid = p.objid
    UNION ALL
    SELECT p.relname, 'pg_attribute'::regclass, a.attrelid, a.attnum, a.xmin
    FROM part p JOIN pg_attribute a ON p.classid = 'pg_class'::regclass AND a.attrelid = p.objid
    UNION ALL
    SELECT p.relname, 'pg_index'::regclass, i.indexrelid, 0, i.xmin
    FROM part p JOIN pg_index i ON p.classid = 'pg_class'::regclass AND i.indexrelid = p.objid
    UNION ALL
    SELECT p.relname, 'pg_sequence'::regclass, q.seqrelid, 0, q.xmin
    FROM part p JOIN pg_sequence q ON p.classid = 'pg_class'::regclass AND q.seqrelid = p.objid
    UNION ALL
    SELECT p.relname, p.classid, k.oid, 0, k.xmin
    FROM part p JOIN pg_constraint k ON p.classid = 'pg_constraint'::regclass AND k.oid = p.objid
    UNION ALL
    SELECT p.relname, p.classid, d.oid, 0, d.xmin
    FROM part p JOIN pg_attrdef d ON p.classid = 'pg_attrdef'::regclass AND d.oid = p.objid
    UNION ALL
    SELECT p.relname, p.classid, x.oid, 0, x.xmin
    FROM part p JOIN pg_statistic_ext x ON p.classid = 'pg_statistic_ext'::regclass AND x.oid = p.objid
    UNION ALL
    SELECT p.relname, p.classid, y.oid, 0, y.xmin
    FROM part p JOIN pg_policy y ON p.classid = 'pg_policy'::regclass AND y.oid = p.objid
    UNION ALL
    SELECT t.relname, 'pg_trigger'::regclass, g.oid, 0, g.xmin FROM target t JOIN pg_trigger g ON g.tgrelid = t.oid
    UNION ALL
    SELECT t.relname, 'pg_inherits'::regclass, h.inhparent, 0, h.xmin FROM target t JOIN pg_inherits h ON h.inhrelid = t.oid
    UNION ALL
    SELECT p.relname, 'pg_description'::regclass, c.objoid, c.objsubid, c.xmin
    FROM part p JOIN pg_description c ON c.classoid = p.classid AND c.objoid = p.objid
    UNION ALL
    SELECT p.relname, 'pg_seclabel'::regclass, l.objoid, l.objsubid, l.xmin
    FROM part p JOIN pg_seclabel l ON l.classoid = p.classid AND l.objoid = p.objid
    UNION ALL
    SELECT p.relname, d.refclassid, d.refobjid, d.objsubid, d.xmin
    FROM part p JOIN pg_depend d ON d.classid = p.classid AND d.objid = p.objid AND d.deptype IN ('e', 'x')
    UNION ALL
    SELECT t.relname, d.classid, d.objid, d.refobjsubid, d.xmin
    FROM target t JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.deptype = 'a'
    UNION ALL
    SELECT t.relname, 'pg_publication'::regclass, b.oid, 0, b.xmin FROM target t JOIN pg_publication b ON b.puballtables
    UNION ALL
    SELECT t.relname, 'pg_publication_namespace'::regclass, s.oid, 0, s.xmin
    FROM target t JOIN pg_publication_namespace s ON s.pnnspid = t.relnamespace
    UNION ALL
    SELECT t.relname, 'pg_subscription_rel'::regclass, r.srsubid, 0, r.xmin
    FROM target t JOIN pg_subscription_rel r ON r.srrelid = t.oid
)
SELECT DISTINCT relname::text AS table, 'mark' AS kind, concat_ws(' ', class::oid, object, part) AS name,
       writer::text AS definition
FROM mark

-- name: rows
SELECT count(*) AS rows FROM {table}
