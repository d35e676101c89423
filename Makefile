.PHONY: build run test simulate soak fuzz bench-driver format clean

# Builds the demo for the bare machine and prints where it is.
build:
	Scripts/install-dependencies.sh run
	Scripts/build-guest.sh

# Builds the demo and boots it in QEMU. ./run-qemu.sh --help says what else.
run:
	./run-qemu.sh

# Runs the tests on the host, those on made-up wires, the fuzzers, then those
# that boot guests.
test:
	Scripts/install-dependencies.sh test
	swift test
	Scripts/simulate.sh
	Scripts/fuzz.sh --seconds 20 --runs 100000
	swift test --package-path Tests/Guest

# Plays whole stacks on bad lines, in made-up time. SIMULATION_SEED=N plays a
# run again, UPDATE_SNAPSHOTS=1 writes the tables of throughput anew.
simulate:
	Scripts/simulate.sh

# Ten minutes of all kinds of traffic at once, on each kind of ring and
# interrupts; `make test` has a minute of it.
soak:
	Scripts/install-dependencies.sh test
	SOAK_SECONDS=600 swift test --package-path Tests/Guest --filter SoakTests

# Prints what a packet costs, with each kind of ring and offloads. What else
# there is to choose: make bench-driver ARGUMENTS=--help
bench-driver:
	Scripts/install-dependencies.sh test
	swift build --package-path Tests/Guest --product probe
	swift run --package-path Tests/Guest bench-driver $(ARGUMENTS)

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
	rm -rf .build .build-* Tests/Guest/.build Tests/Fuzz/.build \
	  Tests/Simulation/.build
