-- name: held
-- What this connection has planned, the oldest first.
SELECT name FROM pg_prepared_statements WHERE name LIKE 'firn\_planned\_%' ORDER BY prepare_time, name

-- name: plan
PREPARE {name} AS {statement}

-- name: forget
DEALLOCATE {name}

-- name: run
EXECUTE {name}
