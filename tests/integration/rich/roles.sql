-- Who has to do with the tables. Roles belong to the server, not to the database: drop_roles.sql takes them away.
CREATE ROLE keeper;
CREATE ROLE reader;
CREATE ROLE clerk;
CREATE ROLE auditor;
CREATE ROLE "Head of Sales";
CREATE ROLE stranger;
CREATE SCHEMA shop AUTHORIZATION keeper;
CREATE SCHEMA app AUTHORIZATION keeper;
GRANT USAGE ON SCHEMA shop, app TO PUBLIC;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO keeper', current_database()); END $$;
