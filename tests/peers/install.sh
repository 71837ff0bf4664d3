#!/usr/bin/env bash
# The real servers and clients that some tests talk to: Debian packages (root only) and two of
# npm's.  What cannot be had is said here; the tests that need it are skipped with that reason.
set -euo pipefail
cd "$(dirname "$0")/../.."

# swaks speaks TLS by libnet-ssleay-perl, which it only recommends.
packages=(
  curl dovecot-core dovecot-lmtpd gcc libmail-deliverystatus-bounceparser-perl libnet-ssleay-perl
  libsisimai-perl libssl-dev msmtp postfix postgresql swaks systemd
)

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]
}

missing_packages() {
  for package in "${packages[@]}"; do
    is_installed "$package" || echo "$package"
  done
}

# On a laptop the suite runs without peers; in CI an installation that fails is a failure.
give_up() {
  echo "peers: $1" >&2
  [ "${CI:-}" != true ] || exit 1
}

install_debian_packages() {
  # Postfix configures nothing, and no daemon is started: each test runs its own instance.
  echo "postfix postfix/main_mailer_type select Local only" | debconf-set-selections
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  apt-get -qq update && apt-get -qq install --yes --no-install-recommends "$@" </dev/null >/dev/null
}

install_node_packages() {
  npm ci --prefix "$1" --no-audit --no-fund --ignore-scripts --silent </dev/null
}

if ! command -v dpkg-query >/dev/null; then
  give_up "not a Debian system; tests with ${packages[*]} are skipped where these are missing"
else
  missing=$(missing_packages)
  if [ -z "$missing" ]; then
    :
  elif [ "$(id -u)" != 0 ]; then
    echo "peers: not root; tests are skipped that need: ${missing//$'\n'/ }" >&2
  else
    install_debian_packages $missing || give_up "apt-get could not install: ${missing//$'\n'/ }"
  fi
fi

for wanted in tests/clients/node/node_modules/nodemailer tests/peers/oidc/node_modules/oidc-provider; do
  name=${wanted##*/}
  if [ -d "$wanted" ]; then
    :
  elif ! command -v npm >/dev/null; then
    give_up "no npm; tests with $name are skipped"
  else
    install_node_packages "${wanted%/node_modules/*}" ||
      give_up "npm could not install $name; tests with it are skipped"
  fi
done
