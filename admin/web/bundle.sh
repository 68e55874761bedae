#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bundle the web page in the build folder: bundle.sh SRCDIR FILE... (sources and package files, relative to SRCDIR).
# Writes admin/web/dist/app.js. The packages come from the npm registry, once for each package-lock.json. When they cannot be had, a bundle
# that is there already is used as it is, and its time stays, so that the next make tries again.
set -eu
src=$1
shift
work=admin/web/bundle
out=admin/web/dist/app.js
log=$work/npm.log
lock=$work/node_modules/.of-lock
mkdir -p "$work/src" admin/web/dist
for file in "$@"; do
	case $file in
	*/src/*) cp "$src/$file" "$work/src/" ;;
	*) cp "$src/$file" "$work/" ;;
	esac
done

old=
for file in "$out" "$src/$out"; do
	[ -n "$old" ] || [ ! -s "$file" ] || old=$file
done

# get_packages: those that package-lock.json names, from npm's cache or the registry; why not, in $why.
get_packages() {
	! cmp -s "$work/package-lock.json" "$lock" || return 0
	command -v npm >/dev/null 2>&1 || {
		why="npm is not installed (Debian: apt-get install npm)"
		return 1
	}
	(cd "$work" && npm ci --no-audit --no-fund --ignore-scripts --prefer-offline ${old:+--fetch-retries=0}) >"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		why="npm could not install the packages of admin/web/package-lock.json from $(npm config get registry)"
		return 1
	}
	cp "$work/package-lock.json" "$lock"
}

if get_packages; then
	(cd "$work" && node_modules/.bin/esbuild src/main.jsx --bundle --minify --target=es2022 --jsx=automatic --jsx-import-source=preact \
		--log-level=warning --outfile=app.js)
	mv "$work/app.js" "$out"
	exit 0
fi
if [ -n "$old" ]; then
	echo "web page: $why; using $old of $(date -r "$old" '+%Y-%m-%d %H:%M'), which is older than its sources" >&2
	[ "$old" = "$out" ] || cp -p "$old" "$out"
	exit 0
fi
cat >&2 <<END
web page: $why.
Either make the registry reachable (npm_config_registry=URL names another one, npm_config_cache=DIR a cache) and make again, or build without
one: put a bundle of these sources, admin/web/dist/app.js of another build folder or of a release, at $src/$out.
END
exit 1
