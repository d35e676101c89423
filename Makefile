.PHONY: build run test fuzz format clean

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
	Scripts/fuzz.sh --seconds 20 --runs 100000
	swift test --package-path Tests/Guest

# Fuzzes what reads the memory of devices, FUZZ_MINUTES for each target, and adds
# what is new to the corpora.
FUZZ_MINUTES ?= 10
fuzz:
	Scripts/fuzz.sh --seconds $$((60 * $(FUZZ_MINUTES))) --keep

# Formats every Swift source in place, as .ci/run wants it.
format:
	git ls-files -z '*.swift' | xargs -0 swift format format --in-place

# Removes everything that was built.
clean:
	rm -rf .build .build-* Tests/Guest/.build Tests/Fuzz/.build
