-- What PostgreSQL 18 added.
SET ROLE keeper;
ALTER TABLE shop.line ADD twice bigint GENERATED ALWAYS AS (qty * 2) VIRTUAL;
ALTER TABLE shop.customer ADD lowered text GENERATED ALWAYS AS (lower(code)) VIRTUAL;
ALTER TABLE shop.line ADD CONSTRAINT not_enforced CHECK (qty < 0) NOT ENFORCED;
ALTER TABLE shop.customer
    ADD CONSTRAINT order_not_enforced FOREIGN KEY (position) REFERENCES shop."Order" (id) NOT ENFORCED,
    ADD CONSTRAINT "name there" NOT NULL name;
ALTER TABLE shop.shipment ADD CONSTRAINT label_there NOT NULL label NOT VALID;
COMMENT ON CONSTRAINT "name there" ON shop.customer IS 'not null';
ALTER TABLE shop."Order" ADD CONSTRAINT periods_over UNIQUE (id, starts);
RESET ROLE;
