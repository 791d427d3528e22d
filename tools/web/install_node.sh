#!/usr/bin/env bash
# Install Node.js and npm from Debian's packages, where bundles of the pages are to be made and they are missing.
# Does nothing where they are installed. Needs root.
set -euo pipefail
least=18
if command -v npm >/dev/null && command -v node >/dev/null; then
  if [ "$(node -p 'process.versions.node.split(".")[0]')" -ge "$least" ]; then
    exit 0
  fi
  echo "Bundling the pages' scripts needs Node.js $least or newer; this is $(node --version)." >&2
  exit 1
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "Node.js and npm are not installed, and installing them needs root on Debian or Ubuntu:" >&2
  echo "  apt-get install --no-install-recommends nodejs npm" >&2
  exit 1
fi
echo "Installing nodejs and npm ..."
apt-get update -qq >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null
