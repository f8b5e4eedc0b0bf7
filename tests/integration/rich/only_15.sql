-- An extension that the other servers of the tests lack.
CREATE EXTENSION citext SCHEMA app;
SET ROLE keeper;
ALTER TABLE shop.customer ADD folded app.citext GENERATED ALWAYS AS (code::app.citext) STORED;
CREATE UNIQUE INDEX customer_folded ON shop.customer (folded);
CREATE VIEW app.folded AS SELECT folded FROM shop.customer WHERE folded = 'C1';
RESET ROLE;
