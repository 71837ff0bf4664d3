#!/usr/bin/env bash
# What the cluster of tests/cluster runs on: Debian packages, whose daemons are not started.
set -euo pipefail

packages=(etcd-server haproxy iproute2 patroni postgresql python3-etcd)
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null)" = "ii " ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ]; then
  echo "cluster: needs root, and Debian's ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
apt-get -qq update
apt-get -qq install --yes --no-install-recommends "${missing[@]}" </dev/null >/dev/null
