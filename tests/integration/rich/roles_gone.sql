DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['keeper', 'reader', 'clerk', 'auditor', 'Head of Sales', 'stranger'] LOOP
        EXECUTE format('DROP ROLE IF EXISTS %I', name);
    END LOOP;
END $$;
