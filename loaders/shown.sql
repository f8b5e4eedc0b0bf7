-- name: rows
SELECT {columns} FROM {first} {joins} WHERE {column} = ANY ({parts})

-- name: is_there
SELECT FROM pg_tables WHERE schemaname = %(schema)s AND tablename = ANY (%(tables)s)
