#!/bin/sh
# Unpacks MySQL 9, which no stable Debian has, with all that it is linked to, into the folder named: nothing is installed.
set -eu
root=$1
test -x "$root/root/usr/sbin/mysqld" && exit 0
mkdir -p "$root/lists/partial" "$root/archives/partial" "$root/state" "$root/root"
: >"$root/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main" >"$root/sources.list"
cat >"$root/apt.conf" <<END
Dir::State "$root/state";
Dir::State::Lists "$root/lists";
Dir::State::status "$root/status";
Dir::Cache "$root";
Dir::Cache::Archives "$root/archives";
Dir::Etc::SourceList "$root/sources.list";
Dir::Etc::SourceParts "/dev/null";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Debug::NoLocking "1";
END
export APT_CONFIG="$root/apt.conf"
if apt-get update -qq && apt-get install -qq -y --download-only mysql-server-core >/dev/null; then
    for package in "$root"/archives/*.deb; do dpkg-deb -x "$package" "$root/root"; done
    rm -rf "$root/archives" "$root/lists" "$root"/*.bin
else
    echo "The tests run on MySQL 9 of Debian sid too, which apt-get could not fetch. Is a mirror reachable? apt-get update" >&2
    exit 1
fi
