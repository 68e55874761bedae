#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Initiators we did not write against iscsi_ramserver: iscsi-ls, iscsi-inq, qemu-io, qemu-img, and each test of iscsi-test-cu that is in scope.
# Each test runs in a process of its own: some leave a hook in the tool that spoils the CDBs of those after them.
set -eu
for tool in iscsi-ls iscsi-inq iscsi-test-cu qemu-io qemu-img; do
	command -v $tool > /dev/null || { echo "no $tool: skipped"; exit 77; }
done
dir=$(mktemp -d)
./tests/proto/iscsi_ramserver 0 64 3 2 > "$dir/out" 2> "$dir/err" &
server=$!
trap 'kill $server 2> /dev/null || true; rm -rf "$dir"' EXIT
tries=0
until grep -q '^ready' "$dir/out"; do
	tries=$((tries + 1)); [ $tries -lt 100 ] || { cat "$dir/err"; exit 1; }
	sleep 0.1
done
read -r _ port iqn < "$dir/out"
url=iscsi://127.0.0.1:$port/$iqn/0
fail() { echo "FAILED: $*"; tail -20 "$dir/log"; exit 1; }

timeout 20 iscsi-ls -s "iscsi://127.0.0.1:$port" > "$dir/log" 2>&1 || fail iscsi-ls
[ "$(grep -c '^Lun:' "$dir/log")" = 3 ] || fail "iscsi-ls does not see three LUNs"
for page in 0 128 131 176 177 178; do
	timeout 20 iscsi-inq -e 1 -c $page "$url" > "$dir/log" 2>&1 || fail "iscsi-inq $page"
done
timeout 60 qemu-io -f raw -c 'write -P 0x5a 512 3M' -c 'read -P 0x5a 512 3M' -c 'write -z 1M 1M' -c 'read -P 0 1M 1M' \
	-c 'discard 2M 64k' -c 'read -P 0 2M 64k' -c 'flush' "$url" > "$dir/log" 2>&1 || fail qemu-io
head -c 67108864 /dev/urandom > "$dir/image"
timeout 60 qemu-img convert -n -f raw -O raw "$dir/image" "$url" > "$dir/log" 2>&1 || fail "qemu-img convert"
timeout 60 qemu-img compare -f raw -F raw "$dir/image" "$url" > "$dir/log" 2>&1 || fail "qemu-img compare"

# Several initiators at once, each on a LUN of its own.
for lun in 0 1 2; do
	timeout 60 qemu-img convert -n -f raw -O raw "$dir/image" "iscsi://127.0.0.1:$port/$iqn/$lun" > "$dir/log.$lun" 2>&1 &
	eval "job$lun=\$!"
done
for lun in 0 1 2; do
	eval "wait \$job$lun" || fail "parallel convert $lun"
	timeout 60 qemu-img compare -f raw -F raw "$dir/image" "iscsi://127.0.0.1:$port/$iqn/$lun" > "$dir/log" 2>&1 || fail "parallel compare $lun"
done

# GetLBAStatus.UnmapSingle wants real provisioning states (a later stage); LUNResetSimpleAsync looks at its result before it waits for it.
for test in $(iscsi-test-cu --list | grep -E '^ALL\.[^.]*\.[^.]*$' | grep -v -e GetLBAStatus.UnmapSingle -e LUNResetSimpleAsync); do
	timeout 60 iscsi-test-cu -d -n "--test=$test" "$url" > "$dir/log" 2>&1 || fail "$test"
done
kill -TERM $server
wait $server || { cat "$dir/err"; echo "FAILED: the server's end"; exit 1; }
grep -E 'AddressSanitizer|runtime error|assert' "$dir/err" && exit 1
echo passed
