#!/bin/sh
# Unpacks MySQL 9, which no stable Debian has, with all that it is linked to, into the folder named: nothing is installed.
set -eu
home=$1
test -x "$home/tree/usr/sbin/mysqld" && exit 0
mkdir -p "$home/lists/partial" "$home/archives/partial" "$home/state" "$home/tree"
: >"$home/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main" >"$home/sources.list"
cat >"$home/apt.conf" <<END
Dir::State "$home/state";
Dir::State::Lists "$home/lists";
Dir::State::status "$home/status";
Dir::Cache "$home";
Dir::Cache::Archives "$home/archives";
Dir::Etc::SourceList "$home/sources.list";
Dir::Etc::SourceParts "/dev/null";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Debug::NoLocking "1";
END
export APT_CONFIG="$home/apt.conf"
if apt-get update -qq && apt-get install -qq -y --download-only mysql-server-core >/dev/null; then
    for package in "$home"/archives/*.deb; do dpkg-deb -x "$package" "$home/tree"; done
    rm -rf "$home/archives" "$home/lists" "$home"/*.bin
else
    echo "The tests run on MySQL 9 of Debian sid too, which apt-get could not fetch. Is a mirror reachable? apt-get update" >&2
    exit 1
fi
