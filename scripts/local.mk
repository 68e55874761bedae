# What is not compiled: scripts, documents, the example configuration.
EXTRA_DIST += LICENSE README.md autogen.sh quickstart .clang-format .ci/run \
	scripts/install-deps scripts/house scripts/lint scripts/format scripts/check scripts/quick scripts/fill-lun \
	docs/ARCHITECTURE.md docs/house.svg docs/BENCHMARKS.md docs/GLOSSARY.md docs/ON-DISK-FORMAT.md docs/TESTING.md CONTRIBUTING.md .editorconfig

lint:
	$(top_srcdir)/scripts/lint

# What a developer runs between two edits.
quick:
	@$(top_srcdir)/scripts/quick .
.PHONY: lint quick
