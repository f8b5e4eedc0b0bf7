#!/bin/sh
# Installs what the tests need from Debian, where root may; says what to type where not.
set -eu
for initdb in /usr/lib/postgresql/15/bin/initdb; do
    test -x "$initdb" && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql-15 >/dev/null
else
    echo "The tests run on PostgreSQL 15 too. As root: apt install postgresql-15" >&2
    exit 1
fi
