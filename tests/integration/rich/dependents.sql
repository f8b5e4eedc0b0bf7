-- What other objects know of the tables: views, functions with a parsed body, policies elsewhere. All of it is keeper's.
SET ROLE keeper;
CREATE VIEW app.customers AS SELECT c.*, 'view'::text AS seen_by FROM shop.customer c;
ALTER VIEW app.customers ALTER name SET DEFAULT 'of the view', ALTER note SET DEFAULT 'a note';
GRANT SELECT, INSERT ON app.customers TO reader WITH GRANT OPTION;
GRANT SELECT ON app.customers TO clerk;
GRANT SELECT (name), UPDATE (name) ON app.customers TO PUBLIC;
COMMENT ON VIEW app.customers IS 'a view';
COMMENT ON COLUMN app.customers.name IS 'a column of a view';
CREATE TRIGGER instead INSTEAD OF INSERT ON app.customers FOR EACH ROW EXECUTE FUNCTION app.record('instead');
CREATE TRIGGER instead_off INSTEAD OF DELETE ON app.customers FOR EACH ROW EXECUTE FUNCTION app.record();
COMMENT ON TRIGGER instead ON app.customers IS 'a trigger of a view';
CREATE VIEW app.nested AS SELECT name, count(*) AS held FROM app.customers GROUP BY name;
CREATE VIEW app.nested_twice AS SELECT max(name) AS name FROM app.nested;
CREATE VIEW shop."Beside; the tables" (number, "Title of it", line_label) AS
    SELECT o.number, o."Mixed Case", l.label FROM shop."Order" o LEFT JOIN shop.line l ON l.order_id = o.id;
CREATE VIEW app.barrier WITH (security_barrier) AS SELECT id, name FROM shop.customer WHERE credit >= 0;
CREATE VIEW app.barrier_off WITH (security_barrier = false) AS SELECT id, label FROM shop.shipment;
CREATE VIEW app.invoker WITH (security_invoker = true, security_barrier = true) AS SELECT id, name FROM shop.customer;
CREATE VIEW app.checked AS SELECT id, code, name FROM shop.customer WHERE name <> '' WITH LOCAL CHECK OPTION;
CREATE VIEW app.checked_twice AS SELECT id, code, name FROM app.checked WHERE code <> '' WITH CASCADED CHECK OPTION;
CREATE VIEW app.checked_itself WITH (security_invoker) AS
    SELECT order_id, nr, label FROM shop.line WHERE nr > 0 WITH CASCADED CHECK OPTION;
-- Bound to the primary key too, which alone makes "name" unique per group
CREATE VIEW app.grouped AS
    SELECT c.name, count(o.id) AS orders FROM shop.customer c LEFT JOIN shop."Order" o ON o.customer_id = c.id GROUP BY c.id;
CREATE VIEW app.recursive AS
    WITH RECURSIVE tree AS (
        SELECT id, 0 AS depth FROM shop."Order" WHERE parent_id IS NULL
        UNION ALL SELECT o.id, depth + 1 FROM shop."Order" o JOIN tree t ON o.parent_id = t.id
    ) SELECT t.depth, o."Mixed Case" FROM tree t JOIN shop."Order" o USING (id);
CREATE VIEW app.elsewhere AS
    SELECT r.title, (SELECT max(name) FROM shop.customer c WHERE c.region = r.code) AS name FROM app.region r;
CREATE VIEW app.loose AS SELECT DISTINCT ON (batch) batch, label FROM shop.loose ORDER BY batch, label DESC;
CREATE VIEW app.empty AS
    SELECT "table", """quoted""" AS "user" FROM shop."a name that takes all of the sixty-three bytes there are, 63 ö";
-- A materialized view of a view reads whatever the view reads when it is refreshed
CREATE MATERIALIZED VIEW app.stored_nested AS SELECT max(name) AS name FROM app.nested;
CREATE UNIQUE INDEX stored_nested_once ON app.stored_nested (name);
GRANT SELECT ON app.nested, app.barrier, app.invoker, app.checked, app.grouped TO reader, auditor;
GRANT SELECT, UPDATE, INSERT ON app.checked_twice, app.checked_itself TO clerk;

CREATE FUNCTION app.by_text() RETURNS text LANGUAGE sql STABLE AS 'SELECT max(name) FROM shop.customer';
CREATE FUNCTION app.by_definer() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = shop, pg_temp
    AS 'SELECT max("Mixed Case") FROM "Order"';
CREATE FUNCTION app.by_rowtype() RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE one shop.customer%ROWTYPE; many shop.customer[];
BEGIN
    SELECT * INTO one FROM shop.customer ORDER BY name DESC LIMIT 1;
    many := ARRAY[one];
    RETURN many[1].name;
END $$;
CREATE FUNCTION app.by_parsed("limit" int DEFAULT 1000, OUT found text) LANGUAGE sql STABLE SECURITY DEFINER COST 42
    BEGIN ATOMIC SELECT max(name) FROM shop.customer WHERE id < "limit"; END;
CREATE FUNCTION app.rows_parsed() RETURNS TABLE (number int, label text) LANGUAGE sql STABLE ROWS 7
    SET search_path = '' SET work_mem = '5MB'
    BEGIN ATOMIC SELECT o.number, l.label FROM shop."Order" o JOIN shop.line l ON l.order_id = o.id; END;
CREATE FUNCTION app.parsed_twice() RETURNS text LANGUAGE sql STABLE RETURN app.by_parsed() || (SELECT left(max(label), 0) FROM shop.loose);
CREATE PROCEDURE app.put(customer int, name text) LANGUAGE sql
    BEGIN ATOMIC
        UPDATE shop.customer SET name = put.name WHERE id = put.customer;
        INSERT INTO shop.loose (batch, label) VALUES ('put', put.name);
    END;
CREATE VIEW app.of_functions AS SELECT label AS name FROM app.rows_parsed() UNION SELECT app.by_parsed();
REVOKE EXECUTE ON FUNCTION app.by_parsed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.by_parsed TO reader WITH GRANT OPTION;
GRANT EXECUTE ON PROCEDURE app.put TO clerk;
COMMENT ON FUNCTION app.by_parsed IS 'parsed';
COMMENT ON PROCEDURE app.put IS 'writes';

CREATE TABLE app.gate (id int PRIMARY KEY, customer int, owner text);
INSERT INTO app.gate VALUES (1, 1, 'reader'), (2, 2, 'clerk'), (3, 99999, 'nobody');
ALTER TABLE app.gate ENABLE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE, DELETE ON app.gate TO reader, clerk;
CREATE POLICY of_customers ON app.gate FOR SELECT TO reader, clerk
    USING (customer IN (SELECT id FROM shop.customer)) ;
CREATE POLICY of_orders ON app.gate FOR INSERT TO clerk
    WITH CHECK (EXISTS (SELECT FROM shop."Order" o JOIN shop.customer c ON c.id = o.customer_id WHERE c.id = gate.customer));
CREATE POLICY "both" ON app.gate AS RESTRICTIVE USING (customer IN (SELECT customer_id FROM shop."Order") OR owner <> 'clerk')
    WITH CHECK (customer IN (SELECT id FROM app.customers));
COMMENT ON POLICY of_customers ON app.gate IS 'elsewhere';
RESET ROLE;
