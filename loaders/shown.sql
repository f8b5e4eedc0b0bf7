-- name: rows
SELECT {columns} FROM {first} {joins} WHERE {column} = ANY ({parts})

-- name: one_moment
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY

-- name: within
SET LOCAL statement_timeout = {ms}

-- name: table
SELECT {columns} FROM {table} AS {name}

-- name: is_there
SELECT FROM pg_tables WHERE schemaname = %(schema)s AND tablename = ANY (%(tables)s)

-- name: aged
SELECT {columns} FROM {table} AS {name} WHERE {date} < {before} AND {key} > {above} ORDER BY {key} LIMIT {most}
