#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Make ./configure from configure.ac (autoconf 2.71, automake 1.16).
set -eu
cd "$(dirname "$0")"
mkdir -p build-aux m4
exec autoreconf --install --force
