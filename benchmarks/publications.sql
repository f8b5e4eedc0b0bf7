-- What others send to PostgreSQL to publish two tables that are staged already, written down from their own sources.
-- The tools themselves are not run: this compares ways, with the same rows, on the same server.

-- name: dlt_staging_optimized
-- dlt, dlt/destinations/impl/postgres/postgres.py: a transaction for every table.
BEGIN; DROP TABLE IF EXISTS shop.orders; ALTER TABLE stage.orders SET SCHEMA shop;
CREATE TABLE stage.orders (LIKE shop.orders INCLUDING ALL); COMMIT;
BEGIN; DROP TABLE IF EXISTS shop.lines; ALTER TABLE stage.lines SET SCHEMA shop;
CREATE TABLE stage.lines (LIKE shop.lines INCLUDING ALL); COMMIT

-- name: dlt_insert_from_staging
-- dlt's "insert-from-staging", and what ingestr's "replace" does.
BEGIN; TRUNCATE TABLE shop.orders; INSERT INTO shop.orders SELECT * FROM stage.orders; COMMIT;
BEGIN; TRUNCATE TABLE shop.lines; INSERT INTO shop.lines SELECT * FROM stage.lines; COMMIT

-- name: sling_full_refresh
-- sling, core/sling/task_run_write.go: keys and indexes come after the commit.
BEGIN; DROP TABLE IF EXISTS shop.orders; CREATE TABLE shop.orders (LIKE stage.orders);
INSERT INTO shop.orders SELECT * FROM stage.orders; COMMIT;
ALTER TABLE shop.orders ADD PRIMARY KEY (id);
BEGIN; DROP TABLE IF EXISTS shop.lines; CREATE TABLE shop.lines (LIKE stage.lines);
INSERT INTO shop.lines SELECT * FROM stage.lines; COMMIT;
ALTER TABLE shop.lines ADD PRIMARY KEY (id)

-- name: sqlmesh_views
-- SQLMesh, base_postgres.py: readers see views, and each is dropped with what depends on it and made anew.
ALTER TABLE stage.orders DROP CONSTRAINT orders_pkey; ALTER TABLE stage.lines DROP CONSTRAINT lines_pkey;
ALTER TABLE stage.orders RENAME TO orders_{generation}; ALTER TABLE stage.orders_{generation} SET SCHEMA physical;
ALTER TABLE stage.lines RENAME TO lines_{generation}; ALTER TABLE stage.lines_{generation} SET SCHEMA physical;
BEGIN; DROP VIEW IF EXISTS shop.orders CASCADE;
CREATE VIEW shop.orders AS SELECT * FROM physical.orders_{generation}; COMMIT;
BEGIN; DROP VIEW IF EXISTS shop.lines CASCADE;
CREATE VIEW shop.lines AS SELECT * FROM physical.lines_{generation}; COMMIT

-- name: naive_swap
-- What many scripts do: both tables in one transaction, without a budget for the locks or a look at old snapshots.
DROP SCHEMA IF EXISTS previous CASCADE; CREATE SCHEMA previous;
BEGIN;
ALTER TABLE shop.orders SET SCHEMA previous; ALTER TABLE stage.orders SET SCHEMA shop;
ALTER TABLE shop.lines SET SCHEMA previous; ALTER TABLE stage.lines SET SCHEMA shop;
COMMIT

-- name: stage
-- The rows of one generation, staged with their keys.
DROP SCHEMA IF EXISTS stage CASCADE; CREATE SCHEMA stage; CREATE SCHEMA IF NOT EXISTS physical;
CREATE TABLE stage.orders (id integer, generation integer, {columns});
INSERT INTO stage.orders SELECT i, {generation}, {values} FROM generate_series(1, {rows}) i;
ALTER TABLE stage.orders ADD PRIMARY KEY (id);
CREATE TABLE stage.lines (id integer, generation integer, order_id integer);
INSERT INTO stage.lines SELECT i, {generation}, i FROM generate_series(1, {rows} / 5) i;
ALTER TABLE stage.lines ADD PRIMARY KEY (id);
ANALYZE stage.orders; ANALYZE stage.lines

-- name: put_on
-- What a production table carries after some years.
CREATE VIEW public.sales AS SELECT o.id, o.generation FROM shop.orders o JOIN shop.lines l ON l.order_id = o.id;
GRANT SELECT ON shop.orders TO reader;
COMMENT ON TABLE shop.orders IS 'one row an order';
CREATE INDEX orders_by_text ON shop.orders (t1);
ALTER TABLE shop.lines ADD CONSTRAINT lines_order FOREIGN KEY (order_id) REFERENCES shop.orders;
ALTER TABLE shop.lines ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON shop.lines USING (true);
CREATE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER stamp BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION public.stamp()

-- name: still_there
SELECT what FROM (VALUES
    ('view', to_regclass('public.sales') IS NOT NULL
        AND EXISTS (SELECT FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid
                    WHERE w.ev_class = to_regclass('public.sales') AND d.refobjid = to_regclass('shop.orders'))),
    ('grant', has_table_privilege('reader', to_regclass('shop.orders'), 'SELECT')),
    ('comment', obj_description(to_regclass('shop.orders'), 'pg_class') IS NOT NULL),
    ('index', to_regclass('shop.orders_by_text') IS NOT NULL),
    ('foreign key', EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND conrelid = to_regclass('shop.lines')
                            AND confrelid = to_regclass('shop.orders'))),
    ('row level security', (SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass('shop.lines'))),
    ('policy', EXISTS (SELECT FROM pg_policy WHERE polrelid = to_regclass('shop.lines'))),
    ('trigger', EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass('shop.orders') AND tgname = 'stamp'))
) AS thing (what, kept) WHERE coalesce(kept, false) = {kept}
