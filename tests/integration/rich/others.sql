-- What belongs to others than keeper, or was granted by others: only a superuser carries it in a swap.
ALTER SEQUENCE app.shared OWNER TO auditor;
SET ROLE clerk;
GRANT SELECT ON shop.customer TO stranger WITH GRANT OPTION;
GRANT UPDATE ON shop."Order" TO "Head of Sales";
SET ROLE stranger;
GRANT SELECT ON shop.customer TO "Head of Sales";
SET ROLE auditor;
GRANT SELECT ("select") ON shop."Order" TO stranger;
RESET ROLE;
GRANT CREATE ON SCHEMA app TO clerk, reader;
SET ROLE clerk;
CREATE VIEW app.of_clerk AS SELECT name, code FROM shop.customer;
CREATE VIEW app.of_clerk_invoker WITH (security_invoker) AS SELECT "Mixed Case" AS name FROM shop."Order";
GRANT SELECT ON app.of_clerk TO stranger;
CREATE FUNCTION app.parsed_by_clerk() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
    BEGIN ATOMIC SELECT max("Mixed Case") FROM shop."Order"; END;
SET ROLE reader;
CREATE VIEW app.of_reader AS SELECT name FROM shop.customer;
GRANT SELECT ON app.of_reader TO stranger;
CREATE TABLE app.gate_of_reader (customer int);
INSERT INTO app.gate_of_reader VALUES (1), (2), (99999);
ALTER TABLE app.gate_of_reader ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT SELECT ON app.gate_of_reader TO clerk, stranger;
CREATE POLICY theirs ON app.gate_of_reader USING (customer IN (SELECT id FROM shop.customer));
RESET ROLE;
ALTER TABLE shop.loose OWNER TO "Head of Sales";
GRANT USAGE ON SCHEMA app TO "Head of Sales";
