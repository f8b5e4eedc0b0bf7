-- name: inventory
-- Everything that the tables carry, a row each. What other objects know of them is found through pg_depend, so that a
-- kind of object that nobody thought of is listed too, in PostgreSQL's own words.
WITH target AS (
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
), own_column AS (
    SELECT t.relname, a.*, y.typcollation, y.typstorage
    FROM target t JOIN pg_attribute a ON a.attrelid = t.oid JOIN pg_type y ON y.oid = a.atttypid
    WHERE a.attnum > 0 AND NOT a.attisdropped
), own_index AS (
    SELECT t.relname AS target, c.relname, c.reloptions, c.reltablespace, i.*,
           EXISTS (SELECT FROM pg_constraint k
                   WHERE k.conindid = i.indexrelid AND k.conrelid = t.oid AND k.contype IN ('p', 'u', 'x')) AS implied
    FROM target t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class c ON c.oid = i.indexrelid
), dependent AS (
    -- A view depends through its rule, and is what a person knows. Internal triggers belong to a foreign key.
    SELECT DISTINCT p.relname,
           CASE WHEN w.ev_class <> p.target THEN pg_describe_object('pg_class'::regclass, w.ev_class, 0)
                ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END AS name
    FROM part p
    JOIN pg_depend d ON d.refclassid = p.classid AND d.refobjid = p.objid
    LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
    LEFT JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
    WHERE NOT coalesce(g.tgisinternal, false)
      AND NOT EXISTS (SELECT FROM part o WHERE o.target = p.target AND o.classid = d.classid AND o.objid = d.objid)
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
    SELECT relname, 'identity column', attname, ''
    FROM own_column
    WHERE attidentity <> ''
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
    SELECT relname, 'option of column', attname, attoptions::text
    FROM own_column
    WHERE attoptions IS NOT NULL
    UNION ALL

    -- Rights
    SELECT relname, 'grant on column', attname, attacl::text
    FROM own_column
    WHERE attacl IS NOT NULL
    UNION ALL
    SELECT t.relname,
           'grant to',
           CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END,
           string_agg(
               x.privilege_type || CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END,
               ', ' ORDER BY x.privilege_type
           )
    FROM target t, aclexplode(t.relacl) x
    WHERE x.grantee <> t.relowner
    GROUP BY t.relname, x.grantee
    UNION ALL
    SELECT relname, 'right withdrawn from owner', relowner::regrole::text, relacl::text
    FROM target
    WHERE relacl IS NOT NULL
      AND (SELECT count(*) FROM aclexplode(relacl) x WHERE x.grantee = relowner)
        < (SELECT count(*) FROM aclexplode(acldefault('r', relowner)) x WHERE x.grantee = relowner)
    UNION ALL
    SELECT relname, 'owner', relowner::regrole::text, ''
    FROM target
    WHERE relowner <> current_user::regrole
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
           ''
    FROM target
    WHERE relreplident <> 'd'
    UNION ALL
    SELECT relname, 'storage options', array_to_string(reloptions, ', '), ''
    FROM target
    WHERE reloptions IS NOT NULL
    UNION ALL
    SELECT t.relname, 'toast options', array_to_string(o.reloptions, ', '), ''
    FROM target t
    JOIN pg_class o ON o.oid = t.reltoastrelid
    WHERE o.reloptions IS NOT NULL
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
    JOIN pg_constraint k ON k.conrelid = t.oid
    UNION ALL
    SELECT target, 'index', relname, pg_get_indexdef(indexrelid)
    FROM own_index
    WHERE NOT implied
    UNION ALL
    SELECT target, 'cluster mark on index', relname, ''
    FROM own_index
    WHERE indisclustered
    UNION ALL
    SELECT target, 'options of index', relname, reloptions::text
    FROM own_index
    WHERE reloptions IS NOT NULL
    UNION ALL
    SELECT i.target, 'tablespace of index', i.relname, s.spcname
    FROM own_index i
    JOIN pg_tablespace s ON s.oid = i.reltablespace
    UNION ALL

    -- What is said of it
    SELECT p.relname, 'comment on', pg_describe_object(c.classoid, c.objoid, c.objsubid), c.description
    FROM part p
    JOIN pg_description c ON c.classoid = p.classid AND c.objoid = p.objid
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
    SELECT t.relname, 'subscription', r.srsubid::text, ''
    FROM target t
    JOIN pg_subscription_rel r ON r.srrelid = t.oid
    UNION ALL
    SELECT relname, 'dependent', name, ''
    FROM dependent
)
SELECT relname::text AS table, kind, name::text AS name, coalesce(definition, '') AS definition FROM item

-- name: rows
SELECT count(*) AS rows FROM {table}
