-- Foreign keys of tables outside the set.
SET ROLE keeper;
CREATE TABLE app.ticket (
    id int PRIMARY KEY,
    customer int CONSTRAINT "ticket's customer" REFERENCES shop.customer ON UPDATE CASCADE ON DELETE CASCADE,
    code text COLLATE "C" CONSTRAINT ticket_code REFERENCES shop.customer (code) DEFERRABLE INITIALLY DEFERRED,
    ordered bigint CONSTRAINT ticket_order REFERENCES shop."Order" (id) ON DELETE SET NULL
);
CREATE TABLE app.stamp (
    order_id bigint DEFAULT 1,
    nr smallint,
    CONSTRAINT stamp_line FOREIGN KEY (order_id, nr) REFERENCES shop.line ON DELETE SET NULL (nr) NOT VALID
);
COMMENT ON CONSTRAINT ticket_code ON app.ticket IS 'from outside';
INSERT INTO app.ticket VALUES (1, 1, 'c1', 10), (2, 2, 'c2', NULL), (3, NULL, NULL, 20);
INSERT INTO app.stamp VALUES (10, 1), (20, 1);
RESET ROLE;
