# What is not compiled: scripts, documents, the example configuration.
EXTRA_DIST += LICENSE README.md autogen.sh quickstart .clang-format .ci/run \
	scripts/install-deps scripts/house scripts/lint scripts/format scripts/check scripts/fill-lun \
	docs/ARCHITECTURE.md docs/house.svg docs/GLOSSARY.md docs/ON-DISK-FORMAT.md docs/TESTING.md

lint:
	$(top_srcdir)/scripts/lint
.PHONY: lint
