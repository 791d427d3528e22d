#!/usr/bin/env bash
# Put Apptainer into a folder (default .apptainer), and the root of an image beside it, for the tests that run containers.
# Debian has Apptainer in its unstable suite only: its package is unpacked with the C library that it was built for, and
# nothing of it is installed. The root has Python, NumPy and tifffile of the suite that this machine has.
# What works is kept, and a second call does nothing. Needs root.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"
folder=$(mkdir -p "${1:-.apptainer}" && cd "${1:-.apptainer}" && pwd)
if [ -e "$folder/works" ]; then
  exit 0
fi
keys=/usr/share/keyrings/debian-archive-keyring.gpg
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || [ ! -e $keys ]; then
  echo "Apptainer is fetched from Debian's packages, which needs root on Debian." >&2
  exit 1
fi
echo "Fetching Apptainer, and the root of an image ..."
rm -rf "$folder" && mkdir -p "$folder"/{apt/lists/partial,apt/archives/partial,root,libc} && cd "$folder"
needed="squashfs-tools patchelf libseccomp2 libsqlite3-0"
# shellcheck disable=SC2086
if ! dpkg --status $needed >/dev/null 2>&1; then
  apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $needed >/dev/null
fi

# As if nothing were installed, so that all that a program needs comes along.
fetch() { apt-get -qq -o Dir::State::status=/dev/null -o Dir::Cache::archives="$folder/apt/archives" \
  -o APT::Sandbox::User=root -o APT::Install-Recommends=0 --download-only -y install "$@" >/dev/null; }
inside="bash dash coreutils busybox-static python3-tifffile"
# shellcheck disable=SC2086
fetch $inside || { apt-get update -qq >/dev/null; fetch $inside; }
for package in apt/archives/*.deb; do dpkg -x "$package" root; done
rm -rf apt/archives/*.deb root/usr/share/{doc,man,locale,info,perl5}
rm -rf root/usr/lib/python3/dist-packages/numpy/{*/tests,f2py,distutils,doc}
libraries=$(dirname "$(find root/usr/lib -name 'liblapack.so.3' | head -1)")/..
for library in blas/libblas.so.3 lapack/liblapack.so.3; do ln -sf $library "$libraries/$(basename $library)"; done

mirror=$(apt-get indextargets --format '$(SITE) $(REPO_URI)' | awk '/debian\/$/ {print $2; exit}')
echo "deb [signed-by=$keys] $mirror sid main" >apt/sources.list
unstable() { apt-get -qq -o Dir::Etc::sourcelist="$folder/apt/sources.list" -o Dir::Etc::sourceparts=- \
  -o Dir::State::lists="$folder/apt/lists" -o Dir::Cache="$folder/apt" -o APT::Sandbox::User=root "$@" >/dev/null; }
unstable -o Acquire::Languages=none update
(cd apt && unstable download apptainer libc6)
for package in apt/*.deb; do dpkg -x "$package" unpacked; done
cp -L unpacked/usr/lib/*/{libc,libm,libresolv}.so.? unpacked/usr/lib/*/ld-linux*.so.? libc
mv unpacked/usr unpacked/etc .
programs=$(echo usr/lib/*/apptainer)
for program in usr/bin/apptainer "$programs/bin/starter"; do
  patchelf --set-interpreter "$(echo "$folder"/libc/ld-linux*)" --set-rpath "$folder/libc" "$program"
done
# It looks for its configuration and its mount points beside where it lies, in two places.
for place in usr usr/lib; do
  mkdir -p $place/var/lib/apptainer/mnt/session $place/etc
  ln -s "$folder/etc/apptainer" $place/etc/apptainer
done
# Root may lack a capability where this runs, and containers of the tests need none.
sed -i 's/^root default capabilities = .*/root default capabilities = no/' etc/apptainer/apptainer.conf
rm -rf apt unpacked usr/share && mkdir bin && ln -s ../usr/bin/apptainer bin/apptainer
bin/apptainer --quiet exec root python3 -c 'import tifffile'
touch works
