#!/usr/bin/env bash
# Builds an app and boots it in QEMU. `./run-qemu.sh --help` says the rest.
set -euo pipefail

apus=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
  cat <<'TEXT'
usage: ./run-qemu.sh [OPTIONS] [-- ARGUMENTS]

Builds an app and boots it as the only program of a virtual machine. The guest's
console is the standard output; everything else goes to the standard error.
Ctrl-C quits.

  --app NAME          the executable product to boot (default: Demo)
  --package DIR       the Swift package it is in (default: this folder)
  --transport KIND    how the network device is reached
                      auto: what suits the machine (default): on PCI a device
                      that speaks both of the next two, on microvm mmio
                      legacy: on PCI, only as before VIRTIO 1.0
                      modern: on PCI, only as of VIRTIO 1.0 and later
                      mmio: not on a bus; implies --machine microvm
                      mmio-legacy: the same as before VIRTIO 1.0
  --net KIND          user: QEMU's own network, no rights needed (default)
                      tap:IFNAME: an existing TAP interface
  --forward PROTO:HOSTPORT:GUESTPORT
                      lets 127.0.0.1:HOSTPORT reach the guest; PROTO is tcp or
                      udp. Repeatable. What you give replaces the defaults:
                      tcp:8080:80 tcp:7777:7 udp:7777:7
  --mac ADDRESS       of the guest's interface, such as 52:54:00:12:34:56
  --memory MIB        of the guest (default: 64)
  --machine KIND      pc (default), q35, or microvm, which has no PCI
  --accel KIND        kvm, tcg, or auto (default): KVM where it is real
  --pcap FILE         writes every packet into FILE, for Wireshark or tshark
  --gdb               waits for gdb before the first instruction
  --timeout SECONDS   ends the guest after that time
  -- ARGUMENTS        go to QEMU as they are
  --help              prints this

exit codes:
  0    the guest ended orderly
  1    the guest panicked
  2    a wrong option
  70   the app did not build, QEMU did not start, or it ended for another reason
  124  --timeout is over
  130  Ctrl-C (143: SIGTERM, 129: SIGHUP, 141: nobody reads the console)
TEXT
}

say() { printf 'run-qemu.sh: %s\n' "$*" >&2; }

# Ends the script with exit code $1 and a message.
fail() {
  local status=$1
  shift
  say "$@"
  exit "$status"
}

refuse_option() {
  say "$@"
  usage >&2
  exit 2
}

# Whether $1 is a decimal number from $2 to $3. At most 9 digits, so that bash
# can compute with it.
is_number() {
  [[ $1 =~ ^[1-9][0-9]{0,8}$ ]] && (($1 >= $2 && $1 <= $3))
}

# --- Options -----------------------------------------------------------------

app=Demo
package=$apus
transport=auto
net=user
forwards=()
mac=
memory=64
machine=
accel=auto
pcap=
gdb=no
timeout=
qemu_arguments=()

while (($#)); do
  case $1 in
    --app | --package | --transport | --net | --forward | --mac | --memory | \
      --machine | --accel | --pcap | --timeout)
      (($# >= 2)) || refuse_option "$1 needs a value"
      [[ $2 ]] || refuse_option "$1 needs a value that is not empty"
      case $1 in
        --app) app=$2 ;;
        --package) package=$2 ;;
        --transport) transport=$2 ;;
        --net) net=$2 ;;
        --forward) forwards+=("$2") ;;
        --mac) mac=$2 ;;
        --memory) memory=$2 ;;
        --machine) machine=$2 ;;
        --accel) accel=$2 ;;
        --pcap) pcap=$2 ;;
        --timeout) timeout=$2 ;;
      esac
      shift 2
      ;;
    --gdb) gdb=yes; shift ;;
    --help | -h) usage; exit 0 ;;
    --) shift; qemu_arguments=("$@"); break ;;
    *) refuse_option "unknown option '$1'" ;;
  esac
done

[[ $app =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]*$ ]] ||
  refuse_option "--app takes the name of a product, not '$app'"
[[ -f $package/Package.swift ]] ||
  refuse_option "--package takes a folder with a Package.swift, not '$package'"
[[ $transport =~ ^(auto|legacy|modern|mmio|mmio-legacy)$ ]] ||
  refuse_option "--transport takes auto, legacy, modern, mmio or mmio-legacy," \
    "not '$transport'"
# 15 bytes are what Linux allows.
[[ $net =~ ^(user|tap:[A-Za-z0-9_.-]{1,15})$ ]] ||
  refuse_option "--net takes user or tap:IFNAME, not '$net'"
[[ $machine =~ ^(pc|q35|microvm)?$ ]] ||
  refuse_option "--machine takes pc, q35 or microvm, not '$machine'"
case ${machine:-default}/$transport in
  default/mmio*) machine=microvm ;;
  default/*) machine=pc ;;
  microvm/auto) transport=mmio ;;
  microvm/mmio*) ;;
  microvm/*)
    refuse_option "--machine microvm has no PCI and so no --transport" \
      "$transport: take mmio or mmio-legacy, or another machine"
    ;;
  */mmio*)
    refuse_option "--machine $machine has no place for --transport" \
      "$transport: leave --machine out, or take microvm"
    ;;
esac
[[ $accel =~ ^(auto|kvm|tcg)$ ]] ||
  refuse_option "--accel takes auto, kvm or tcg, not '$accel'"
is_number "$memory" 2 1048576 ||
  refuse_option "--memory takes a number of MiB, 2 or more, not '$memory'"
[[ -z $timeout ]] || is_number "$timeout" 1 999999999 ||
  refuse_option "--timeout takes a whole number of seconds, not '$timeout'"
if [[ $mac ]]; then
  [[ $mac =~ ^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$ ]] ||
    refuse_option "--mac takes six bytes such as 52:54:00:12:34:56, not '$mac'"
  # The lowest bit of the first byte marks a group address. IEEE 802 §8.2.2
  ((!(16#${mac%%:*} & 1))) ||
    refuse_option "--mac takes the address of one station, but $mac is one of" \
      "a group"
  [[ $mac =~ [1-9A-Fa-f] ]] ||
    refuse_option "--mac takes an address, and $mac is none"
fi
if [[ $net == tap:* ]] && ((${#forwards[@]})); then
  refuse_option "--forward is for --net user: over a TAP interface the host" \
    "reaches the guest directly"
fi
if [[ $net == user ]] && ((!${#forwards[@]})); then
  forwards=(tcp:8080:80 tcp:7777:7 udp:7777:7)
fi
declare -A forwarded=()
for forward in "${forwards[@]}"; do
  IFS=: read -r protocol host_port guest_port <<<"$forward"
  # What is too much is in the last one.
  if [[ ! $protocol =~ ^(tcp|udp)$ || $forward == *: ]] ||
    ! is_number "$host_port" 1 65535 || ! is_number "$guest_port" 1 65535; then
    refuse_option "--forward takes tcp or udp, a host port and a guest port," \
      "such as tcp:8080:80, not '$forward'"
  fi
  [[ -z ${forwarded[$protocol:$host_port]:-} ]] ||
    refuse_option "--forward uses $protocol port $host_port of the host twice"
  forwarded[$protocol:$host_port]=yes
done

# --- What the host has -------------------------------------------------------

# Whether something on this host holds a port that a socket of 127.0.0.1 would
# need. Asked of the kernel, because QEMU shares a busy UDP port silently.
is_busy() {
  local protocol=$1 port=$2 options=-Htln local_address
  [[ $protocol == tcp ]] || options=-Huan
  while read -r _ _ _ local_address _; do
    case $local_address in
      127.0.0.1:* | 0.0.0.0:* | '*:'* | '[::ffff:127.0.0.1]:'*) return 0 ;;
    esac
  done < <(ss "$options" "sport = :$port")
  return 1
}

refuse_busy_ports() {
  local forward protocol host_port guest_port
  for forward in "${forwards[@]}"; do
    IFS=: read -r protocol host_port guest_port <<<"$forward"
    if is_busy "$protocol" "$host_port"; then
      fail 70 "$protocol port $host_port of this host is busy. End what uses" \
        "it (ss -anp 'sport = :$host_port' names it), or take another port:" \
        "--forward $protocol:OTHERPORT:$guest_port. What you give replaces" \
        "all defaults, so name every forward that you want."
    fi
  done
}

"$apus/Scripts/install-dependencies.sh" run || exit 70
refuse_busy_ports
if [[ $net == tap:* ]]; then
  interface=${net#tap:}
  ip link show dev "$interface" >/dev/null 2>&1 ||
    fail 70 "there is no interface '$interface'. Make it with: sudo ip tuntap" \
      "add dev $interface mode tap user $(id -un) && sudo ip link set" \
      "$interface up"
fi

if [[ $accel == auto ]]; then
  # A /dev/kvm that opens is not enough: without vmx or svm it is a KVM that
  # interprets instructions, a thousand times slower than TCG.
  if [[ ! -r /dev/kvm || ! -w /dev/kvm ]]; then
    accel=tcg
    say "accelerator: tcg, because /dev/kvm is not readable and writable"
  elif ! grep -qwE 'vmx|svm' /proc/cpuinfo; then
    accel=tcg
    say "accelerator: tcg, because /proc/cpuinfo has neither vmx nor svm"
  else
    accel=kvm
    say "accelerator: kvm, because /dev/kvm is usable and the CPU has vmx or svm"
  fi
else
  say "accelerator: $accel, because --accel says so"
fi

# --- What runs, and how it ends ----------------------------------------------

scratch=$(mktemp -d)
builder=
qemu=
timer=
console=

# Waits up to 5 s until the process $1 is gone, or the process group -$1.
# shellcheck disable=SC2317,SC2329 # called by the trap
is_gone() {
  local attempt
  for ((attempt = 0; attempt < 50; attempt += 1)); do
    kill -0 -- "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  return 1
}

# Ends a process or process group with signal $2, by force if it does not obey.
# shellcheck disable=SC2317,SC2329 # called by the trap
end() {
  kill "-$2" -- "$1" 2>/dev/null || return 0
  is_gone "$1" || kill -KILL -- "$1" 2>/dev/null || true
}

# Leaves nothing behind.
# shellcheck disable=SC2317,SC2329 # called by the trap
clean_up() {
  # A second signal must not interrupt this.
  trap '' INT TERM HUP
  # SwiftPM ends its compilers, which are not in its group, on SIGINT only.
  [[ -z $builder ]] || end "-$builder" INT
  [[ -z $timer ]] || end "$timer" TERM
  [[ -z $qemu ]] || end "$qemu" TERM
  # It ends by itself, when it has copied what QEMU left.
  [[ -z $console ]] || is_gone "$console" || end "$console" TERM
  rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# In the background, in a process group of its own, so that a signal to this
# script is obeyed at once and ends the whole build.
set -m
"$apus/Scripts/build-guest.sh" --package "$package" --product "$app" \
  </dev/null >"$scratch/image" &
builder=$!
set +m
status=0
wait "$builder" || status=$?
builder=
((status == 0)) || fail 70 "'$app' did not build"
image=$(<"$scratch/image")

# --- The command -------------------------------------------------------------

# A comma in an option's value is doubled. QEMU, "Invocation"
escaped() { printf '%s' "${1//,/,,}"; }

transport_options=()
case $transport in
  auto) device=virtio-net-pci,disable-legacy=off,disable-modern=off ;;
  legacy) device=virtio-net-pci,disable-legacy=off,disable-modern=on ;;
  modern) device=virtio-net-pci,disable-legacy=on,disable-modern=off ;;
  mmio)
    device=virtio-net-device
    transport_options=(-global virtio-mmio.force-legacy=off)
    ;;
  mmio-legacy)
    device=virtio-net-device
    transport_options=(-global virtio-mmio.force-legacy=on)
    ;;
esac
# Without the ROM to boot from the network, which is a package of its own.
[[ $transport == mmio* ]] || device+=,romfile=
device+=,netdev=net0
[[ -z $mac ]] || device+=,mac=$mac

if [[ $net == user ]]; then
  netdev=user,id=net0
  for forward in "${forwards[@]}"; do
    IFS=: read -r protocol host_port guest_port <<<"$forward"
    netdev+=,hostfwd=$protocol:127.0.0.1:$host_port-:$guest_port
  done
else
  netdev=tap,id=net0,ifname=$interface,script=no,downscript=no
  # QEMU before 8.0 captures its header for offloads as if it were the packet's.
  # Without that header the device offers no offloads.
  if [[ $pcap && $(qemu-system-x86_64 --version) =~ version\ [1-7]\. ]]; then
    netdev+=,vnet_hdr=off
  fi
fi

# isa-debug-exit ends QEMU with 2 n + 1 when the guest writes n to its port.
command=(
  qemu-system-x86_64
  -nodefaults -no-user-config -display none -serial stdio -no-reboot
  -machine "$machine" -accel "$accel" -cpu max -smp 1 -m "$memory"
  -kernel "$image"
  -device "isa-debug-exit,iobase=0xf4,iosize=0x04"
  "${transport_options[@]}" -netdev "$netdev" -device "$device"
)
if [[ $pcap ]]; then
  command+=(-object "filter-dump,id=dump0,netdev=net0,file=$(escaped "$pcap")")
fi
if [[ $gdb == yes ]]; then
  gdb_port=1234
  while is_busy tcp "$gdb_port"; do gdb_port=$((gdb_port + 1)); done
  command+=(-S -gdb "tcp:127.0.0.1:$gdb_port")
fi
command+=("${qemu_arguments[@]}")

# --- Running it ---------------------------------------------------------------

# Prints its arguments as a line for the shell, quoted where they must be.
shell_line() {
  local word
  for word in "$@"; do
    if [[ ! $word =~ ^[A-Za-z0-9_./:,=@%+-]+$ ]]; then
      # What this prints in place of a quote ends the quotes around it.
      word="'${word//\'/\'\\\'\'}'"
    fi
    printf ' %s' "$word"
  done
}

refuse_busy_ports # again: building takes its time
say "running:$(shell_line "${command[@]}")"
if [[ $gdb == yes ]]; then
  say "waiting for gdb:$(shell_line gdb -ex \
    "target remote 127.0.0.1:$gdb_port" "$image")"
fi
say "Ctrl-C quits"

mkfifo "$scratch/console"
(
  # The guest's last words come through also after Ctrl-C: the end of QEMU ends
  # this.
  trap '' INT
  exec "$apus/Scripts/symbolicate.sh" "$image" <"$scratch/console"
) &
console=$!
# Without the terminal as its input QEMU leaves the terminal's mode alone, and
# Ctrl-C stays a signal. The end of this script is the end of QEMU even where no
# trap is run: after SIGKILL.
setpriv --pdeathsig TERM "${command[@]}" </dev/null >"$scratch/console" &
qemu=$!
running=("$qemu" "$console")
if [[ $timeout ]]; then
  setpriv --pdeathsig TERM sleep "$timeout" &
  timer=$!
  running+=("$timer")
fi

ended=
status=0
wait -n -p ended "${running[@]}" || status=$?
case $ended in
  "$timer")
    timer=
    say "ended after $timeout s, as --timeout says"
    exit 124
    ;;
  "$console")
    console=
    ((status == 0)) || fail 141 "ended, because nobody reads the console"
    # It saw the end of QEMU, which is about to be told.
    status=0
    wait "$qemu" || status=$?
    ;;
esac
qemu=
[[ -z $console ]] || wait "$console" || true
console=
case $status in
  33) exit 0 ;; # the guest wrote 0x10: 2 * 0x10 + 1
  35) exit 1 ;; # the guest wrote 0x11
  0) fail 70 "QEMU ended, but the guest did not say why: a triple fault, a" \
    "reset, or QEMU was told to end" ;;
  *) fail 70 "QEMU failed with status $status; it says why above" ;;
esac
