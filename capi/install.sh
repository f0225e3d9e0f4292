#!/bin/sh
# Builds libcenote and installs it: capi/install.sh [--prefix DIR] [cargo build options, such as --no-default-features]
# DESTDIR is put in front of the prefix, as packagers expect.
set -eu
cd "$(dirname "$0")"
prefix=/usr/local
if [ "${1:-}" = --prefix ]; then
    prefix=${2:?"--prefix needs a directory"}
    shift 2
fi
case $prefix in
    /*) ;;
    *) echo "install.sh: the prefix must be an absolute path, not \`$prefix\`" >&2; exit 2 ;;
esac
cargo build --quiet --locked --profile dist --package cenote-capi "$@"
version=$(cargo metadata --quiet --no-deps --format-version 1 |
    sed 's/.*"name":"cenote-capi","version":"\([^"]*\)".*/\1/')
built=${CARGO_TARGET_DIR:-../target}/dist
to=${DESTDIR:-}$prefix

mkdir -p "$to/lib/pkgconfig" "$to/include"
install -m 644 include/cenote.h "$to/include/cenote.h"
install -m 644 "$built/libcenote.a" "$to/lib/libcenote.a"
install -m 755 "$built/libcenote.so" "$to/lib/libcenote.so.$version"
ln -sf "libcenote.so.$version" "$to/lib/libcenote.so.${version%%.*}"
ln -sf "libcenote.so.${version%%.*}" "$to/lib/libcenote.so"
sed -e "s|@prefix@|$prefix|" -e "s|@version@|$version|" cenote.pc.in >"$to/lib/pkgconfig/cenote.pc"
echo "installed libcenote $version in $to"
