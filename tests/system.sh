#!/bin/sh
# Installs what the tests need from Debian, where root may; says what to type where not.
set -eu
missing=
test -x /usr/lib/postgresql/15/bin/initdb || missing="postgresql-15"
command -v mariadbd >/dev/null || test -x /usr/sbin/mariadbd || missing="$missing mariadb-server"
test -z "$missing" && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
else
    echo "The tests run on PostgreSQL 15 and MariaDB too. As root: apt install --no-install-recommends $missing" >&2
    exit 1
fi
