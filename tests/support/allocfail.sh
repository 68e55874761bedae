#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Make one archive of the product's, in which allocations call tests/support/allocfail.c.
# usage: OBJCOPY=objcopy AR=ar allocfail.sh OUT.a IN.a...
set -e
heap="malloc calloc realloc reallocarray aligned_alloc posix_memalign strdup strndup asprintf open_memstream"
pages="page_alloc page_alloc_zero page_alloc_or_heap page_alloc_many"

out=$1
shift
rm -rf "$out" "$out.d"
mkdir -p "$out.d"
for archive in "$@"; do
	here=$PWD
	(cd "$out.d" && "$AR" x "$here/$archive")
done
for name in $heap; do echo "$name allocfail_$name"; done >"$out.d/heap"
{ cat "$out.d/heap"; for name in $pages; do echo "$name allocfail_$name"; done; } >"$out.d/all"
for object in "$out.d"/*.o; do
	case ${object##*/} in
	page.o | *-page.o) names=heap ;; # where pages are made
	*) names=all ;;
	esac
	"$OBJCOPY" --redefine-syms="$out.d/$names" "$object"
done
"$AR" rcs "$out" "$out.d"/*.o
rm -rf "$out.d"
