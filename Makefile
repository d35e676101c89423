.PHONY: build run test format clean

# Builds the demo for the bare machine and prints where it is.
build:
	Scripts/install-dependencies.sh run
	Scripts/build-guest.sh

# Builds the demo and boots it in QEMU. ./run-qemu.sh --help says what else.
run:
	./run-qemu.sh

# Runs the tests on the host, then those that boot guests.
test:
	Scripts/install-dependencies.sh test
	swift test
	swift test --package-path Tests/Guest

# Formats every Swift source in place, as .ci/run wants it.
format:
	git ls-files -z '*.swift' | xargs -0 swift format format --in-place

# Removes everything that was built.
clean:
	rm -rf .build .build-* Tests/Guest/.build
