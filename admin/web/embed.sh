#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Print a C file with the given files as the array of admin/web/assets.h: embed.sh index.html app.js app.css
set -eu
echo '/* Made by admin/web/embed.sh. */'
echo '#include "admin/web/assets.h"'
n=0
for file in "$@"; do
	printf 'static const unsigned char bytes%d[] = {' "$n"
	od -An -v -tx1 <"$file" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
	echo '};'
	n=$((n + 1))
done
echo 'const struct asset assets[] = {'
n=0
for file in "$@"; do
	name=/$(basename "$file")
	case $name in
	*.html) type='text/html; charset=utf-8' ;;
	*.js) type='text/javascript; charset=utf-8' ;;
	*.css) type='text/css; charset=utf-8' ;;
	*.svg) type='image/svg+xml' ;;
	*) echo "embed.sh: what type is $file?" >&2; exit 1 ;;
	esac
	if [ "$name" = /index.html ]; then
		printf '\t{ "/", "%s", bytes%d, sizeof bytes%d },\n' "$type" "$n" "$n"
	fi
	printf '\t{ "%s", "%s", bytes%d, sizeof bytes%d },\n' "$name" "$type" "$n" "$n"
	n=$((n + 1))
done
echo '};'
echo 'const size_t assets_count = sizeof assets / sizeof assets[0];'
