-- What stays with the table that it was made on, and so is carried only where the table stays: row types,
-- materialized views, rules, constants of its identity, publications, and columns that are not firn's.
SET ROLE keeper;
CREATE DOMAIN app.code AS text CHECK (VALUE <> '') DEFAULT 'x';
CREATE TYPE app.mood AS ENUM ('fine', 'so so');
ALTER TABLE shop.customer
    ADD mood app.mood DEFAULT 'fine', ADD moods app.mood[], ADD tag app.code, ADD more jsonb DEFAULT '{"a": [1]}',
    ADD numbers int[] DEFAULT '{1,2}', ADD spot point, ADD said json, ADD internet inet, ADD secret text DEFAULT md5('x');
ALTER TABLE shop."Order" ADD tags app.code[] DEFAULT '{a,b}', ADD within int4range, ADD "User" text;
CREATE INDEX customer_more ON shop.customer USING gin (more jsonb_path_ops);
CREATE MATERIALIZED VIEW app.stored AS SELECT id, name FROM shop.customer;
CREATE UNIQUE INDEX stored_id ON app.stored (id);
CREATE MATERIALIZED VIEW app.stored_empty AS SELECT count(*) AS held FROM shop.line WITH NO DATA;
CREATE UNIQUE INDEX stored_empty_once ON app.stored_empty (held);
CREATE FUNCTION app.title(shop.customer) RETURNS text LANGUAGE sql STABLE AS 'SELECT upper($1.name)';
CREATE FUNCTION app.all_orders() RETURNS SETOF shop."Order" LANGUAGE sql STABLE AS 'SELECT * FROM shop."Order"';
CREATE VIEW app.whole_row AS SELECT c AS customer FROM shop.customer c;
CREATE TABLE app.copies (taken timestamptz, what shop.customer, more shop."Order"[]);
CREATE TYPE app.pair AS (customer shop.customer, line shop.line);
CREATE TABLE app.jobs (source regclass DEFAULT 'shop.customer'::regclass, other regclass DEFAULT 'shop.line'::regclass);
CREATE RULE no_big_ones AS ON DELETE TO shop.loose WHERE OLD.counted > 1000000 DO INSTEAD NOTHING;
CREATE RULE told AS ON INSERT TO shop.shipment WHERE NEW.label = 'tell' DO ALSO INSERT INTO app.audit (what) VALUES ('told');
CREATE RULE held AS ON UPDATE TO app.barrier DO INSTEAD NOTHING;
COMMENT ON RULE told ON shop.shipment IS 'a rule';
RESET ROLE;
CREATE PUBLICATION of_tables FOR TABLE shop.customer (id, code, name), shop.shipment WHERE (id > 0);
CREATE PUBLICATION of_schema FOR TABLES IN SCHEMA shop WITH (publish = 'insert');
