-- name: part
SELECT {columns} FROM {table} t WHERE t.{column} = {part}

-- name: part_through
SELECT {columns} FROM {table} t JOIN {through} o ON o.{key} = t.{key} WHERE o.{column} = {part}

-- name: is_there
SELECT FROM pg_tables WHERE schemaname = %(schema)s AND tablename = %(table)s
