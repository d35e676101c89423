#!/usr/bin/env bash
# Copies a guest's console from standard input to standard output line by line,
# call stacks with function, file and line.
#
#   Scripts/symbolicate.sh IMAGE <CONSOLE
#
# IMAGE is what the guest was booted from. A line of a call stack is two spaces,
# "at" and an address, the innermost first; all others pass as they are.
set -euo pipefail

if (($# != 1)) || [[ ! -f $1 ]]; then
  echo "usage: Scripts/symbolicate.sh IMAGE <CONSOLE" >&2
  exit 2
fi
image=$1

# The toolchain's own programs: those of the system may not know Swift.
toolchain_programs() {
  local information
  information=$(swiftc -print-target-info 2>/dev/null) || return 1
  [[ $information =~ \"runtimeResourcePath\":\ *\"([^\"]*)/lib/swift\" ]] ||
    return 1
  echo "${BASH_REMATCH[1]}/bin"
}

# Prints lines of a call stack with function, file and line, and under each the
# functions that it was inlined into.
#
#   print_call_stack DEPTH LINE...
#
# DEPTH is how many lines of the same stack came before.
print_call_stack() {
  local depth=$1 line address function place programs
  local inlined='       inlined into'
  shift
  local -a lines=("$@") lookups=()
  for line in "${lines[@]}"; do
    address=${line##* }
    # All but the first are return addresses: the call is before them.
    ((depth == 0)) || address=$(printf '0x%x' $((address - 1)))
    lookups+=("$address")
    depth=$((depth + 1))
  done
  if ! programs=$(toolchain_programs); then
    printf '%s\n' "${lines[@]}"
    return
  fi
  # For each address: the names and places, innermost first, and an empty line.
  # When a look-up fails its line stays as it was.
  printf '%s\n' "${lookups[@]}" |
    "$programs/llvm-symbolizer" --obj="$image" --inlines \
      --functions=linkage |
    "$programs/swift-demangle" --compact --simplified |
    for line in "${lines[@]}"; do
      while IFS= read -r function && [[ $function ]] && IFS= read -r place; do
        # The column says nothing about a call.
        place=${place%:*}
        place=${place/#*\/<compiler-generated>/<compiler-generated>}
        [[ $function == '??' ]] || line+=" $function"
        [[ $place == '??:0' ]] || line+=" $place"
        printf '%s\n' "$line"
        line=$inlined
      done
      [[ $line == "$inlined" ]] || printf '%s\n' "$line"
    done || true
}

# The lines of a call stack are held until another line follows, or nothing does
# for a while: one look-up of all is as fast as one of one. After that while a
# line that is begun and not ended is shown, unless it may become one of those.
line=
shown=0
depth=0
stack=()
while
  status=0
  IFS= read -r -t 0.3 part || status=$?
  line+=$part
  # Above 128: nothing came for a while. Otherwise: the end, perhaps after a
  # last line that has none.
  ((status == 0 || status > 128)) || [[ $line ]]
do
  if ((status <= 128)) && [[ $line =~ ^\ \ at\ 0x[0-9a-f]{16}$ ]]; then
    stack+=("$line")
    line=
    continue
  fi
  if ((${#stack[@]})); then
    print_call_stack "$depth" "${stack[@]}"
    depth=$((depth + ${#stack[@]}))
    stack=()
  fi
  if ((status > 128)); then
    [[ $line != '  '* ]] || continue
    printf '%s' "${line:shown}"
    shown=${#line}
    continue
  fi
  printf '%s' "${line:shown}"
  ((status != 0)) || echo
  line=
  shown=0
  depth=0
done
((${#stack[@]} == 0)) || print_call_stack "$depth" "${stack[@]}"
