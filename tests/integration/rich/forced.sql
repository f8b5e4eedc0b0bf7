-- Row security that binds the owner too, and lets the owner see nothing.
SET ROLE keeper;
ALTER TABLE shop.line ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE shop.loose FORCE ROW LEVEL SECURITY;
CREATE POLICY not_the_owner ON shop.line TO reader, clerk USING (nr > 0) WITH CHECK (qty < 1000000);
CREATE POLICY few ON shop.line AS RESTRICTIVE FOR SELECT TO reader USING (nr < 2);
RESET ROLE;
