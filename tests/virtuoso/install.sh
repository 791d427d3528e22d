#!/usr/bin/env bash
# Install Virtuoso from Debian's packages, for the tests that ask a real one; they start and stop it themselves.
# Does nothing where it is installed. Needs root.
set -euo pipefail
if command -v virtuoso-t >/dev/null && command -v isql-vt >/dev/null; then
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Virtuoso is not installed, and installing it needs root on Debian or Ubuntu:" >&2
  echo "  apt-get install --no-install-recommends virtuoso-opensource-7" >&2
  exit 1
fi
echo "Installing virtuoso-opensource-7 ..."
apt-get update -qq >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends virtuoso-opensource-7 >/dev/null
