#!/usr/bin/env bash
# The real servers and clients that some tests talk to: Debian packages (root only), some of npm's,
# and sslyze in a virtual environment of its own.  What cannot be had is said here; the tests that
# need it are skipped with that reason.
set -euo pipefail
cd "$(dirname "$0")/../.."

# bonsai, which reads LDAP, is built against libldap2-dev and libsasl2-dev: so this runs before the
# environment is made.  swaks speaks TLS by libnet-ssleay-perl, Perl's Net::SMTP by the two others, and Postfix logs in by
# libsasl2-modules, which they only recommend.
packages=(
  chromium curl cyrus-common default-jdk-headless dovecot-core dovecot-lmtpd fail2ban gcc golang-go junit5 ldap-utils
  libauthen-sasl-perl libio-socket-ssl-perl libjakarta-mail-java
  libmail-deliverystatus-bounceparser-perl libnet-ssleay-perl libphp-phpmailer libsasl2-modules
  libldap2-dev libsasl2-dev libsisimai-perl libssl-dev mmdebstrap msmtp php-cli postfix postgresql
  prometheus python3-dev ruby samba samba-ad-provision samba-dsdb-modules slapd swaks systemd winbind
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
  apt-get -qq install --yes --no-install-recommends "$@" </dev/null >/dev/null
}

is_exim_unpacked() {
  [ -x tests/peers/unpacked/usr/sbin/exim4 ]
}

# Exim may not be installed beside Postfix: it is unpacked.  What it needs is installed, and its user
# made, as its package would.
unpack_exim() {
  local folder package
  folder=$(mktemp -d) && package="$folder/exim.deb" &&
    (cd "$folder" && apt-get -qq -o APT::Sandbox::User=root download exim4-daemon-light) &&
    mv "$folder"/*.deb "$package" &&
    install_debian_packages $(dpkg-deb --field "$package" Depends | grep -o '\blib[a-z0-9.+-]*') &&
    { getent passwd Debian-exim >/dev/null ||
      useradd --system --user-group --no-create-home --shell /usr/sbin/nologin Debian-exim; } &&
    dpkg-deb --extract "$package" tests/peers/unpacked &&
    chmod u-s tests/peers/unpacked/usr/sbin/exim4 &&
    rm -r "$folder"
}

install_node_packages() {
  npm ci --prefix "$1" --no-audit --no-fund --ignore-scripts --silent </dev/null
}

if ! command -v dpkg-query >/dev/null; then
  give_up "not a Debian system; tests with Exim, ${packages[*]} are skipped where these are missing"
else
  missing=$(missing_packages)
  if [ -z "$missing" ] && is_exim_unpacked; then
    :
  elif [ "$(id -u)" != 0 ]; then
    echo "peers: not root; tests are skipped that need: Exim ${missing//$'\n'/ }" >&2
  else
    { apt-get -qq update && install_debian_packages $missing; } ||
      give_up "apt-get could not install: ${missing//$'\n'/ }"
    is_exim_unpacked || unpack_exim || give_up "Exim could not be unpacked; tests with it are skipped"
  fi
fi

for wanted in tests/clients/node/node_modules/nodemailer tests/peers/oidc/node_modules/oidc-provider \
  tests/peers/haraka/node_modules/Haraka; do
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

# Apart from ours: it wants other versions of what we use, and its licence (AGPL) is for a tool.
sslyze=tests/peers/sslyze
if [ ! -x "$sslyze/.venv/bin/sslyze" ]; then
  { python3 -m venv "$sslyze/.venv" && "$sslyze/.venv/bin/pip" install --quiet \
    --disable-pip-version-check --require-hashes -r "$sslyze/requirements.lock"; } ||
    give_up "pip could not install sslyze; tests with it are skipped"
fi
