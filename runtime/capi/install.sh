#!/bin/sh
# Installs the C library: headers, libvex_memory.a, libvex_memory.so, vex.pc, and, where it was built, the drop-in
# libvexmalloc.so.
#
#     cargo build --release -p vex-memory -p vex-malloc
#     PREFIX=/usr/local runtime/capi/install.sh
#
# PREFIX   where the library is to be used from; /usr/local unless it is set
# DESTDIR  a folder to install into instead, for making packages; PREFIX lies below it
# BUILT    the folder with the built libraries; target/release of this checkout unless it is set
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$(dirname -- "$here")")
prefix=${PREFIX:-/usr/local}
into=${DESTDIR:-}$prefix
built=${BUILT:-$root/target/release}
version=$(sed -n 's/^#define VEX_VERSION "\(.*\)"$/\1/p' "$root/runtime/include/vex_memory.h")
major=${version%%.*}

[ -n "$version" ] || { echo "install.sh: the header names no version" >&2; exit 1; }
case $prefix in
    /*) ;;
    *) echo "install.sh: PREFIX must begin with /: $prefix" >&2; exit 1 ;;
esac
for library in libvex_memory.a libvex_memory.so; do
    if [ ! -f "$built/$library" ]; then
        echo "install.sh: there is no $built/$library; build it with: cargo build --release -p vex-memory" >&2
        exit 1
    fi
done

mkdir -p "$into/include" "$into/lib/pkgconfig"
for header in "$root"/runtime/include/*; do
    install -m 644 "$header" "$into/include/"
done
install -m 644 "$built/libvex_memory.a" "$into/lib/"
# Programs ask for the name with the major version; a compiler asks for the one without.
install -m 755 "$built/libvex_memory.so" "$into/lib/libvex_memory.so.$version"
ln -sf "libvex_memory.so.$version" "$into/lib/libvex_memory.so.$major"
ln -sf "libvex_memory.so.$major" "$into/lib/libvex_memory.so"
if [ -f "$built/libvexmalloc.so" ]; then
    install -m 755 "$built/libvexmalloc.so" "$into/lib/"
fi
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" "$here/vex.pc.in" > "$into/lib/pkgconfig/vex.pc"
