# How the tree builds where something is missing. They build in folders of their own.
BUILD_TESTS = tests/build/configure_again.test tests/build/web_bundle.test
TESTS += $(BUILD_TESTS)
EXTRA_DIST += $(BUILD_TESTS)
