#!/usr/bin/env bash
# Install nginx and Apache from Debian's packages, for the tests that put them before the pages; they start and stop
# them themselves, and nothing is started here. Does nothing where both are installed. Needs root.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
if command -v nginx >/dev/null && command -v apache2 >/dev/null; then
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "nginx or Apache is not installed, and installing them needs root on Debian or Ubuntu:" >&2
  echo "  apt-get install --no-install-recommends nginx-light apache2" >&2
  exit 1
fi
echo "Installing nginx-light and apache2 ..."
policy=/usr/sbin/policy-rc.d # asked before a package starts a service; 101 forbids it
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light apache2 >/dev/null
# Where there is an init system, neither is to be started with the machine either.
if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
  systemctl disable --quiet nginx apache2 || true
fi
