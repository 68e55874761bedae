# What is not compiled: scripts, documents, the example configuration.
EXTRA_DIST += LICENSE README.md autogen.sh quickstart .clang-format .ci/run \
	scripts/install-deps scripts/house scripts/lint scripts/format scripts/reflow scripts/check scripts/quick scripts/fill-lun \
	docs/ARCHITECTURE.md docs/house.svg docs/BENCHMARKS.md docs/GLOSSARY.md docs/ON-DISK-FORMAT.md docs/TESTING.md CONTRIBUTING.md .editorconfig \
	docs/GUIDE/01-layers.svg docs/GUIDE/01-server.md docs/GUIDE/02-tree.svg docs/GUIDE/02-trees.md \
	docs/GUIDE/03-write-anywhere.md docs/GUIDE/03-write-anywhere.svg docs/GUIDE/04-nvlog.md docs/GUIDE/04-nvlog.svg \
	docs/GUIDE/05-consistency-point.md docs/GUIDE/05-cp.svg docs/GUIDE/06-raid.md docs/GUIDE/06-raid.svg \
	docs/GUIDE/07-snapshots.md docs/GUIDE/07-snapshots.svg docs/GUIDE/08-luns.md docs/GUIDE/08-vdisk.svg \
	docs/GUIDE/09-backed-luns.md docs/GUIDE/09-backed.svg docs/GUIDE/10-clone.md docs/GUIDE/10-clone.svg \
	docs/GUIDE/disks.md docs/GUIDE/README.md

lint:
	$(top_srcdir)/scripts/lint

# What a developer runs between two edits.
quick:
	@$(top_srcdir)/scripts/quick .
.PHONY: lint quick
