#!/usr/bin/env bash
# Builds an app into a file that QEMU boots, and prints that file's path.
#
#   Scripts/build-guest.sh [--package DIR] [--product NAME]
#
# SwiftPM does the work. What makes it a build for the bare machine is the
# toolset written here: Embedded Swift, no red zone (an interrupt would write
# into it), no C library, our linker script. It is not in Package.swift, because
# unsafe flags there would forbid other packages to depend on this one, and the
# same targets are built for the host by `swift test`.
set -euo pipefail

apus=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
package=$apus
product=Demo
while (($#)); do
  case $1 in
    --package) package=$(cd "$2" && pwd); shift 2 ;;
    --product) product=$2; shift 2 ;;
    *) echo "build-guest.sh: unknown option '$1'" >&2; exit 2 ;;
  esac
done

scratch=$package/.build-guest
triple=x86_64-unknown-linux-gnu
# Asked of the compiler, because `swift` may be a version manager's stand-in.
resources=$(
  swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p'
)
concurrency=$resources/embedded/$triple/libswift_Concurrency.a
if [[ ! -f $concurrency ]]; then
  echo "build-guest.sh: this Swift toolchain has no Embedded Swift for" \
    "$triple: $concurrency is missing. Install Swift 6.3 or newer from" \
    "https://www.swift.org/install/linux/ and put it on the PATH." >&2
  exit 1
fi

mkdir -p "$scratch/boot"
objects=()
for source in "$apus"/Sources/Boot/*.asm; do
  object=$scratch/boot/$(basename "$source" .asm).o
  if [[ ! $object -nt $source ]]; then
    nasm -f elf64 -g -F dwarf -o "$object" "$source"
  fi
  objects+=("$object")
done

# Prints its arguments as the items of a JSON array.
json_array() {
  local separator='' item
  for item in "$@"; do
    item=${item//\\/\\\\}
    printf '%s"%s"' "$separator" "${item//\"/\\\"}"
    separator=', '
  done
}

swift_options=(
  -enable-experimental-feature Embedded
  -Xfrontend -function-sections
  -Xcc -ffreestanding -Xcc -mno-red-zone -Xcc -fno-pic
  -Xcc -fno-omit-frame-pointer
  -g
)
# SwiftPM links through the compiler's driver, so these are its options too.
for option in -nostdlib -static -no-pie -fuse-ld=lld \
  -Wno-unused-command-line-argument; do
  swift_options+=(-Xclang-linker "$option")
done
# swift-collections 1.6.0 marks a record for debuggers as used, and Embedded Swift
# emits it in every module that imports the library: the same bytes under the
# same name. Hence --allow-multiple-definition.
linker_options=(
  -T "$apus/linker.ld" --gc-sections --build-id=none --allow-multiple-definition
  -z max-page-size=4096
  "${objects[@]}" "$concurrency"
)
toolset=$scratch/toolset.json
new=$(
  cat <<JSON
{
  "schemaVersion": "1.0",
  "swiftCompiler": {
    "extraCLIOptions": [$(json_array "${swift_options[@]}")]
  },
  "cCompiler": {
    "extraCLIOptions": [
      $(json_array -ffreestanding -mno-red-zone -fno-pic -fno-omit-frame-pointer)
    ]
  },
  "linker": { "extraCLIOptions": [$(json_array "${linker_options[@]}")] }
}
JSON
)
# Left alone when unchanged: a newer toolset builds everything anew.
if [[ ! -f $toolset || $(<"$toolset") != "$new" ]]; then
  printf '%s\n' "$new" >"$toolset"
fi

image=$scratch/$triple/release/$product
# The linker's inputs that SwiftPM does not know of.
for input in "$apus/linker.ld" "${objects[@]}"; do
  if [[ $input -nt $image ]]; then rm -f "$image"; fi
done

# SwiftPM does not notice that a package it depends on by path has gained or
# lost a file: its plan is dropped then, and made anew.
listing=$scratch/sources.txt
found=$(find "$apus/Sources" -name '*.swift' | sort)
if [[ ! -f $listing || $(<"$listing") != "$found" ]]; then
  rm -f "$scratch/release.yaml"
  printf '%s\n' "$found" >"$listing"
fi

swift build --build-system native --package-path "$package" \
  --scratch-path "$scratch" --toolset "$toolset" --triple "$triple" \
  --configuration release --product "$product" >&2
echo "$image"
