#!/usr/bin/env bash
# Install Chromium from Debian's packages, for the tests that look at pages as a person does; they start and stop it.
# Does nothing where it is installed. Needs root.
set -euo pipefail
if command -v chromium >/dev/null; then
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Chromium is not installed, and installing it needs root on Debian or Ubuntu:" >&2
  echo "  apt-get install --no-install-recommends chromium" >&2
  exit 1
fi
echo "Installing chromium ..."
apt-get update -qq >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
